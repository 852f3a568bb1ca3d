"""Two tabs of one room in a real browser, and what can happen to them in the middle of an answer."""

from __future__ import annotations

import pytest

from .harness import pages
from .harness.upstream import Question, words
from .harness.waiting import eventually
from .harness.wire import wire_to

pytestmark = pytest.mark.browser


def halted(*counts: int) -> tuple[Question, list[str]]:
    """A question whose answer stops at a gate after each of these numbers of deltas, and the gates."""
    base, steps, gates, start = Question().name, [], [], 0
    for place, count in enumerate(counts):
        steps.append({"text": words(count, start), "rate": 400})
        start += count
        if place < len(counts) - 1:
            gates.append(f"{base}-{place}")
            steps.append({"gate": gates[-1]})
    return Question(*steps), gates


async def equal_to_the_database(server, room, *open_pages):
    """Every page shows, character for character, what is stored, and their digests and cursors agree."""
    (message,) = server.database.answers(room)
    await eventually(lambda: server.database.status(message) == "complete")
    stored = server.database.text(message)
    for page in open_pages:
        assert (await pages.ended(page))["text"] == stored
        assert len(await pages.answers(page)) == 1
    states = [await pages.state(page) for page in open_pages]
    assert len({(state["cursor"], state["digest"], state["length"]) for state in states}) == 1
    assert states[0]["length"] == len(stored)
    server.database.check_room(room)
    return stored


async def test_a_tab_that_is_cut_in_mid_answer_ends_equal_to_the_one_that_stayed(
    upstream, server, alice, room, browser_of
):
    question, (first, second) = halted(50, 50, 50)
    window = await browser_of(alice)
    async with wire_to(server.url) as wire:
        stays, cut = await window.new_page(), await window.new_page()
        await stays.goto(f"{server.url}/rooms/{room}/")
        await cut.goto(f"{wire.url}/rooms/{room}/")
        await pages.live(stays)
        await pages.live(cut)
        await pages.ask(stays, question)
        for page in (stays, cut):
            await pages.shows(page, "w49 ")
        wire.cut()
        await upstream.open(first)
        await pages.shows(stays, "w99 ")
        assert (await pages.answer(cut))["text"].endswith("w49 "), "the tab was not cut"
        wire.plug()
        await pages.shows(cut, "w99 ", within=20)
        await upstream.open(second)
        stored = await equal_to_the_database(server, room, stays, cut)
    assert stored == "".join(words(150))


async def test_a_third_tab_that_opens_in_the_middle_is_level_with_the_others(
    upstream, server, alice, bob, room, browser_of, page_of
):
    question, (gate,) = halted(50, 50)
    first = await page_of(alice, room)
    second = await page_of(alice, room)
    await pages.live(first)
    await pages.ask(first, question)
    await pages.shows(second, "w49 ")
    third = await page_of(bob, room)
    await pages.shows(third, "w49 ")
    assert (await pages.answer(third))["text"] == "".join(words(50))
    await upstream.open(gate)
    assert await equal_to_the_database(server, room, first, second, third) == "".join(words(100))


async def test_a_reload_in_the_middle_shows_everything_and_goes_on(upstream, server, alice, room, page_of):
    question, (gate,) = halted(50, 50)
    page = await page_of(alice, room)
    await pages.live(page)
    await pages.ask(page, question)
    await pages.shows(page, "w49 ")
    await page.reload()
    assert (await pages.shows(page, "w49 "))["text"] == "".join(words(50))
    await upstream.open(gate)
    assert await equal_to_the_database(server, room, page) == "".join(words(100))


async def test_the_asker_leaves_for_good_and_the_answer_still_completes(upstream, server, alice, bob, room, page_of):
    question, (gate,) = halted(50, 50)
    asker, other = await page_of(alice, room), await page_of(bob, room)
    await pages.live(asker)
    await pages.ask(asker, question)
    await pages.shows(other, "w49 ")
    await asker.context.close()
    await upstream.open(gate)
    assert await equal_to_the_database(server, room, other) == "".join(words(100))
    assert len(await upstream.requests(question)) == 1


async def test_the_two_tab_page_says_when_both_are_identical(server, alice, page_of, browser_of):
    """The page that newcomers see first: two frames, one is cut, and the line that compares them."""
    page = await (await browser_of(alice)).new_page()
    await page.goto(f"{server.url}/demo/sync/")
    await eventually(lambda: len(page.frames) == 3, 10, "two framed rooms")
    left, right = page.frames[1:]

    async def both_live() -> bool:
        check = "() => window.chatlab?.state().state === 'live'"
        return await left.evaluate(check) and await right.evaluate(check)

    await eventually(both_live, 10)
    await right.evaluate("() => window.chatlab.cut()")
    question = Question({"text": words(60), "rate": 200})
    await left.locator("textarea[name=text]").fill(question)
    await left.locator("textarea[name=text]").press("Enter")
    await eventually(lambda: left.locator("article[data-role=assistant][data-status=complete]").count(), 10)
    assert await right.locator("article[data-role=assistant]").count() == 0
    await right.evaluate("() => window.chatlab.plug()")

    async def identical() -> bool:
        one, two = [await frame.evaluate("() => window.chatlab.state()") for frame in (left, right)]
        return one["digest"] == two["digest"] and one["length"] == two["length"] == len("".join(words(60)))

    await eventually(identical, 10)
