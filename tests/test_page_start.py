"""A page before its scripts run, and where none ever does: all stands where it will stand, and nothing is dead."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from playwright.async_api import Page, Route

from rooms.models import Member, Room

from .harness import pages
from .harness.upstream import Question, words
from .harness.waiting import eventually
from .test_links import guest
from .windows import told, told_room, window

__all__ = ["told", "told_room", "window"]

# -- what the server writes --------------------------------------------------------------------------------------------


def inside(place) -> Client:
    return guest(Member.objects.get(pk=place.member).guest)


def test_a_post_without_scripts_leads_to_its_answer(place) -> None:
    client = inside(place)
    sent = client.post(f"/rooms/{place.room}/messages/", {"text": "A question"})
    page = client.get(sent["Location"]).content.decode()
    (answer,) = re.findall(r'id="m-([^"]+)" data-message="[^"]+" data-role="assistant"', page)
    assert sent["Location"] == f"/rooms/{place.room}/#m-{answer}"
    assert re.search(rf'href="\?at=\d+#m-{answer}"', page), "and one can look again, there"


def test_a_post_without_scripts_that_is_refused_keeps_what_was_written(place, settings) -> None:
    settings.CHATLAB_TEXT_MAX = 10
    sent = inside(place).post(f"/rooms/{place.room}/messages/", {"text": "More than <ten> letters"})
    assert sent.status_code == 413
    assert re.search(r"<textarea[^>]*>More than &lt;ten&gt; letters</textarea>", sent.content.decode())


def test_the_open_room_is_listed_however_old_it_is(place, settings) -> None:
    settings.CHATLAB_LIMITS = False
    client = inside(place)
    for _ in range(51):
        client.post("/rooms/")
    Room.objects.filter(pk=place.room).update(active_at=datetime.now(UTC) - timedelta(days=90))
    page = client.get(f"/rooms/{place.room}/").content.decode()
    assert page.count("data-room=") == 51, "the newest fifty, and this one"
    assert f'data-room="{place.room}" aria-current="page"' in page


def test_days_in_the_list_are_the_readers(place) -> None:
    """An hour ago was yesterday for whoever's midnight has just passed."""
    client = inside(place)
    now = datetime.now(UTC)
    Room.objects.filter(pk=place.room).update(active_at=now - timedelta(hours=1))
    east = f"Etc/GMT{now.hour:+d}" if now.hour <= 12 else f"Etc/GMT-{24 - now.hour}"  # where it is just past midnight

    def heading(zone: str) -> str:
        client.cookies["chatlab_zone"] = zone
        page = client.get(f"/rooms/{place.room}/").content.decode()
        return re.search(r'id="room-list".*?<h2>(.*?)</h2>', page, re.DOTALL)[1]

    assert heading(east) == "Yesterday"
    for nonsense in ("", "../../etc/passwd", "Nowhere/Atlantis", "x" * 5000):
        assert heading(nonsense) in ("Today", "Yesterday")


def test_what_is_offered_first_fits_the_model(place, settings) -> None:
    client = inside(place)
    settings.CHATLAB_PROVIDER = "demo"
    demo = client.get(f"/rooms/{place.room}/").content.decode()
    settings.CHATLAB_PROVIDER = "openai"
    real = client.get(f"/rooms/{place.room}/").content.decode()
    offered = re.compile(r'<button name="text" value="([^"]+)"')
    assert [text for text in offered.findall(demo) if text.startswith("/long ")]
    assert len(offered.findall(real)) == len(offered.findall(demo)) == 4
    assert not re.search(r"/long|cursor|wire|tabs|network|log of events", " ".join(offered.findall(real)))


# -- in a browser ------------------------------------------------------------------------------------------------------

# Where everything of the frame stands, by what it is.
PLACES = """() => {
  const names = [".topbar h1", "#pill", "#people-button", "[data-action=invite]", "#room-menu", "#composer", "#send",
    "#hint", "#model", ".sidebar .find-box", ".sidebar-foot"];
  const seen = names.map(name => [name, document.querySelector(name)]).filter(([, node]) => node?.getClientRects().length);
  return Object.fromEntries(seen.map(([name, node]) => {
    const { left, right, top, bottom } = node.getBoundingClientRect();
    // The pill's words change; it grows to the left, and the title makes room.
    const sides = name === "#pill" ? { right, top, bottom } : name.endsWith("h1") ? { left, top, bottom } : { left, right, top, bottom };
    return [name, sides];
  }));
}"""  # noqa: E501
# Buttons that do something only by a script, and can be pressed.
OFFERED = """() => [...document.querySelectorAll("button[type=button]:not([popovertarget]), select, [data-command]")]
  .filter(node => node.checkVisibility({ visibilityProperty: true }) && !node.matches(".whoami"))
  .map(node => node.outerHTML.slice(0, 90))"""
