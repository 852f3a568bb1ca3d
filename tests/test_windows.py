"""A window that is kept for the next test (`browser_of`) is empty for it."""

from __future__ import annotations

import pytest

from .harness import pages

pytestmark = [pytest.mark.browser, pytest.mark.page_only]

KEPT = "() => [Object.keys(localStorage), Object.keys(sessionStorage), document.cookie.includes('left')]"
LEAVE = "() => { localStorage.left = sessionStorage.left = 1; document.cookie = 'left=1'; }"


@pytest.mark.parametrize("time", ["first", "second"])
async def test_nothing_is_left_of_the_test_before(server, alice, room, page_of, kept_windows, time):
    page = await page_of(alice, room)
    await pages.live(page)
    assert page.context in kept_windows and await page.evaluate(KEPT) == [[], [], False]
    await page.evaluate(LEAVE)
    await page.context.set_offline(True)
    await page.context.route("**/*", lambda route: route.abort())


async def test_what_could_not_be_taken_from_it_again_is_refused(alice, browser_of):
    window = await browser_of(alice)
    with pytest.raises(AssertionError, match="one of your own"):
        await window.add_init_script("1")
