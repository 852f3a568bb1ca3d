"""What a page does about its connection, in a real browser: what it shows, what it keeps to itself, and that it ends
equal.
"""

from __future__ import annotations

import asyncio
import random

import pytest
from playwright.async_api import Page, WebSocketRoute, expect

from rooms.version import VERSION

from .harness import pages
from .harness.upstream import Question, words
from .harness.waiting import eventually
from .harness.wire import wire_to

pytestmark = pytest.mark.browser

# Every state that the page shows while this runs, and each time a word above the box changes.
WATCH = """() => {
  window.shown = [];
  const pill = document.getElementById('pill');
  const strip = document.querySelector('#strip [data-part=line]');
  const note = () => {
    const now = `${pill.dataset.state}|${strip.textContent}`;
    if (now !== window.shown.at(-1)) window.shown.push(now);
  };
  new MutationObserver(note).observe(pill, {attributes: true, subtree: true, childList: true, characterData: true});
  new MutationObserver(note).observe(strip, {subtree: true, childList: true, characterData: true});
}"""


async def shown(page: Page) -> list[str]:
    return await page.evaluate("() => window.shown")


async def reaches(page: Page, state: str, within: float = 20.0) -> None:
    await expect(page.locator("#pill")).to_have_attribute("data-state", state, timeout=within * 1000)


async def says(page: Page, text: str, within: float = 20.0) -> None:
    await expect(page.locator("#strip [data-part=line]")).to_contain_text(text, timeout=within * 1000)


async def equal_to_the_database(server, room: str, *open_pages: Page, within: float = 30.0) -> None:
    (message,) = await eventually(lambda: server.database.answers(room), within)
    await eventually(lambda: server.database.status(message) == "complete", within)
    for page in open_pages:
        assert (await pages.ended(page, within=within))["text"] == server.database.text(message)
        state = await pages.state(page)
        assert (state["desyncs"], state["outbox"]) == (0, 0)
    states = [await pages.state(page) for page in open_pages]
    assert len({(state["cursor"], state["digest"], state["length"]) for state in states}) == 1
    server.database.check_room(room)


@pytest.mark.page_only
async def test_a_wire_that_breaks_twenty_times_within_an_answer_loses_and_doubles_nothing(
    upstream, server, alice, room, browser_of, page_of
):
    """16,000 characters; the connection is reset at moments that nobody chose."""
    chance = random.Random(20)
    stays = await page_of(alice, room)
    window = await browser_of(alice)
    async with wire_to(server.url) as wire:
        torn = await window.new_page()
        await torn.add_init_script("Math.random = () => 0.05")  # it comes back quickly: the waits are not the subject
        await torn.goto(f"{wire.url}/rooms/{room}/")
        for page in (stays, torn):
            await pages.live(page)
        await pages.ask(stays, Question({"text": words(2800), "rate": 280}))
        for _ in range(20):
            await asyncio.sleep(chance.uniform(0.05, 0.5))
            wire.reset()
        await equal_to_the_database(server, room, stays, torn)
    assert (await pages.state(torn))["length"] > 15_500


@pytest.mark.page_only
async def test_an_outage_is_silent_at_first_then_said_once_and_made_good(
    upstream, server, alice, room, browser_of, page_of
):
    other = await page_of(alice, room)
    window = await browser_of(alice)
    async with wire_to(server.url) as wire:
        page = await window.new_page()
        await page.goto(f"{wire.url}/rooms/{room}/")
        for one in (page, other):
            await pages.live(one)
        await page.evaluate(WATCH)
        wire.reset()
        await eventually(lambda: _state_is(page, "blip"), 10)
        await pages.live(page)
        assert {entry.split("|")[0] for entry in await shown(page)} <= {"live"}, "what heals at once is not shown"

        wire.cut()
        await reaches(page, "reconnecting")
        await reaches(page, "offline")
        await says(page, "Offline since ")
        await page.locator("textarea[name=text]").fill("Later")
        await page.locator("textarea[name=text]").press("Enter")
        await says(page, "1 message will be sent when you are back.")
        await expect(page.locator("#strip [data-action=try]")).to_be_visible()
        await pages.ask(other, Question({"text": words(40)}))
        await pages.ended(other)
        wire.plug()
        await page.locator("#strip [data-action=try]").click()
        await says(page, "Back. ")
        await pages.live(page)
        said = await shown(page)
        assert sum("Back. " in entry for entry in said) <= 2, "one sentence, though its number may still have grown"
        await eventually(lambda: _outbox_is_empty(page), 10)
        assert "Later" in [m["text"] for m in (await alice.snapshot(room))["messages"]]