SHIFTS = """window.shifts = [];
new PerformanceObserver(list => shifts.push(...list.getEntries().filter(({ value }) => value > 0.005)
  .map(({ value, sources }) => [value, ...sources.map(({ node }) => node?.outerHTML?.slice(0, 80))])))
  .observe({ type: "layout-shift", buffered: true });"""
STYLED = "() => [...document.querySelectorAll('link[rel=stylesheet]')].every(({ sheet }) => sheet)"
TIMES = "() => [...document.querySelectorAll('.message time, .room-meta time')].map(node => node.checkVisibility({ visibilityProperty: true }) ? node.innerText : '')"  # noqa: E501


async def held(page: Page) -> asyncio.Event:
    """The page's own script comes when this is set."""
    go = asyncio.Event()

    async def hold(route: Route) -> None:
        await go.wait()
        await route.continue_()

    await page.route(re.compile(r"/static/rooms/(main|index)(\.\w+)?\.js"), hold)
    return go


@pytest.mark.browser
@pytest.mark.page_only
@pytest.mark.parametrize("width", [1280, 390])
async def test_nothing_moves_and_nothing_is_dead_while_scripts_are_on_their_way(width, told_room, window):
    page = await window(width=width, locale="en-US", timezone_id="America/New_York")
    await page.add_init_script(SHIFTS)
    go = await held(page)
    await page.goto(f"/rooms/{told_room}/", wait_until="commit")
    await page.locator("#announcer").wait_for(state="attached")
    await eventually(lambda: page.evaluate(STYLED), 10, "its styles are there")
    before, times = await page.evaluate(PLACES), await page.evaluate(TIMES)
    assert await page.evaluate(OFFERED) == []
    assert not any(times), "no form that is exchanged for another one"
    go.set()
    await pages.live(page)
    assert await page.evaluate(PLACES) == before
    assert all(re.fullmatch(r"(\w+ \d+, )?\d\d:\d\d [AP]M", time) for time in await page.evaluate(TIMES))
    await page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    assert await page.evaluate("shifts") == []
    zones = {cookie["name"]: cookie["value"] for cookie in await page.context.cookies()}
    assert "America/New_York" in zones.values(), "the server is told, for the days of the list"
    go.clear()
    await page.goto("/", wait_until="commit")
    await eventually(lambda: page.locator(".room-meta time").count(), 10)
    await eventually(lambda: page.evaluate(STYLED), 10)
    assert not any(await page.evaluate(TIMES)), "nor in the list of rooms"
    go.set()
    await eventually(lambda: page.locator(".room-meta time").first.is_visible(), 5)


@pytest.mark.browser
@pytest.mark.page_only
async def test_without_scripts_the_header_is_whole_and_a_post_leads_to_its_answer(upstream, told_room, window):
    for width in (1280, 390):
        page = await window(width=width, java_script_enabled=False)
        await page.goto(f"/rooms/{told_room}/")
        menu = await page.locator("#room-menu summary").bounding_box()
        assert menu["x"] + menu["width"] > width - 32, "at its end, as with scripts"
        shown = [
            button
            for button in await page.locator("button[type=button]:not([popovertarget]), select").all()
            if await button.is_visible() and await button.get_attribute("data-action") != "people"
        ]
        assert shown == []
        if width == 1280:
            await page.locator(".sidebar .whoami").click()
            assert await page.locator("#my-name").is_visible(), "one's name can be changed"
            await page.keyboard.press("Escape")
        times = [text for text in await page.locator(".message time").all_inner_texts() if text]
        assert times and all(text.endswith(" UTC") for text in times)
    gate = Question().gate()
    question = Question({"text": words(300)}, {"gate": gate}, {"text": words(5)})
    await page.locator("textarea").fill(question)
    await page.locator("#send").click()
    answer = page.locator("article[data-role=assistant]").last
    await answer.wait_for()
    assert page.url.endswith(f"#{await answer.get_attribute('id')}")
    box = await answer.bounding_box()
    assert 0 < box["y"] < 700, "one is at the answer"
    await upstream.open(gate)
    again = answer.get_by_role("link", name="Reload to see more of it")
    if await again.count():
        await again.click()
    assert await answer.is_visible()
