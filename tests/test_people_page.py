"""People in a real browser: who is here, who types, how far each tab is, what one is called, and what is said aloud."""

from __future__ import annotations

import pytest
from playwright.async_api import Page, expect

from .harness import pages
from .harness.upstream import Question, words
from .harness.waiting import eventually

pytestmark = pytest.mark.browser

LISTEN = """() => {
  window.said = [];
  const watch = (node) => new MutationObserver(() => window.said.push(node.textContent)).observe(node, {childList: true, subtree: true, characterData: true});
  document.querySelectorAll('[role=log], [role=status], [role=alert], [aria-live]').forEach(watch);
}"""  # noqa: E501


async def here(page: Page) -> str:
    """The header's avatars, in words: what a screen reader says of them, and what hovering shows."""
    label, title = await page.locator("#people-button").evaluate("button => [button.ariaLabel, button.title]")
    assert label == title or not title, "before the first frame nothing is known"
    return label


async def facts(page: Page) -> dict[str, str]:
    """Name -> what the list says of them."""
    rows = page.locator("#people-list li")
    return await rows.evaluate_all(
        "rows => Object.fromEntries(rows.map(row => [row.querySelector('.person-name').firstChild.textContent,"
        " row.querySelector('.person-facts').textContent]))"
    )


async def marks(page: Page) -> list[tuple[str, int]]:
    """(whose, how far down) of each mark on the rail, the highest first."""
    found = await page.locator(".rail-mark").evaluate_all(
        "marks => marks.map(mark => [mark.title.split(' ')[0], parseInt(mark.style.getPropertyValue('--place'))])"
    )
    return sorted(found, key=lambda mark: mark[1])


@pytest.mark.page_only
async def test_people_see_each_other_type_and_change_their_names(server, alice, bob, room, page_of):
    await alice.join(room, "Ada")
    ada, ben, second = await page_of(alice, room), await page_of(bob, room), await page_of(alice, room)
    for page in (ada, ben, second):
        await pages.live(page)
    await ada.evaluate(LISTEN)
    expected = "In this room now: Ada (you, 2 tabs) and Bob"
    await eventually(lambda: _equals(here(ada), expected), 10, "Ada sees both")
    await eventually(lambda: _equals(here(ben), "In this room now: Bob (you) and Ada (2 tabs)"), 10, "Bob sees both")
    assert await ada.locator("#people-button .avatar").all_inner_texts() == ["A", "B"]
    assert (
        await ada.evaluate(
            "() => new Set([...document.querySelectorAll('#people-button .avatar')]"
            ".map(a => getComputedStyle(a).backgroundColor)).size"
        )
        == 2
    )

    box = await ada.locator("#composer").bounding_box()
    await ben.locator("textarea[name=text]").press_sequentially("Is")
    await expect(ada.locator("#strip p")).to_have_text("Bob is typing…", timeout=10_000)
    assert await ada.locator("#composer").bounding_box() == box, "nothing jumps"
    assert await ben.locator("#strip p").inner_text() == "", "one is not told that one types"
    await pages.ask(ben, Question({"text": words(3)}))
    await expect(ada.locator("#strip p")).to_have_text("", timeout=4_000)
    await pages.ended(ada)

    await ben.locator("#people-button").click()
    name = ben.locator("#my-name")
    await expect(name).to_have_value("Bob")
    await name.fill("  Benjamin ")
    await name.press("Enter")
    await expect(ben.locator("#people")).to_be_hidden()
    await expect(ada.locator("article[data-role=user] [data-part=author]")).to_have_text("Benjamin")
    await eventually(lambda: _equals(here(ada), expected.replace("Bob", "Benjamin")), 5, "the new name is everywhere")
    await expect(ben.locator(".whoami-name")).to_have_text("Benjamin")

    said = await ada.evaluate("() => window.said")
    assert not [text for text in said if "typing" in text or "room now" in text], "comings and goings are not announced"
    await ben.context.close()
    await eventually(lambda: _equals(here(ada), "In this room now: Ada (you, 2 tabs)"), 5, "who leaves is gone")


@pytest.mark.page_only
async def test_a_tab_that_is_cut_stands_still_on_the_rail_while_the_others_go_on(
    upstream, server, alice, bob, room, page_of
):
    ada, ben = await page_of(alice, room), await page_of(bob, room)
    for page in (ada, ben):
        await pages.live(page)
    gate = Question().gate()
    question = Question({"text": words(80), "rate": 400}, {"gate": gate}, {"text": words(80, 80)})
    await pages.ask(ada, question)
    await pages.shows(ben, "w79 ")
    await ben.evaluate("() => chatlab.cut()")
    await upstream.open(gate)
    await pages.ended(ada)

    async def bob_is_behind() -> bool:
        return "updates behind" in (await facts(ada)).get("Bob", "")

    await eventually(bob_is_behind, 10, "Bob is behind")
    (who, behind), (_, level) = await marks(ada)
    assert who == "Bob" and behind < level, "his mark stands above"
    assert await ada.locator("#rail").get_attribute("aria-hidden") == "true"
    await ben.evaluate("() => chatlab.plug()")

    async def level_again() -> bool:
        return (await facts(ada)).get("Bob") == ""

    await eventually(level_again, 10, "Bob has caught up, in words")
    assert await ada.evaluate("() => chatlab.state().digest") == await ben.evaluate("() => chatlab.state().digest")


@pytest.mark.page_only
async def test_on_a_phone_one_finds_the_people_in_the_menu_too(server, alice, bob, room, browser_of):
    context = await browser_of(alice)
    page = await context.new_page()
    await page.set_viewport_size({"width": 390, "height": 844})
    await page.goto(f"{server.url}/rooms/{room}/")
    await pages.live(page)
    await page.locator("#room-menu summary").click()
    await page.locator("#room-menu [data-action=people]").click()
    await expect(page.locator("#people")).to_be_visible()
    await expect(page.locator("#my-name")).to_be_focused()
    box = await page.locator("#people").bounding_box()
    assert box["x"] >= 0 and box["x"] + box["width"] <= 390
    assert await page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    await page.keyboard.press("Escape")
    await expect(page.locator("#people")).to_be_hidden()


async def test_whose_stop_it_was_and_after_how_much(upstream, server, alice, bob, room, page_of):
    ada, ben = await page_of(alice, room), await page_of(bob, room)
    for page in (ada, ben):
        await pages.live(page)
    await pages.ask(ada, Question({"text": words(20)}, {"wait": "forever"}))
    await pages.shows(ben, "w19 ")
    await ben.locator("[data-status=streaming] [data-action=stop]").click()
    length = len("".join(words(20)))
    note = "article[data-status=stopped] [data-part=note]"
    await expect(ada.locator(note)).to_have_text(f"Stopped by Bob after {length} characters.")
    await expect(ben.locator(note)).to_have_text(f"Stopped by you after {length} characters.")


async def _equals(found, expected: object) -> bool:
    return await found == expected
