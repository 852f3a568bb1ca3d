"""One browser is one person, in a real one: tabs at a door come in by themselves when another tab has opened it."""

from __future__ import annotations

import asyncio

import pytest
from playwright.async_api import Page, Route, expect

from .harness import pages
from .harness.waiting import eventually
from .test_links_live import make_link

pytestmark = pytest.mark.browser

PASSWORD = "correct horse"
LOGIN = {"username": "ada-too", "password": PASSWORD}
ACCOUNT = f"from django.contrib.auth.models import User; User.objects.filter(username='ada-too').delete(); User.objects.create_user('ada-too', password='{PASSWORD}')"  # noqa: E501


async def two_tabs(context, address: str) -> list[Page]:
    """Both are opened before either has an answer."""
    tabs = [await context.new_page() for _ in range(2)]
    both, held = asyncio.Event(), []

    async def hold(route: Route) -> None:
        held.append(route)
        if len(held) == 2:
            both.set()
        await both.wait()
        await route.continue_()

    await context.route(address, hold, times=2)
    await asyncio.gather(*(tab.goto(address) for tab in tabs))
    return tabs


async def member_of(page: Page) -> str:
    return await page.evaluate("() => JSON.parse(document.getElementById('config').textContent).me.id")


async def are_one(server, room: str, tabs: list[Page]) -> None:
    for tab in tabs:
        await expect(tab.locator("#composer")).to_be_visible(timeout=15_000)
        await pages.live(tab)
    assert len({await member_of(tab) for tab in tabs}) == 1
    rows = server.database.rows("SELECT name FROM rooms_member WHERE room_id = ? ORDER BY joined_at", room)
    assert len(rows) == 2, rows
    for tab in tabs:
        await tab.reload()
        await pages.live(tab)


@pytest.mark.page_only
async def test_two_tabs_of_a_new_browser_are_in_the_room_as_soon_as_one_has_joined(server, room, browser):
    context = await browser.new_context()
    first, second = await two_tabs(context, f"{server.url}/rooms/{room}/")
    await first.get_by_label("Your name").fill("Ada")
    await first.get_by_role("button", name="Join").click()
    await are_one(server, room, [first, second])
    await expect(second.locator("[data-my=name]").first).to_have_text("Ada")


@pytest.mark.parametrize("scripts", [True, False])
async def test_two_tabs_of_a_new_browser_that_both_join_are_one_guest(scripts, server, room, browser):
    """Both forms are sent before either is answered, and the later one is answered first."""
    context = await browser.new_context(java_script_enabled=scripts)
    tabs = await two_tabs(context, f"{server.url}/rooms/{room}/")
    both, sent = asyncio.Event(), []

    async def hold(route: Route) -> None:
        sent.append(route)
        if len(sent) == 2:
            both.set()
        await both.wait()
        if route is sent[0]:
            await asyncio.sleep(0.2)  # no wait for a state: only to be the later one
        await route.continue_()

    await context.route("**/join/", hold)
    for tab in tabs:
        await tab.get_by_role("button", name="Join").click(no_wait_after=True)
    for tab in tabs:
        await expect(tab.locator("#composer")).to_be_visible(timeout=15_000)
    if scripts:
        await are_one(server, room, tabs)
    else:
        assert len(server.database.rows("SELECT name FROM rooms_member WHERE room_id = ?", room)) == 2
        for tab in tabs:
            await tab.reload()
            await expect(tab.locator("#composer")).to_be_visible()


async def sign_in(page: Page, server) -> None:
    await page.goto(f"{server.url}/login/")
    await page.fill("input[name=username]", LOGIN["username"])
    await page.fill("input[name=password]", PASSWORD)
    await page.keyboard.press("Enter")


@pytest.mark.page_only
async def test_a_tab_comes_back_by_itself_after_a_sign_in_whose_answer_was_slow(server, alice, room, browser_of):
    """Its socket is closed as soon as the session's key has changed; the new cookie comes seconds later."""
    server.manage("shell", "-c", ACCOUNT)
    context = await browser_of(alice)
    page = await context.new_page()
    await page.goto(f"{server.url}/rooms/{room}/")
    await pages.live(page)
    answer = await alice.client.post("/login/", data=LOGIN, headers={"Origin": server.url})
    assert answer.status_code == 302
    await expect(page.locator("#pill")).to_have_attribute("data-state", "gone", timeout=20_000)
    await context.add_cookies(alice.browser_cookies)
    await pages.live(page, within=20)
    await page.evaluate("() => chatlab.post('Still here')")
    await eventually(lambda: _said(alice, room, "Still here"), 10)


