"""What axe, the tool, finds in each view, in light and dark, wide and narrow: nothing."""

from __future__ import annotations

from importlib.resources import files

import pytest
from playwright.async_api import Page

from .harness import pages
from .harness.upstream import Question, words
from .test_links_live import make_link
from .windows import in_room, told, told_room, window

__all__ = ["told", "told_room", "window"]

pytestmark = [pytest.mark.browser, pytest.mark.page_only]

AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8")
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
OF_COLOURS = ["color-contrast", "link-in-text-block"]  # a scheme changes nothing else
WINDOWS = [(1280, 800), (390, 844)]
SETTLED = """() => Promise.allSettled(document.getAnimations()
  .filter(animation => animation.effect.getTiming().iterations === 1).map(animation => animation.finished))"""


async def violations(page: Page) -> list[str]:
    """What is wrong with what is on the page now, in every window."""
    found = []
    if not await page.evaluate("'axe' in window"):
        await page.evaluate(AXE)
    for width, height in WINDOWS:
        await page.set_viewport_size({"width": width, "height": height})
        for scheme, rules in (("light", RULES), ("dark", OF_COLOURS)):
            await page.emulate_media(color_scheme=scheme)
            await page.evaluate(SETTLED)
            found += [
                f"{scheme}, {width} pixels: {fault}"
                for fault in await page.evaluate(
                    "rules => axe.run({runOnly: rules, resultTypes: ['violations']}).then(({violations}) =>"
                    " violations.flatMap(({id, nodes}) => nodes.map(({html, failureSummary}) =>"
                    " `${id}: ${html.slice(0, 200)} ${failureSummary}`)))",
                    rules,
                )
            ]
    return found


async def test_a_room(told_room, window):
    page = await window()
    await in_room(page, told_room)
    assert await violations(page) == []
    await page.evaluate("document.getElementById('people').togglePopover(true)")
    assert await violations(page) == [], "with the people of the room"
    await page.evaluate("document.getElementById('people').togglePopover(false)")
    await page.locator("article[data-role=assistant] [data-action=replay]").first.click()
    await page.locator("#replay[open]").wait_for()
    assert await violations(page) == [], "an answer played again"


async def test_an_answer_that_streams_and_a_wire_that_is_cut(room, window):
    page = await window()
    await in_room(page, room)
    await pages.ask(page, Question({"text": words(20)}, {"wait": "forever"}))
    await pages.shows(page, "w19 ")
    assert await violations(page) == [], "while it streams"
    await page.evaluate("chatlab.cut()")
    await page.locator("#strip[data-state=cut]").wait_for()
    assert await violations(page) == [], "with the wire cut"


async def test_what_opens_over_a_room(told_room, window):
    page = await window()
    await in_room(page, told_room)
    await page.keyboard.press("Control+k")
    await page.keyboard.type("quoted")
    await page.locator("#palette mark").first.wait_for()
    assert await violations(page) == [], "the palette"
    await page.keyboard.press("Escape")
    await page.keyboard.press("Control+/")
    await page.locator("#shortcuts").wait_for()
    assert await violations(page) == [], "the keys"
    await page.keyboard.press("Escape")
    await page.locator("#room-menu summary").click()
    assert await violations(page) == [], "the menu"
    await page.keyboard.press("Escape")
    await page.locator("article[data-role=user] [data-action=edit]").first.click()
    await pages.ask(page, Question({"text": "another version"}))
    await page.locator(".versions:not([hidden])").wait_for()
    await pages.ended(page)
    await page.locator("article[data-role=user] [data-action=edit]").first.click()
    assert await violations(page) == [], "two versions, and editing"


async def test_the_pages_beside_it(alice, told_room, window):
    page = await window()
    link = await make_link(alice, told_room)
    searches = ("/search/", "/search/?q=quoted", "/search/?q=nowhere")
    own = (f"/rooms/{told_room}/links/", f"/rooms/{told_room}/members/")
    for path in ("/", "/login/", "/no/such/page", *own, *searches, "/shared/nothing/", link):
        await page.goto(path)
        assert await violations(page) == [], path
    await pages.live(page)
    assert await violations(page) == [], "reading along"


async def test_the_page_with_the_tabs_and_the_invitation(server, room, window):
    page = await window()
    await page.goto(f"/demo/sync/?room={room}")
    await page.locator("#verdict[data-state=identical]").wait_for()
    assert await violations(page) == [], "the page with the tabs"
    await page.context.clear_cookies()
    await page.route("**/api/**", lambda route: route.abort())  # where scripts run, they come in at once
    await page.goto(f"/rooms/{room}/")
    assert await violations(page) == [], "the invitation"
