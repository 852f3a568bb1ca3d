"""Chromium by Playwright: what stands on the machine is used, nothing is downloaded.

The headless shell first: the same engine without the windows around it, whose opening costs a whole browser 0.4 s of
CPU for each test.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from playwright.async_api import Browser, async_playwright

from .processes import python
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
    """A browser of its own, closed at the end."""
    path = require()
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=_options())
        try:
            yield browser
        finally:
            await browser.close()


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """A browser that one test after the other may use, by this address: starting one takes a second."""
    config = folder / "browser.json"
    config.write_text(json.dumps({"executablePath": require(), "args": _options(), "host": "127.0.0.1"}))
    command = python("-m", "playwright", "launch-server", "--browser", "chromium", "--config", str(config))
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
        try:
            yield process.stdout.readline().strip()
        finally:
            os.killpg(process.pid, signal.SIGTERM)


@asynccontextmanager
async def connected(address: str) -> AsyncIterator[Browser]:
    """That browser. What was opened in it by this connection is closed at the end."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.connect(address)
        try:
            yield browser
        finally:
            await browser.close()
