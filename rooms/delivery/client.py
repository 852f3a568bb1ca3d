"""The one thing that delivery needs to know of whoever holds a subscription."""

from __future__ import annotations

from typing import Protocol

from ..access import Grant


class Client(Protocol):
    """A socket, or whatever else frames are written to."""

    room_id: str
    grant: Grant  # the right by which it listens
    tab: str  # its own name for itself
    heard: float  # the loop's time of its last frame
    away: bool  # it says that nobody looks at it

    @property
    def busy_since(self) -> float | None:
        """The loop's time since when its transport takes nothing more; None while it does."""
        ...

    def write(self, frame: str) -> None:
        """Hand a finished frame to the transport, at once. A full transport takes one more, and is busy then."""
        ...

    def write_latest(self, frame: str) -> None:
        """Write this frame as soon as the transport takes it; only the newest of them counts."""
        ...

    async def send(self, frame: str) -> None:
        """Write a finished frame when the transport takes it."""
        ...

    def dismiss(self, code: int) -> None:
        """End this client's connection, with a code; callable at any time."""
        ...
