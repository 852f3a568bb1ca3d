"""What a room's page shows, read from its DOM: the hooks that templates and scripts promise to keep."""

from __future__ import annotations

import re

from playwright.async_api import Page

from .waiting import eventually

_ANSWERS = """() => [...document.querySelectorAll('article[data-message][data-role=assistant]')].map(article => ({
  id: article.dataset.message,
  status: article.dataset.status,
  text: window.chatlab?.drawn(article.dataset.message) ?? '',
  seen: article.querySelector('[data-part=text]').textContent,
}))"""
_PLAIN = re.compile(r"[\w\s.]*")


async def answers(page: Page) -> list[dict]:
    """Every answer on the page, in its order: id, status, and the text that is drawn. What has no marks is seen as it
    is, word for word.
    """
    shown = await page.evaluate(_ANSWERS)
    for entry in shown:
        if _PLAIN.fullmatch(entry["text"]):
            seen, text = ("".join(entry[part].split()) for part in ("seen", "text"))
            assert seen == text, f"drawn: …{text[-300:]}, seen: …{seen[-300:]}"
    return shown


async def answer(page: Page, message: str | None = None) -> dict:
    """One answer on the page: by its id, else the last; an empty one where there is none."""
    shown = await answers(page)
    if message is not None:
        shown = [entry for entry in shown if entry["id"] == message]
    return shown[-1] if shown else {"id": None, "status": None, "text": ""}


async def state(page: Page) -> dict:
    return await page.evaluate("() => window.chatlab.state()")


async def live(page: Page, within: float = 10.0) -> None:
    async def is_live() -> bool:
        return await page.evaluate("() => window.chatlab?.state().state === 'live'")

    await eventually(is_live, within, "the page is live")


async def ask(page: Page, text: str) -> None:
    """Type a question and send it as people do."""
    await page.locator("textarea[name=text]").fill(text)
    await page.locator("textarea[name=text]").press("Enter")


async def shows(page: Page, text: str, within: float = 10.0, message: str | None = None) -> dict:
    """The answer, once its text ends with `text`."""

    async def shown() -> dict | None:
        entry = await answer(page, message)
        return entry if entry["text"].endswith(text) else None

    return await eventually(shown, within, f"the page shows …{text!r}")


async def ended(page: Page, status: str = "complete", within: float = 20.0, message: str | None = None) -> dict:
    """The answer, once the page shows it with this status."""

    async def over() -> dict | None:
        entry = await answer(page, message)
        return entry if entry["status"] == status else None

    return await eventually(over, within, f"the page shows an answer that is {status}")
