"""The admin's pages in a real browser: with the longest titles, on a desk and on a phone."""

from __future__ import annotations

import pytest
from playwright.async_api import Page

from .windows import told, told_room, window

__all__ = ["told", "told_room", "window"]

pytestmark = [pytest.mark.browser, pytest.mark.page_only]

LONG = "A title that goes on and on, because nobody told whoever wrote it to stop, and_no_space_in_it_" + "x" * 100
LISTS = ("room", "message", "generation", "delta", "member", "link", "token")
WIDER = "() => document.documentElement.scrollWidth - innerWidth"
# How far a list is wider than its place, and the height of its highest row.
LIST = """() => {
  const [list, rows] = [document.querySelector(".results"), document.querySelectorAll("#result_list tbody tr")];
  return list ? [list.scrollWidth - list.clientWidth, Math.max(...[...rows].map(row => row.offsetHeight))] : [0, 0];
}"""
SCRIPT = """
from django.contrib.auth.models import User
from rooms.models import Room
User.objects.filter(username="inspector").delete()
User.objects.create_superuser("inspector", password="correct horse")
Room.objects.filter(pk="{room}").update(title="{title}")
"""


async def test_lists_with_long_titles_fit_and_every_page_fits_a_phone(server, told_room: str, window):
    server.manage("shell", "-c", SCRIPT.format(room=told_room, title=LONG[:200]))
    page: Page = await window()
    await page.context.clear_cookies()
    await page.goto("/login/?next=/admin/")
    await page.fill("input[name=username]", "inspector")
    await page.fill("input[name=password]", "correct horse")
    await page.locator("main button").click()
    await page.wait_for_url("**/admin/")
    paths = {"/admin/"}
    for name in LISTS:
        path = f"/admin/rooms/{name}/"
        await page.goto(f"{path}?q={told_room}")
        wider, highest = await page.evaluate(LIST)
        assert wider <= 0, f"the list of {name}s is cut off"
        assert highest <= 130, f"a {name} takes {highest} px"
        rows = page.locator(f"#result_list a[href*='{path}']")
        paths |= {path, *[await row.get_attribute("href") for row in (await rows.all())[:1]]}
    assert len(paths) >= 10
    await page.set_viewport_size({"width": 390, "height": 844})
    for path in paths:
        await page.goto(path)
        assert await page.evaluate(WIDER) <= 0, path
        beginnings = page.locator("#result_list .field-__str__ a, #result_list .field-in_room a")
        widths = [(await one.bounding_box())["width"] for one in (await beginnings.all())[:3]]
        assert not widths or min(widths) >= 80, f"{path}: a title is a column of single letters"
