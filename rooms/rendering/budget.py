"""What the rendering of a text, and of each block of it, may cost: CPU, and characters of HTML.

The clock of the CPU rings by a signal, which also ends a regular expression. So it runs only in a process that does
nothing else (`arm`); elsewhere only short texts are rendered, which cannot cost much.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

BLOCK = 0.2  # CPU seconds of one block
TEXT, CHARACTER = 0.3, 1e-5  # of a text: the beginning, and each character; three times what usual text takes
FOR_BLOCKS = 0.8  # of that: what its blocks take one by one; the rest is for what they have in common
TIMES, AT_LEAST = 10, 100_000  # HTML for each character of text; what is always granted

_armed = False


class Spent(BaseException):  # so that no `except Exception` on the way takes it
    """It costs more than it may."""


def arm() -> None:
    global _armed
    if hasattr(signal, "setitimer"):  # not on Windows: there whoever waits ends the process
        signal.signal(signal.SIGPROF, _ring)
        _armed = True


def _ring(number: int, frame: object) -> None:
    raise Spent


def now() -> float:
    return time.process_time() if _armed else 0.0


def half_of_the_rest() -> float:
    """Of the CPU that the block still has."""
    return signal.getitimer(signal.ITIMER_PROF)[0] / 2 if _armed else BLOCK


def at_most(seconds: float, work: Callable[..., T], *arguments: object) -> T:
    """Do it in so many CPU seconds, or raise `Spent`. Inside of another one the nearer end counts."""
    if not _armed:
        return work(*arguments)
    left = signal.getitimer(signal.ITIMER_PROF)[0]
    seconds = min(seconds, left) if left else seconds
    if seconds <= 0:
        raise Spent
    started = now()
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        return work(*arguments)
    finally:
        signal.setitimer(signal.ITIMER_PROF, max(left - (now() - started), 1e-3) if left else 0)


def seconds_for(size: int) -> float:
    """CPU for a text of so many characters."""
    return TEXT + CHARACTER * size


class Cost:
    """Of one block."""

    spent = 0.0  # CPU seconds


class Allowance:
    """Of one text."""

    def __init__(self, size: int):
        self.time = FOR_BLOCKS * seconds_for(size)
        self.html = max(AT_LEAST, TIMES * size)
        self.plain = 0  # blocks that cost too much

    def spend(self, block: Cost, work: Callable[..., T], *arguments: object) -> T:
        """Do it in what is left of the block's time and of the text's."""
        started = now()
        try:
            return at_most(min(BLOCK - block.spent, self.time), work, *arguments)
        finally:
            used = now() - started
            block.spent += used
            self.time -= used

    def html_of(self, source: str) -> int:
        return min(self.html, max(AT_LEAST, TIMES * len(source)))
