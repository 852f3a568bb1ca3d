"""Flow control for uvicorn, which has a half of it: it stops reading while the application has frames waiting. But what
one read has brought, a quarter of a MiB, it parses at once; after its close frame it reads everything there is, for ten
seconds; and pings never reach the application. Small frames without end so kept all others waiting for 1.3 s, and 2.7.

Between each transport and its protocol stands a valve: what has come is handed on in slices. After each the others have
their turn, the longer the more that slice has cost.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.protocol import State

from . import LOOK_AGAIN
from .patience import TOO_LATE, Patience

logger = logging.getLogger(__name__)

SLICE = 8 * 1024  # bytes: up to 1,400 frames, 10 ms
GONE_WITHIN = 1.0  # seconds that a client which was too slow has to take that
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
        def hand_on(data: bytes) -> None:
            received(self, data)
            if self.conn.handshake_exc is not None and not self.handshake_initiated:
                _refuse_handshake(self)

        made(self, Valve(transport, hand_on, self.writable))

    def data_received(self, data: bytes) -> None:
        self.transport.take(data)

    protocol.connection_made, protocol.data_received = connection_made, data_received
    protocol.send_receive_event_to_app = _receive_text(protocol.send_receive_event_to_app)
    protocol.handle_parser_exception = _end_socket(protocol.handle_parser_exception)
    H11Protocol.send_400_response = _refuse_request
    _be_patient(H11Protocol)


def _be_patient(kind: type[H11Protocol]) -> None:
    """Uvicorn has a time for silence between two requests, which one byte ends."""
    made, lost, received = kind.connection_made, kind.connection_lost, kind.data_received
    done, upgrade = kind.on_response_complete, kind.handle_websocket_upgrade

    def connection_made(self, transport: asyncio.Transport) -> None:
        made(self, transport)
        self.begun, self.place = False, None
        self.patience = Patience(transport.get_write_buffer_size, lambda: _give_up(self), transport.abort)
        self.patience.head()

    def connection_lost(self, error: Exception | None) -> None:
        self.patience.end()
        lost(self, error)

    def data_received(self, data: bytes) -> None:
        self.begun = True
        received(self, data)
        _expect(self)

    def on_response_complete(self) -> None:
        self.begun = False
        done(self)
        _expect(self)

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        self.patience.end()
        upgrade(self, event)

    kind.connection_made, kind.connection_lost, kind.data_received = connection_made, connection_lost, data_received
    kind.on_response_complete, kind.handle_websocket_upgrade = on_response_complete, handle_websocket_upgrade


def _expect(protocol: H11Protocol) -> None:
    """What h11 waits for, where that is another thing than before."""
    place = (protocol.conn.their_state, id(protocol.cycle))
    if place == protocol.place:
        return
    protocol.place = place
    if place[0] is h11.IDLE:
        protocol.patience.head()
    elif place[0] is h11.SEND_BODY:
        protocol.patience.body()
    else:
        protocol.patience.answer()


def _give_up(protocol: H11Protocol) -> None:
    if protocol.begun and protocol.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
        protocol.transport.write(TOO_LATE)
    protocol.transport.close()
    protocol.loop.call_later(GONE_WITHIN, protocol.transport.abort)


REFUSAL = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


def _refuse_request(protocol: H11Protocol, message: str) -> None:
    """What is no HTTP, perhaps in the middle of a request whose application has begun. Uvicorn's own asks h11 for the
    words of the answer, which raises for HEAD, and lets the application find out that it can't answer any more.
    """
    if protocol.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
        protocol.transport.write(REFUSAL)
    if protocol.cycle is not None:
        protocol.cycle.disconnected = True
        protocol.cycle.message_event.set()
    protocol.transport.close()


def _refuse_handshake(protocol: WebSocketsSansIOProtocol) -> None:
    """One that `websockets` can't read. Uvicorn would wait for more of it, for ever, or for a close frame."""
    if not protocol.transport.is_closing():
        protocol.transport.write(REFUSAL)
        protocol.transport.close()


def _end_socket(its_own: Callable) -> Callable:
    return lambda self: _refuse_handshake(self) if self.conn.close_sent is None else its_own(self)


def _receive_text(its_own: Callable) -> Callable:
    def send_receive_event_to_app(self) -> None:
        """Text that is no UTF-8 costs its sender the socket, and the log a line instead of a traceback."""
        if self.curr_msg_data_type != "text" or _is_text(b"".join(self.frames)):
            its_own(self)
        elif self.conn.state is State.OPEN:
            logger.info("a socket is closed with 1007: its text is no UTF-8")
            self.conn.send_close(1007)
            self.handle_parser_exception()

    return send_receive_event_to_app


def _is_text(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
