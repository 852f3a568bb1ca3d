"""What axe, the tool, finds in the views around a conversation: nothing. And none of them is wider than its window."""

from __future__ import annotations

import pytest

from .harness import pages
from .harness.upstream import Question
from .test_axe import WINDOWS, violations
from .test_links_live import make_link
from .windows import in_room, told_room, window

__all__ = ["told_room", "window"]

pytestmark = pytest.mark.browser

# How much wider than its window a page is, and which controls are smaller than a finger needs.
GEOMETRY = """() => ({
  wider: Math.max(0, document.documentElement.scrollWidth - innerWidth),
  small: [...document.querySelectorAll('button, input:not([type=checkbox]), select, summary, .button, nav a')]
    .filter(node => node.checkVisibility({opacityProperty: true, visibilityProperty: true}))
    .map(node => [node.outerHTML.slice(0, 90), node.getBoundingClientRect()])
    .filter(([, {width, height}]) => width > 1 && (width < 23.5 || height < 23.5))
    .map(([html]) => html),
})"""


@pytest.mark.parametrize(("scheme", "width", "height"), WINDOWS)
async def test_axe_finds_nothing_in_what_opens_over_a_room(told_room, window, scheme, width, height):
    page = await window(scheme, width, height)
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


@pytest.mark.parametrize(("scheme", "width", "height"), WINDOWS)
async def test_axe_finds_nothing_in_the_pages_beside_it(alice, told_room, window, scheme, width, height):
    page = await window(scheme, width, height)
    link = await make_link(alice, told_room)
    paths = (
        f"/rooms/{told_room}/links/",
        "/search/",
        "/search/?q=quoted",
        "/search/?q=nowhere",
        "/shared/nothing/",
        link,
    )
    for path in paths:
        await page.goto(path)
        assert await violations(page) == [], path
    await pages.live(page)
    assert await violations(page) == [], "reading along"


async def test_no_page_is_wider_than_its_window_and_no_control_too_small(alice, told_room, window):
    page = await window()
    await alice.api("POST", "/rooms", {"title": "A_title_without_any_space_in_it_" * 6})
    link = await make_link(alice, told_room)
    room = f"/rooms/{told_room}/"
    for path in ("/", "/login/", "/search/?q=quoted", f"{room}links/", link, room):
        await page.goto(path)
        for width in (320, 390, 768, 1280):
            await page.set_viewport_size({"width": width, "height": 640})
            assert await page.evaluate(GEOMETRY) == {"wider": 0, "small": []}, (path, width)
    await page.set_viewport_size({"width": 320, "height": 640})
    for keys, shown in (("Control+k", "#palette"), ("Control+/", "#shortcuts")):
        await page.keyboard.press(keys)
        box = await page.locator(shown).bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= 320 and box["y"] + box["height"] <= 640, shown
        await page.keyboard.press("Escape")
    await page.locator("#room-menu summary").click()
    box = await page.locator("#room-menu .menu-list").bounding_box()
    assert box["x"] >= 0 and box["x"] + box["width"] <= 320


async def test_what_is_printed_is_the_conversation(told_room, window):
    page = await window()
    await in_room(page, told_room)
    await page.emulate_media(media="print")
    shown = "selector => [...document.querySelectorAll(selector)].filter(node => node.checkVisibility()).length"
    for selector in (".sidebar", ".dock", ".topbar button", ".topbar summary", ".message .actions", ".jump", ".pill"):
        assert await page.evaluate(shown, selector) == 0, selector
    assert await page.evaluate(shown, ".message [data-part=text]") >= 5
    assert await page.evaluate("() => getComputedStyle(document.getElementById('scroller')).overflow") == "visible"
    assert await page.evaluate("() => getComputedStyle(document.body).colorScheme") == "light"
