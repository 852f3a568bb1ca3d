"""Commit, then publish: the one way in which anything changes."""

from __future__ import annotations

import asyncio
from concurrent.futures import TimeoutError as FutureTimeout
from typing import Any

from ..errors import Unavailable
from ..log import Change, Writer
from ..publisher import Publisher

COMMIT_WITHIN = 30.0  # seconds; longer than the writer waits for a lost database

_publisher = Publisher()
_writer = Writer(on_commit=_publisher.publish)


async def commit(change: Change) -> Any:
    """What the change returned, once it is in the database. Its refusal, or Unavailable, is raised.

    Who is cancelled while waiting does not take the change back: what is submitted is committed, in this order.
    """
    return await asyncio.shield(asyncio.wrap_future(_writer.submit(change)))


def commit_now(change: Change) -> Any:
    """The same for code that is not on the event loop."""
    try:
        return _writer.submit(change).result(COMMIT_WITHIN)
    except FutureTimeout as error:
        raise Unavailable("The database did not answer in time. Try again.", retry_after=5) from error


def start() -> None:
    """Publish from the running event loop."""
    _publisher.start()


async def stop() -> None:
    await _publisher.stop()


def close() -> None:
    """Commit what is waiting and end the writer."""
    _writer.close()
