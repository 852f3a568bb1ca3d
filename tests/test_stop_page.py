"""Stopping on the page: one ends what one asked for; what others asked for has a button of its own."""

from __future__ import annotations

import pytest
from playwright.async_api import Page, expect

from .harness import pages
from .harness.upstream import Question, words

pytestmark = [pytest.mark.browser, pytest.mark.page_only]

BOX = "textarea[name=text]"
RUNNING = "article:is([data-status=queued], [data-status=streaming])"


def endless() -> Question:
    return Question({"text": words(5)}, {"wait": "forever"})


async def asked(page: Page, question: Question) -> str:
    """The id of its answer, once that runs."""
    known = [entry["id"] for entry in await pages.answers(page)]
    await pages.ask(page, question)
    article = page.locator(RUNNING).last
    await expect(page.locator("article[data-role=assistant]")).to_have_count(len(known) + 1)
    return await article.get_attribute("data-message")


async def stops(page: Page, answer: str) -> None:
    await expect(page.locator(f"article[data-message='{answer}']")).to_have_attribute("data-status", "stopped")


async def says(page: Page, mode: str) -> None:
    await expect(page.locator("#send")).to_have_attribute("data-mode", mode)


async def test_escape_and_the_box_stop_what_one_asked_for_and_nobody_elses(server, alice, bob, room, page_of):
    await alice.join(room, "Ada")
    ada, ben = await page_of(alice, room), await page_of(bob, room)
    for page in (ada, ben):
        await pages.live(page)
    hers = await asked(ada, endless())
    await pages.shows(ben, "w4 ", message=hers)
    await says(ada, "stop")
    await says(ben, "send")
    await ben.locator(BOX).press("Escape")
    await expect(ben.locator("#strip p")).to_have_text("Ada asked for this answer. The button under it stops it.")
    his = await asked(ben, endless())
    await says(ben, "stop")
    buttons = ben.locator(f"{RUNNING} [data-action=stop]")
    names = await buttons.evaluate_all("nodes => nodes.map(node => node.ariaLabel)")
    assert names == ["Stop the answer for Ada", "Stop the answer for you"]
    assert await ben.locator("#send").get_attribute("aria-label") == "Stop my answer"
    await ben.locator(BOX).press("Escape")
    await stops(ada, his)
    await says(ben, "send")
    assert (await pages.answer(ada, hers))["status"] == "streaming"

    his = await asked(ben, endless())
    await ada.locator(BOX).press_sequentially("next")
    await says(ada, "send")
    await ada.locator(BOX).fill("")
    await ada.locator("#send").click(delay=600)
    await stops(ben, hers)
    assert (await pages.answer(ben, his))["status"] in ("queued", "streaming")
    await ada.locator(f"article[data-message='{his}'] [data-action=stop]").click()
    await stops(ben, his)


async def test_what_one_asked_for_is_ones_own_in_every_tab_after_a_reload_and_for_anothers_question(
    server, alice, bob, room, page_of
):
    await alice.join(room, "Ada")
    ada, second, ben = await page_of(alice, room), await page_of(alice, room), await page_of(bob, room)
    for page in (ada, second, ben):
        await pages.live(page)
    hers = await asked(ada, endless())
    await says(second, "stop")
    await second.reload()
    await says(second, "stop")
    await second.locator(BOX).press("Escape")
    await stops(ada, hers)

    await ben.locator(f"article[data-message='{hers}'] [data-action=retry]").click()
    await says(ben, "stop")
    await ben.reload()
    await says(ben, "stop")
    again = await ada.locator(RUNNING).get_attribute("data-message")
    await says(ada, "send")
    await ada.locator(BOX).press("Escape")
    await expect(ada.locator("#strip p")).to_have_text("Bob asked for this answer. The button under it stops it.")
    await ben.keyboard.press("Control+k")
    await ben.keyboard.type("stop my")
    await ben.keyboard.press("Enter")
    await stops(ada, again)


async def test_escape_closes_what_is_open_before_it_stops_anything(server, alice, room, page_of):
    page = await page_of(alice, room)
    await pages.live(page)
    answer = await asked(page, endless())
    box = page.locator(BOX)

    async def closes(node: str) -> None:
        await box.press("Escape")
        await expect(page.locator(node)).to_be_hidden()
        assert not await page.locator(RUNNING).get_attribute("data-stopping")

    await page.evaluate("() => document.getElementById('people').showPopover()")
    await box.focus()
    await closes("#people")
    await page.evaluate("() => (document.getElementById('room-menu').open = true)")
    await box.focus()
    await closes("#room-menu .menu-list")
    await box.press("ArrowUp")
    await expect(page.locator("#editing")).to_be_visible()
    await closes("#editing")
    await page.keyboard.press("Control+k")
    await page.keyboard.press("Escape")
    await expect(page.locator("#palette")).to_be_hidden()
    assert (await pages.answer(page, answer))["status"] in ("queued", "streaming")
    await box.press("Escape")
    await stops(page, answer)


async def test_a_follow_up_goes_on_when_what_it_waits_for_is_stopped_twice_in_a_hurry(server, alice, room, page_of):
    page = await page_of(alice, room)
    await pages.live(page)
    first, second = await asked(page, endless()), await asked(page, endless())
    await says(page, "stop")
    await page.locator(BOX).press("Escape")
    await page.locator(BOX).press("Escape")
    await stops(page, first)
    await pages.shows(page, "w4 ", message=second)
    assert await page.locator("article[data-stopping]").count() == 0
    await says(page, "stop")
