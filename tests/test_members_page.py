"""A room that is locked, left, and from which somebody is removed, as its people see it in their browsers."""

from __future__ import annotations

import pytest
from playwright.async_api import Page, expect

from .harness import pages
from .harness.waiting import eventually
from .test_axe import violations

pytestmark = [pytest.mark.browser, pytest.mark.page_only]


async def from_the_menu(page: Page, label: str) -> None:
    await page.locator("#room-menu summary").click()
    await page.locator("#room-menu").get_by_text(label, exact=True).click()


async def test_an_owner_locks_a_room_from_its_menu_and_everybody_sees_it(server, alice, bob, room, visitor, page_of):
    ada, ben = await page_of(alice, room), await page_of(bob, room)
    for page in (ada, ben):
        await pages.live(page)
        await expect(page.locator("#locked")).to_be_hidden()
    assert await ben.locator("#room-menu [data-command=lock]").count() == 1
    await ben.locator("#room-menu summary").click()
    await expect(ben.locator("[data-command=lock]")).to_be_hidden()
    await from_the_menu(ada, "Lock the room")
    for page in (ada, ben):
        await expect(page.locator("#strip p")).to_have_text("The room is locked now: nobody new can join.")
        await expect(page.get_by_role("img", name="Locked: nobody new can join.")).to_be_visible()
    stranger = await page_of(visitor(server), room)
    await expect(stranger.get_by_role("heading", name="This room is locked.")).to_be_visible()
    await pages.ask(ben, "/short")
    await pages.ended(ada)
    await from_the_menu(ada, "Unlock the room")
    await expect(ben.locator("#locked")).to_be_hidden()


async def test_who_is_removed_is_told_so_in_every_tab_and_so_is_what_they_had_not_sent(
    server, alice, bob, room, browser_of
):
    ada = await (await browser_of(alice, viewport={"width": 390, "height": 844})).new_page()
    context = await browser_of(bob)
    ben, cut = await context.new_page(), await context.new_page()
    for page in (ada, ben, cut):
        await page.goto(f"{server.url}/rooms/{room}/")
        await pages.live(page)
    await cut.evaluate("() => window.chatlab.cut()")
    await pages.ask(cut, "Never sent")
    await from_the_menu(ada, "Members…")
    row = ada.locator("li", has_text="Bob")
    await row.locator("summary").click()
    assert await violations(ada) == []
    assert await ada.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    await row.get_by_role("button", name="Remove Bob").click()
    await expect(ada.get_by_role("heading", name="Removed")).to_be_visible()
    await cut.evaluate("() => window.chatlab.plug()")
    note = cut.locator("article[data-pending=failed] [data-part=note]")
    await expect(note).to_have_text("Not sent: this room is not open to you any more.")
    said = "You were removed from this room."
    await expect(ben.locator("#strip p")).to_have_text(said)
    await pages.ask(ben, "Not any more")

    async def not_sent() -> bool:
        return await ben.locator("article[data-pending=failed]").count() == 1

    await eventually(not_sent, 15, "what is written now is not sent either")
    await ben.reload()
    await expect(ben.get_by_role("heading", name="You were removed from this room.")).to_be_visible()
    assert await ben.get_by_role("button", name="Join").count() == 0
    await ada.get_by_role("button", name="Let back in: Bob").click()
    await expect(ada.get_by_role("heading", name="Removed")).to_have_count(0)


async def test_who_leaves_says_to_whom_the_room_goes_and_the_heir_sees_it(server, alice, bob, room, page_of):
    ada, ben = await page_of(alice, room), await page_of(bob, room)
    for page in (ada, ben):
        await pages.live(page)
    second = await ada.context.new_page()
    await second.goto(ada.url)
    await pages.live(second)
    await from_the_menu(ada, "Leave the room…")
    await expect(ada.locator("#leave")).to_contain_text("When you leave, it belongs to Bob")
    await ada.get_by_role("button", name="Leave the room").click()
    await expect(ada).to_have_url(f"{server.url}/")
    assert await ada.locator(f"a[href='/rooms/{room}/']").count() == 0
    await expect(ben.locator("#strip p")).to_have_text("This room belongs to you now.")
    await from_the_menu(ben, "Lock the room")
    await expect(ben.locator("#locked")).to_be_visible()
    await expect(second.locator("#strip p")).to_contain_text("You have left this room.")