async def _said(person, room: str, text: str) -> bool:
    return text in [message["text"] for message in (await person.snapshot(room))["messages"]]


@pytest.mark.page_only
async def test_a_tab_whose_session_has_ended_comes_back_when_another_tab_joins_again(
    server, alice, room, visitor, browser_of
):
    bob = visitor(server)
    await bob.join(room, "Bob")
    context = await browser_of(bob)
    page, other = await context.new_page(), await context.new_page()
    await page.goto(f"{server.url}/rooms/{room}/")
    await pages.live(page)
    key = await session_of(context)
    server.manage("shell", "-c", f"from chatlab.sessions import SessionStore; SessionStore({key!r}).delete()")
    await expect(page.locator("#pill")).to_have_attribute("data-state", "gone", timeout=20_000)
    await other.goto(f"{server.url}/rooms/{room}/")
    await other.get_by_role("button", name="Join").click()
    await pages.live(other)
    await expect(page.locator("#pill")).to_have_attribute("data-state", "live", timeout=20_000)
    assert await member_of(page) == await member_of(other)


@pytest.mark.page_only
async def test_a_tab_that_reads_along_outlives_a_sign_out_in_another(server, alice, room, browser):
    """The session had shown the link's token; the page's address still has it."""
    server.manage("shell", "-c", ACCOUNT)
    address = await make_link(alice, room)
    context = await browser.new_context()
    page, other = await context.new_page(), await context.new_page()
    await sign_in(other, server)
    await other.wait_for_url(f"{server.url}/")
    await page.goto(address)
    await pages.live(page)
    sockets: list[str] = []
    page.on("websocket", lambda socket: sockets.append(socket.url))
    await other.locator("form[action$='logout/'] button").first.click()
    await eventually(lambda: sockets, 20, "it takes another socket")
    await pages.live(page, within=20)


@pytest.mark.page_only
async def test_a_page_that_stays_open_for_days_keeps_its_session(server, alice, room, browser_of):
    """A socket can set no cookie, so the page makes a request now and then."""
    page = await (await browser_of(alice)).new_page()
    await page.clock.install()
    await page.goto(f"{server.url}/rooms/{room}/")
    await pages.live(page)
    async with page.expect_response(f"**/api/rooms/{room}/me") as asked:
        await page.clock.fast_forward("06:00:01")
    assert (await asked.value).status == 200


@pytest.mark.page_only
async def test_who_was_in_the_room_as_an_account_too_is_that_in_every_tab_after_a_sign_in(
    server, alice, room, visitor, browser_of
):
    server.manage("shell", "-c", ACCOUNT)
    account = visitor(server)
    await account.client.post("/login/", data=LOGIN, headers={"Origin": server.url})
    await account.join(room, "Ada")
    guest = visitor(server)
    await guest.join(room, "A guest")
    context = await browser_of(guest)
    tabs = [await context.new_page() for _ in range(3)]
    for tab in tabs:
        await tab.goto(f"{server.url}/rooms/{room}/")
        await pages.live(tab)
    await pages.ask(tabs[0], "Said as a guest")
    await expect(tabs[1].locator("article[data-role=user]")).to_contain_text("Said as a guest")
    await sign_in(tabs[2], server)
    await tabs[2].wait_for_url(f"{server.url}/")
    for tab in tabs[:2]:
        await expect(tab.locator("[data-my=name]").first).to_have_text("Ada", timeout=20_000)
        await expect(tab.locator("#pill")).to_have_attribute("data-state", "live")
        await expect(tab.locator("article[data-role=user]")).to_contain_text("A guest")
        await expect(tab.locator("article[data-role=user]")).to_contain_text("Said as a guest")


async def session_of(context) -> str:
    return next(cookie["value"] for cookie in await context.cookies() if cookie["name"] == "chatlab_session")
