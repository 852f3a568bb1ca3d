"""Chromium by Playwright: what stands on the machine is used, nothing is downloaded."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
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
MISSING = "no Chromium or Chrome found: install one (Debian: apt install chromium) or set CHATLAB_BROWSER to its path"


def executable() -> str | None:
    chosen = os.environ.get("CHATLAB_BROWSER")
    return chosen or next(filter(None, map(shutil.which, NAMES)), None)


def require() -> str:
    """The browser's path. Without one tests are skipped, except under CI=true, where a skip would hide a hole."""
    found = executable()
    if found is None:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(MISSING)
    return found


@asynccontextmanager
async def launched() -> AsyncIterator:
    """A browser of its own, closed at the end."""
    from playwright.async_api import async_playwright

    path = require()
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=[*OPTIONS, *sandbox])
        try:
            yield browser
        finally:
            await browser.close()
