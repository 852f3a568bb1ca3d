"""What happens to a tab of a real browser besides its wire: it is frozen, left and shown again, its clock is wrong."""

from __future__ import annotations

import pytest

from .harness import pages
from .harness.upstream import Question, words

pytestmark = [pytest.mark.browser, pytest.mark.page_only]

OTHER_CLOCK = """const Real = Date, by = %d;
Date = class extends Real { constructor(...a) { super(...(a.length ? a : [Real.now() + by])); } };
Date.now = () => Real.now() + by;"""


async def test_a_frozen_tab_is_level_as_soon_as_it_is_resumed(upstream, server, alice, bob, room, page_of, tab):
    """E5"""
    page, here = await page_of(alice, room), await tab(bob, room)
    await pages.live(page)
    control = await page.context.new_cdp_session(page)
    await control.send("Page.setWebLifecycleState", {"state": "frozen"})
    await here.finished(await here.post(Question({"text": words(50)})))
    await control.send("Page.setWebLifecycleState", {"state": "active"})
    assert (await pages.ended(page))["text"] == "".join(words(50))


async def test_a_tab_that_is_left_and_shown_again_is_level(upstream, server, alice, bob, room, page_of, tab):
    """E5: the way into the back/forward cache and back."""
    page, here = await page_of(alice, room), await tab(bob, room)
    await pages.live(page)
    await page.goto(f"{server.url}/healthz")
    await here.finished(await here.post(Question({"text": words(50)})))
    await page.go_back()
    assert (await pages.ended(page))["text"] == "".join(words(50))
    await pages.live(page)


@pytest.mark.parametrize("days", [-1, 1])
async def test_a_tab_whose_clock_is_a_day_off_works(days, upstream, server, alice, room, browser_of):
    """E6"""
    window = await browser_of(alice, locale="en-US")
    await window.add_init_script(OTHER_CLOCK % (days * 86_400_000))
    page = await window.new_page()
    await page.goto(f"{server.url}/rooms/{room}/")
    await pages.live(page)
    await pages.ask(page, Question({"text": words(50)}))
    assert (await pages.ended(page))["text"] == "".join(words(50))
    await page.evaluate("() => { window.chatlab.cut(); window.chatlab.plug(); }")
    await pages.live(page)
    assert (await pages.state(page))["outbox"] == 0
