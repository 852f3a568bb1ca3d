"""Sending as a page does it, while the database is not what it should be."""

from __future__ import annotations

import asyncio
import time

from .harness.tab import Refused, Tab


async def insist(tab: Tab, text: str, client_id: str, within: float) -> dict:
    """Send until there is a receipt, as a page does: `unavailable` says that the outcome is not known."""
    ends = time.monotonic() + within
    while True:
        try:
            return await tab.command({"type": "post", "text": text, "client_id": client_id}, ends - time.monotonic())
        except Refused as refusal:
            assert refusal.args[0]["code"] == "unavailable" and refusal.args[0]["retry_after"] > 0
            await asyncio.sleep(0.2)


async def answered(tab: Tab, receipt: dict) -> dict:
    """The answer to what was sent, once it has ended."""
    answer = await tab.until(lambda: tab.answer_to(receipt["message"]), 10, "the answer is opened")
    return await tab.finished(answer["id"])


async def refused(tab: Tab, text: str, client_id: str, within: float) -> None:
    """It is said within so many seconds that this could not be saved, and when to try again."""
    try:
        receipt = await tab.command({"type": "post", "text": text, "client_id": client_id}, within)
    except Refused as refusal:
        assert refusal.args[0]["code"] == "unavailable" and refusal.args[0]["retry_after"] > 0
    else:
        raise AssertionError(f"it was taken: {receipt}")
