"""What axe, the tool, finds in each view, in light and dark, wide and narrow: nothing."""

from __future__ import annotations

from importlib.resources import files

import pytest
from playwright.async_api import Page

from .harness import pages
from .harness.upstream import Question, words
from .windows import in_room, told_room, window

__all__ = ["told_room", "window"]

pytestmark = pytest.mark.browser

AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8")
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
WINDOWS = [("light", 1280, 800), ("dark", 1280, 800), ("light", 390, 844), ("dark", 390, 844)]
SETTLED = """() => Promise.all(document.getAnimations()
  .filter(animation => animation.effect.getTiming().iterations === 1).map(animation => animation.finished))"""


async def violations(page: Page) -> list[str]:
    await page.evaluate(SETTLED)
    await page.evaluate(AXE)
    return await page.evaluate(
        "rules => axe.run({runOnly: rules, resultTypes: ['violations']}).then(({violations}) => violations.flatMap("
        "({id, nodes}) => nodes.map(({html, failureSummary}) => `${id}: ${html.slice(0, 200)} ${failureSummary}`)))",
        RULES,
    )


@pytest.mark.parametrize(("scheme", "width", "height"), WINDOWS)
async def test_axe_finds_nothing_in_a_room(told_room, window, scheme, width, height):
    page = await window(scheme, width, height)
    await in_room(page, told_room)
    assert await violations(page) == []
    await page.evaluate("document.getElementById('people').togglePopover(true)")
    assert await violations(page) == [], "with the people of the room"
    await page.evaluate("document.getElementById('people').togglePopover(false)")
    question = Question({"text": words(20)}, {"wait": "forever"})
    await pages.ask(page, question)
    await pages.shows(page, "w19 ")
    assert await violations(page) == [], "while it streams"
    await page.evaluate("chatlab.cut()")
    await page.locator("#strip[data-state=cut]").wait_for()
    assert await violations(page) == [], "with the wire cut"


@pytest.mark.parametrize(("scheme", "width", "height"), WINDOWS)
async def test_axe_finds_nothing_anywhere_else(server, room, alice, window, scheme, width, height):
    page = await window(scheme, width, height)
    for path in ("/", f"/rooms/{room}/", "/login/", "/no/such/page"):
        await page.goto(path)
        assert await violations(page) == [], path
    await page.goto(f"/demo/sync/?room={room}")
    await page.locator("#verdict[data-state=identical]").wait_for()
    assert await violations(page) == [], "the page with the tabs"
    await page.context.clear_cookies()
    await page.route("**/api/**", lambda route: route.abort())  # where scripts run, they come in at once
    await page.goto(f"/rooms/{room}/")
    assert await violations(page) == [], "the invitation"


async def test_axe_finds_nothing_in_a_replay(told_room, window):
    for scheme in ("light", "dark"):
        page = await window(scheme)
        await in_room(page, told_room)
        await page.locator("article[data-role=assistant] [data-action=replay]").first.click()
        await page.locator("#replay[open]").wait_for()
        assert await violations(page) == []
