"""How much a socket may be sent before it says that it has it (docs/protocol.md)."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

FORGIVEN_WINDOWS = 4
PATIENCE_BYTES = 8_192  # of a frame: each such piece gives its client as much time again


class TooSlow(Exception):
    """This client asks for more than it takes."""


class Window:
    """Bytes that were sent and are not confirmed. One frame may exceed the limit."""

    def __init__(self, limit: int, clock: Callable[[], float] = time.monotonic):
        self._limit, self._clock = limit, clock
        self._full_since: float | None = None
        self._confirmed_at = 0.0
        self._sent = self._confirmed = self._forgiven = 0
        self._places: deque[tuple[int, int]] = deque()  # (sequence, bytes sent up to it)

    @property
    def full(self) -> bool:
        return self._sent - self._confirmed >= self._limit

    def is_stuck(self, now: float, busy_since: float | None, patience: float) -> bool:
        """Whether the window, or the transport (`busy_since`), has been full for longer than `patience` seconds without
        a confirmation. A snapshot can be far larger than what a slow line carries in that time: without more of it, it
        would be sent again and again, and never arrive.
        """
        since = min((at for at in (self._full_since, busy_since) if at is not None), default=now)
        oldest = self._places[0][1] - self._confirmed if self._places else 0  # bytes that are to be confirmed next
        return now - max(since, self._confirmed_at) > patience * (1 + oldest / PATIENCE_BYTES)

    def add(self, seq: int, size: int) -> None:
        self._sent += size
        self._places.append((seq, self._sent))
        if self._full_since is None and self.full:
            self._full_since = self._clock()

    def confirm(self, seq: int) -> bool:
        """True where this confirmed anything."""
        before = self._confirmed
        while self._places and self._places[0][0] <= seq:
            self._confirmed = self._places.popleft()[1]
        if self._confirmed == before:
            return False
        self._forgiven = 0
        self._confirmed_at = self._clock()
        if not self.full:
            self._full_since = None
        return True

    def start_over(self) -> None:
        """What was sent so far is confirmed together with what is sent next: places of another history do not fit."""
        self._places.clear()

    def forgive(self) -> None:
        """What is on its way does not count any more: the reader has said where it really is. TooSlow for one that says
        so again and again and never confirms: the transport may hold all of it.
        """
        self._forgiven += self._sent - self._confirmed
        self._confirmed = self._sent
        self._full_since = None
        self._places.clear()
        if self._forgiven > FORGIVEN_WINDOWS * self._limit:
            raise TooSlow
