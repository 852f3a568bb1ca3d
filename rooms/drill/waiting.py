"""Bounded waits on conditions. Nothing here sleeps for a guessed time."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Callable

EVERY = 0.02


class NotInTime(AssertionError):
    """What was waited for did not come to be within its bound."""

    def __init__(self, within: float, what: str | Callable):
        super().__init__(f"not within {within} s: {describe(what)}")


def describe(what: str | Callable) -> str:
    if isinstance(what, str):
        return what
    try:
        return " ".join(inspect.getsource(what).split())
    except (OSError, TypeError):
        return repr(what)


async def eventually(predicate: Callable, within: float = 5.0, what: str = "") -> object:
    """The first truthy result of `predicate` (plain or async); NotInTime where there is none."""
    ends = time.monotonic() + within
    while True:
        result = predicate()
        if inspect.isawaitable(result):
            result = await result
        if result:
            return result
        if time.monotonic() >= ends:
            raise NotInTime(within, what or predicate)
        await asyncio.sleep(EVERY)


def wait_for(predicate: Callable[[], object], within: float = 5.0, what: str = "") -> object:
    """`eventually`, for code that is not async."""
    ends = time.monotonic() + within
    while not (result := predicate()):
        if time.monotonic() >= ends:
            raise NotInTime(within, what or predicate)
        time.sleep(EVERY)
    return result
