"""Chromium by Playwright: what stands on the machine is used, nothing is downloaded.

The headless shell first: the same engine without the windows around it, whose opening costs a whole browser 0.4 s of
CPU for each test.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from playwright.async_api import Browser, BrowserContext, Error, async_playwright

from .programs import Missing, or_skip

NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
OPTIONS = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    # Tabs that nobody looks at must go on as those that somebody does.
    "--disable-background-timer-throttling",
    "--disable-renderer-backgrounding",
    "--disable-backgrounding-occluded-windows",
)
VIEWPORT = {"width": 1280, "height": 800}
REMEDY = "install one (Debian: apt install chromium) or set CHATLAB_BROWSER to its path"


def executable() -> str | None:
    chosen = os.environ.get("CHATLAB_BROWSER")
    return chosen or next(filter(None, map(shutil.which, NAMES)), None)


def require() -> str:
    """The browser's path; without one a test is skipped."""
    return or_skip(_found)


def _found() -> str:
    found = executable()
    if found is None:
        raise Missing("Chromium or Chrome", REMEDY)
    return found


def _options() -> list[str]:
    return [*OPTIONS, *(["--no-sandbox"] if os.geteuid() == 0 else [])]


@asynccontextmanager
async def launched() -> AsyncIterator[Browser]:
    """A browser, closed at the end."""
    path = require()
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=_options())
        try:
            yield browser
        finally:
            await browser.close()


async def to_be_kept(browser: Browser, **options: object) -> BrowserContext:
    """A window that has nothing which could not be taken from it again."""

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("this window is kept for other tests: ask for one of your own, with any option")

    window = await browser.new_context(viewport=VIEWPORT, **options)
    for name in ("add_init_script", "expose_binding", "expose_function", "set_extra_http_headers", "on"):
        setattr(window, name, refuse)
    return window


async def emptied(window: BrowserContext) -> bool:
    """Without pages, what they have stored and what was set; False where a test has closed it."""
    try:
        last = await window.new_page()
        for page in window.pages:
            if page is not last:
                await page.close()
        session = await window.new_cdp_session(last)
        await session.send("Storage.clearDataForOrigin", {"origin": "*", "storageTypes": "all"})
        await last.close()
        await window.clear_cookies()
        await window.clear_permissions()
        await window.unroute_all()
        await window.set_offline(False)
    except Error:
        return False
    return True
