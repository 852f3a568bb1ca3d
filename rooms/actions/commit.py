"""Commit, then publish: the one way in which anything changes."""

from __future__ import annotations

import asyncio
from concurrent.futures import TimeoutError as FutureTimeout
from typing import Any

from ..delivery.publisher import Publisher
from ..errors import Unavailable
from ..log import Change, Writer

COMMIT_WITHIN = 30.0  # seconds; longer than the writer waits for a lost database

_publisher = Publisher()
_writer = Writer(on_commit=_publisher.publish)


async def commit(change: Change) -> Any:
    """What the change returned, once it is in the database. Its refusal, or Unavailable, is raised.

    Who is cancelled while waiting does not take the change back: what is submitted is committed, in this order.
    """
    committed = asyncio.wrap_future(_writer.submit(change))
    committed.add_done_callback(look_at)  # who waits for it may be cancelled, and never ask
    return await asyncio.shield(committed)


def look_at(committed: asyncio.Future) -> None:
    """Asyncio complains of an exception that nobody has asked for."""
    if not committed.cancelled():
        committed.exception()


def commit_now(change: Change) -> Any:
    """The same for code that is not on the event loop."""
    try:
        return _writer.submit(change).result(COMMIT_WITHIN)
    except FutureTimeout as error:
        raise Unavailable("The database did not answer in time. Try again.", retry_after=5) from error


def start_publishing() -> None:
    """Publish from the running event loop."""
    _publisher.start()


async def stop_publishing() -> None:
    await _publisher.stop()


def close_writer() -> None:
    """Commit what is waiting and end the writer."""
    _writer.close()