@pytest.mark.page_only
async def test_what_was_missed_is_drawn_in_one_step(upstream, server, alice, room, browser_of, page_of):
    """However many frames it comes in: nobody watches an answer being written a second time."""
    other = await page_of(alice, room)
    page = await (await browser_of(alice)).new_page()
    coming: asyncio.Queue = asyncio.Queue()

    async def hand_over() -> None:
        while True:
            route, message = await coming.get()
            route.send(message)
            await asyncio.sleep(0.06)  # some frames of the screen

    def connect(route: WebSocketRoute) -> None:
        route.connect_to_server().on_message(lambda message: coming.put_nowait((route, message)))

    handing = asyncio.create_task(hand_over())
    await page.route_web_socket("**/ws/rooms/**", connect)
    await page.goto(f"{server.url}/rooms/{room}/")
    for one in (page, other):
        await pages.live(one)
    await page.evaluate("() => chatlab.cut()")
    await pages.ask(other, Question({"text": ["x" * 1000 + " "], "repeat": 230}))
    await pages.ended(other, within=30)
    await page.evaluate("""() => {
      window.drawn = new Set();
      const length = () => document.querySelector('article[data-role=assistant] [data-part=text]')?.textContent.length ?? 0;
      new MutationObserver(() => window.drawn.add(length())).observe(document.getElementById('messages'), {childList: true, subtree: true, characterData: true});
    }""")  # noqa: E501
    await page.evaluate("() => chatlab.plug()")
    await equal_to_the_database(server, room, page, other)
    assert len(await page.evaluate("() => [...window.drawn]")) == 1
    handing.cancel()


@pytest.mark.page_only
async def test_a_clean_close_with_1000_is_no_end(upstream, server, alice, room, browser_of):
    """Phones close cleanly when a page goes into the background."""
    window = await browser_of(alice)
    page = await window.new_page()
    routes: list[WebSocketRoute] = []

    def connect(route: WebSocketRoute) -> None:
        routes.append(route)
        route.connect_to_server()

    await page.route_web_socket("**/ws/rooms/**", connect)
    await page.goto(f"{server.url}/rooms/{room}/")
    await pages.live(page)
    for count in range(1, 4):
        await routes[-1].close(code=1000)
        await eventually(lambda count=count: len(routes) > count, 10, "it comes back")
        await pages.live(page)


async def test_the_server_is_restarted_under_an_open_page(upstream, own_server, visitor, browser_of):
    server = own_server()
    alice = visitor(server)
    room = await alice.create_room()
    page = await (await browser_of(alice)).new_page()
    await page.goto(f"{server.url}/rooms/{room}/")
    await pages.live(page)
    server.kill()
    await reaches(page, "reconnecting")
    await page.locator("textarea[name=text]").fill(Question({"text": words(5)}))
    await page.locator("textarea[name=text]").press("Enter")
    server.restart()
    await page.evaluate("() => window.dispatchEvent(new Event('focus'))")
    await equal_to_the_database(server, room, page)


@pytest.mark.page_only
async def test_a_browser_without_a_network_says_so_and_goes_on_when_it_is_back(
    upstream, server, alice, room, browser_of, page_of
):
    """The browser holds the frames back and calls the socket open all the time."""
    other = await page_of(alice, room)
    window = await browser_of(alice)
    page = await window.new_page()
    await page.goto(f"{server.url}/rooms/{room}/")
    for one in (page, other):
        await pages.live(one)
    await window.set_offline(True)
    await pages.ask(other, Question({"text": words(60)}))
    await pages.ended(other)
    await reaches(page, "offline")
    await window.set_offline(False)
    await equal_to_the_database(server, room, page, other)


@pytest.mark.page_only
async def test_back_and_forward_find_the_page_as_it_should_be(upstream, server, alice, room, browser_of, page_of):
    other = await page_of(alice, room)
    page = await (await browser_of(alice)).new_page()
    await page.goto(f"{server.url}/rooms/{room}/")
    for one in (page, other):
        await pages.live(one)
    await page.goto(f"{server.url}/")
    await pages.ask(other, Question({"text": words(60)}))
    await pages.ended(other)
    await page.go_back()
    await equal_to_the_database(server, room, page, other)


@pytest.mark.page_only
async def test_out_of_the_back_forward_cache_a_page_takes_one_new_socket(server, alice, room, browser_of):
    page = await (await browser_of(alice)).new_page()
    sockets: list[str] = []
    page.on("websocket", lambda socket: sockets.append(socket.url))
    await page.goto(f"{server.url}/rooms/{room}/")
    await pages.live(page)
    await page.evaluate(WATCH)
    event = "name => dispatchEvent(new PageTransitionEvent(name, {persisted: true}))"
    await page.evaluate(event, "pagehide")
    await asyncio.sleep(2)  # longer than a blip: nothing may be shown while a page is away, however long that is
    assert await shown(page) == []
    await page.evaluate(event, "pageshow")
    await eventually(lambda: len(sockets) == 2, 10)
    await pages.live(page)
    assert {entry.split("|")[0] for entry in await shown(page)} <= {"live", "catching-up"}
    assert len(sockets) == 2


