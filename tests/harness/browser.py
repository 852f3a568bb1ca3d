"""Chromium by Playwright: what stands on the machine is used, nothing is downloaded.

The headless shell first: the same engine without the windows around it, whose opening costs a whole browser 0.4 s of
CPU for each test.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from playwright.async_api import Browser, async_playwright

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
