"""Bounded waits on conditions. Nothing in the tests sleeps for a guessed time."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Callable

EVERY = 0.02


def describe(what: str | Callable) -> str:
    if isinstance(what, str):
        return what
    try:
        return " ".join(inspect.getsource(what).split())
    except (OSError, TypeError):
        return repr(what)


async def eventually(predicate: Callable, within: float = 5.0, what: str = "") -> object:
    """The first truthy result of `predicate` (plain or async); AssertionError where there is none in time."""
    ends = time.monotonic() + within
    while True:
        result = predicate()
        if inspect.isawaitable(result):
            result = await result
        if result:
            return result
        assert time.monotonic() < ends, f"not within {within} s: {what or describe(predicate)}"
        await asyncio.sleep(EVERY)


def wait_for(predicate: Callable[[], object], within: float = 5.0, what: str = "") -> object:
    """`eventually`, for fixtures that are not async."""
    ends = time.monotonic() + within
    while not (result := predicate()):
        assert time.monotonic() < ends, f"not within {within} s: {what or describe(predicate)}"
        time.sleep(EVERY)
    return result