@pytest.mark.page_only
async def test_three_messages_that_wait_outlive_a_reload_and_are_sent_once_in_order(server, alice, room, page_of):
    page = await page_of(alice, room)
    await pages.live(page)
    await page.evaluate("() => chatlab.cut()")
    for text in ("one", "two", "three"):
        await pages.ask(page, text)
    await page.reload()
    await pages.live(page)
    await eventually(lambda: _outbox_is_empty(page), 10)
    asked = [m["text"] for m in (await alice.snapshot(room))["messages"] if m["role"] == "user"]
    assert asked == ["one", "two", "three"]


async def test_two_tabs_that_send_at_once_show_the_same_order(server, alice, bob, room, page_of):
    one, two = await page_of(alice, room), await page_of(bob, room)
    for page in (one, two):
        await pages.live(page)
    send = "() => { for (const number of [1, 2, 3]) chatlab.post(`m${number}`) }"
    await asyncio.gather(one.evaluate(send), two.evaluate(send))
    order = "() => [...document.querySelectorAll('article[data-role=user]')].map(article => article.dataset.message)"

    async def same() -> bool:
        left, right = await one.evaluate(order), await two.evaluate(order)
        return len(left) == 6 and None not in left and left == right

    await eventually(same, 15, "six messages in the same order")


@pytest.mark.page_only
async def test_a_sign_in_in_another_tab_does_not_end_this_one(server, alice, room, browser_of):
    """It changes the session's key: the old socket is closed, and the page takes another one with the new cookie."""
    server.manage(
        "shell",
        "-c",
        "from django.contrib.auth.models import User; User.objects.create_user('ada', password='correct horse')",
    )
    window = await browser_of(alice)
    page, other = await window.new_page(), await window.new_page()
    sockets: list[str] = []
    page.on("websocket", lambda socket: sockets.append(socket.url))
    await page.goto(f"{server.url}/rooms/{room}/")
    await pages.live(page)
    await page.evaluate(WATCH)
    await other.goto(f"{server.url}/login/")
    await other.fill("input[name=username]", "ada")
    await other.fill("input[name=password]", "correct horse")
    await other.keyboard.press("Enter")
    await other.wait_for_url(f"{server.url}/")
    await eventually(lambda: len(sockets) == 2, 15, "the page has another socket")
    await pages.live(page)
    await page.evaluate("() => chatlab.post('Still here')")
    await eventually(lambda: _outbox_is_empty(page), 10)
    assert not [entry for entry in await shown(page) if entry.startswith("gone")]

    await other.locator("form[action$='logout/'] button").first.click()
    await reaches(page, "gone")
    await says(page, "not signed in any more")
    await expect(page.locator("#strip [data-action=try]")).to_have_text("Reload")


async def _state_is(page: Page, state: str) -> bool:
    return (await pages.state(page))["state"] == state


async def _outbox_is_empty(page: Page) -> bool:
    return (await pages.state(page))["outbox"] == 0


@pytest.mark.page_only
async def test_a_wire_that_dies_in_silence_is_told_of_within_seconds(server, alice, room, browser_of):
    """Nothing closes, nothing fails: no byte passes. When bytes pass again, the same socket goes on."""
    page = await (await browser_of(alice)).new_page()
    sockets: list[str] = []
    page.on("websocket", lambda socket: sockets.append(socket.url))
    async with wire_to(server.url) as wire:
        await page.goto(f"{wire.url}/rooms/{room}/")
        await pages.live(page)
        wire.freeze()
        await reaches(page, "reconnecting", within=5)
        await reaches(page, "offline", within=8)
        await expect(page.locator("#strip [data-action=try]")).to_be_visible()
        wire.thaw()
        await pages.live(page)
        assert len(sockets) == 1


@pytest.mark.page_only
async def test_a_network_that_is_switched_off_is_told_of_within_seconds(server, alice, room, browser_of):
    window = await browser_of(alice)
    page = await window.new_page()
    await page.goto(f"{server.url}/rooms/{room}/")
    await pages.live(page)
    await window.set_offline(True)
    await reaches(page, "offline", within=5)
    await window.set_offline(False)
    await pages.live(page)


@pytest.mark.page_only
async def test_a_page_that_is_older_than_its_server_goes_on_and_offers_to_reload(server, alice, room, browser_of):
    page = await (await browser_of(alice, locale="en")).new_page()

    def updated(wire: WebSocketRoute) -> None:
        server_side = wire.connect_to_server()
        server_side.on_message(lambda frame: wire.send(frame.replace(f'"version":"{VERSION}"', '"version":"99.0"')))

    await page.route_web_socket("**/ws/**", updated)
    await page.goto(f"{server.url}/rooms/{room}/")
    await pages.live(page)
    await says(page, "chatlab 99.0 is running here now.")
    async with page.expect_navigation():
        await page.locator("#strip [data-action=try]").click()
    await pages.live(page)
