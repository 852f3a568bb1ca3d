"""What is worth a line in the log, but not one for each time that it happens."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable

MINUTE = 60.0


class Seldom:
    """`seldom(what)` is true at most once a minute for each thing. Of a few kinds of things: each is remembered."""

    def __init__(self, every: float = MINUTE, clock: Callable[[], float] = time.monotonic):
        self._every, self._clock = every, clock
        self._said: dict[Hashable, float] = {}

    def __call__(self, what: Hashable) -> bool:
        now = self._clock()
        if now - self._said.get(what, -self._every) < self._every:
            return False
        self._said[what] = now
        return True
