"""Flow control for daphne, which has none: what a client sends is read as fast as it comes and waits in a queue without
bound, and so do the pongs for a client that only writes.

A connection is not read from while its application has frames waiting, nor while its own client does not take what was
written to it.
"""

from __future__ import annotations

from daphne.ws_protocol import WebSocketFactory, WebSocketProtocol
from twisted.internet import reactor
from twisted.internet.interfaces import IPushProducer
from zope.interface import implementer

from .. import front
from . import LOOK_AGAIN

FRAMES = 8  # that may wait for the application; a proper client has one or two under way


def install() -> None:
    WebSocketFactory.protocol = FlowControlled


@implementer(IPushProducer)
class FlowControlled(WebSocketProtocol):
    """As a producer it answers to its transport, which says when its buffer is full and when it is empty again."""

    _full = False  # the transport's buffer
    _looking = False  # whether the application has caught up

    def onOpen(self) -> None:
        super().onOpen()
        self.transport.unregisterProducer()  # the HTTP channel's, from before the upgrade
        self.transport.registerProducer(self, True)

    def failHandshake(self, reason: str, code: int = 400, *more: object, **others: object) -> None:
        """Of a handshake that lacks something, which no application gets to see."""
        if code == 400:
            front.note(front.UPGRADE, handshake=reason)
        super().failHandshake(reason, code, *more, **others)

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        super().onMessage(payload, isBinary)
        if not self._looking and not self.muted and self.application_queue.qsize() > FRAMES:
            self._looking = True
            self._read_or_not()
            reactor.callLater(LOOK_AGAIN, self._look)

    def serverSend(self, content: str | bytes, binary: bool = False) -> None:
        """Autobahn holds what is sent to the limit of what is received; a snapshot may be larger. And it raises where
        the client has just said goodbye.
        """
        if self.state == self.STATE_OPEN:
            self.sendFrame(opcode=2 if binary else 1, payload=content if binary else content.encode())

    def serverClose(self, code: int | None = None) -> None:
        """From here on the client is read only for its answer to the close frame: the application has ended."""
        super().serverClose(code)
        if not self.muted and hasattr(self, "application_queue"):
            self.application_queue.put_nowait({"type": "websocket.disconnect", "code": code})
            self.muted = True
            self._read_or_not()

    def pauseProducing(self) -> None:
        self._full = True
        self._read_or_not()

    def resumeProducing(self) -> None:
        self._full = False
        self._read_or_not()

    def stopProducing(self) -> None:
        pass

    def _look(self) -> None:
        if self.muted or self.application_queue.empty():
            self._looking = False
            self._read_or_not()
        else:
            reactor.callLater(LOOK_AGAIN, self._look)

    def _read_or_not(self) -> None:
        if self._full or (self._looking and not self.muted):
            self.transport.pauseProducing()
        else:
            self.transport.resumeProducing()
