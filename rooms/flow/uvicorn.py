"""Flow control for uvicorn, which has a half of it: it stops reading while the application has frames waiting. But what
one read has brought, a quarter of a MiB, it parses at once; after its close frame it reads everything there is, for ten
seconds; and pings never reach the application. Small frames without end so kept all others waiting for 1.3 s, and 2.7.

Between each transport and its protocol stands a valve: what has come is handed on in slices. After each the others have
their turn, the longer the more that slice has cost.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from . import LOOK_AGAIN

SLICE = 8 * 1024  # bytes: up to 1,400 frames, 10 ms
SHARE = 0.1  # of the event loop's time that one client's frames may take


class Valve:
    """The transport that a protocol is given. What the protocol pauses is the handing on, so it stays in charge."""

    def __init__(self, transport: asyncio.Transport, hand_on: Callable[[bytes], None], writable: asyncio.Event):
        self._transport, self._hand_on_to, self._writable = transport, hand_on, writable
        self._loop = asyncio.get_running_loop()
        self._waiting = bytearray()
        self._paused = False  # by the protocol
        self._timer: asyncio.Handle | None = None
        self.write = transport.write  # the one that is called often

    def __getattr__(self, name: str) -> object:
        return getattr(self._transport, name)

    def pause_reading(self) -> None:
        self._paused = True
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        self._paused = False
        if not self._waiting:
            self._transport.resume_reading()
        elif self._timer is None:
            self._timer = self._loop.call_soon(self._hand_on)

    def take(self, data: bytes) -> None:
        self._waiting += data
        if self._timer is None:
            self._hand_on()

    def _hand_on(self) -> None:
        self._timer = None
        if self._paused or self._transport.is_closing():
            return
        if not self._writable.is_set():
            self._later(LOOK_AGAIN)
            return
        began = self._loop.time()
        data = bytes(self._waiting[:SLICE])
        del self._waiting[:SLICE]
        self._hand_on_to(data)
        if self._waiting:
            self._later((self._loop.time() - began) * (1 / SHARE - 1))
        elif not self._paused:
            self._transport.resume_reading()

    def _later(self, seconds: float) -> None:
        self._transport.pause_reading()
        self._timer = self._loop.call_later(seconds, self._hand_on)


def install() -> None:
    """Into uvicorn's class: its configuration takes another one, but whoever starts it would have to know."""
    protocol = WebSocketsSansIOProtocol
    made, received = protocol.connection_made, protocol.data_received

    def connection_made(self, transport: asyncio.Transport) -> None:
        made(self, Valve(transport, lambda data: received(self, data), self.writable))

    def data_received(self, data: bytes) -> None:
        self.transport.take(data)

    protocol.connection_made, protocol.data_received = connection_made, data_received
