"""How much a socket may be sent before it says that it has it (docs/protocol.md)."""

from __future__ import annotations

from collections import deque

FORGIVEN_WINDOWS = 4


class TooSlow(Exception):
    """This reader asks for more than it takes."""


class Window:
    """Bytes that were sent and are not confirmed. One frame may exceed the limit."""

    def __init__(self, limit: int):
        self._limit = limit
        self._sent = self._confirmed = self._forgiven = 0
        self._places: deque[tuple[int, int]] = deque()  # (sequence, bytes sent up to it)

    @property
    def full(self) -> bool:
        return self._sent - self._confirmed >= self._limit

    @property
    def oldest(self) -> int:
        """Bytes of the frame that is to be confirmed next."""
        return self._places[0][1] - self._confirmed if self._places else 0

    def add(self, seq: int, size: int) -> None:
        self._sent += size
        self._places.append((seq, self._sent))

    def confirm(self, seq: int) -> bool:
        """True where this confirmed anything."""
        before = self._confirmed
        while self._places and self._places[0][0] <= seq:
            self._confirmed = self._places.popleft()[1]
        if self._confirmed == before:
            return False
        self._forgiven = 0
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
        self._places.clear()
        if self._forgiven > FORGIVEN_WINDOWS * self._limit:
            raise TooSlow
