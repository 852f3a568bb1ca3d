"""Flow control for daphne, which has none: what a client sends is read as fast as it comes and waits in a queue without
bound, and so do the pongs for a client that only writes.

A connection is not read from while its application has frames waiting, nor while its own client does not take what was
written to it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from io import BytesIO

from autobahn.websocket.types import ConnectionDeny
from daphne import http_protocol
from daphne.server import Server
from daphne.ws_protocol import WebSocketFactory, WebSocketProtocol
from django.conf import settings
from twisted.internet import reactor
from twisted.internet.interfaces import IPushProducer
from twisted.logger import globalLogPublisher
from twisted.python.failure import Failure
from twisted.web.http import HTTPChannel
from zope.interface import implementer

from .. import front, requests
from ..seldom import Seldom
from . import LOOK_AGAIN
from .patience import TOO_LATE, Patience

logger = logging.getLogger(__name__)

_seldom = Seldom()

LENGTH_DIGITS = 20
LINGER = 2.0  # seconds for which a refused body is still read
GONE_WITHIN = 1.0  # seconds that a client which broke the protocol has to take its close frame
FRAMES = 8  # that may wait for the application; a proper client has one or two under way


def install() -> None:
    WebSocketFactory.protocol = FlowControlled
    http_protocol.WebRequest, http_protocol.HTTPFactory.protocol = Request, Channel
    Server.kill_all_applications = _end_all(Server.kill_all_applications)
    globalLogPublisher.addObserver(_unhandled)


def _end_all(its_own: Callable) -> Callable:
    def kill_all_applications(self) -> object:
        """Daphne fails at the first connection whose application has ended already, and ends none of the others."""
        for protocol, details in list(self.connections.items()):
            if "application_instance" not in details:
                del self.connections[protocol]
        return its_own(self)

    return kill_all_applications


def _unhandled(event: dict) -> None:
    """What failed in Twisted itself: daphne has its log thrown away."""
    if (failure := event.get("log_failure")) is not None:
        error = (failure.type, failure.value, failure.getTracebackObject())
        logger.error("something failed in Twisted: %s", failure.getErrorMessage(), exc_info=error)


class Channel(HTTPChannel):
    """One connection, before it is a socket's: bounded in time, and in what it is sent before daphne asks anybody."""

    _begun = False  # something of a request has come

    def connectionMade(self) -> None:
        super().connectionMade()
        self.patience = Patience(self._unsent, self._give_up, self._cut)
        self.patience.head()

    def connectionLost(self, reason: Failure) -> None:
        self.patience.end()
        super().connectionLost(reason)

    def dataReceived(self, data: bytes) -> None:
        self._begun = True
        super().dataReceived(data)

    def headerReceived(self, line: bytes) -> bool:
        """Twisted makes a number of any row of digits, which Python refuses for a very long one."""
        name, _, value = line.partition(b":")
        if len(value) > LENGTH_DIGITS and name.strip().lower() == b"content-length":
            self._respondToBadRequestAndDisconnect()
            return False
        return super().headerReceived(line)

    def allHeadersReceived(self) -> None:
        self.patience.body()
        super().allHeadersReceived()

    def allContentReceived(self) -> None:
        self.patience.answer()
        super().allContentReceived()

    def requestDone(self, request: http_protocol.WebRequest) -> None:
        self._begun = False
        self.patience.head()
        super().requestDone(request)

    def refuse(self, status: bytes, kind: str, body: bytes) -> None:
        """Answer in front of everything. What is still sent is thrown away for a moment, so that the answer is seen."""
        lines = [b"HTTP/1.1 " + status, b"Content-Type: " + kind.encode(), b"Content-Length: %d" % len(body)]
        self.transport.write(b"\r\n".join([*lines, b"Connection: close", b"", body]))
        self.transport.unregisterProducer()
        self.transport.loseWriteConnection()
        reactor.callLater(LINGER, self._cut)

    def _unsent(self) -> int:
        waiting = self.transport
        return len(waiting.dataBuffer) - waiting.offset + waiting._tempDataLen

    def _give_up(self) -> None:
        if self._begun:
            self.transport.write(TOO_LATE)
        self.transport.unregisterProducer()
        self.transport.loseConnection()
        reactor.callLater(GONE_WITHIN, self._cut)

    def _cut(self) -> None:
        if self.transport is not None:
            self.transport.abortConnection()


class Request(http_protocol.WebRequest):
    _refused = False

    def __init__(self, *arguments, **options):
        """Forms are read by Django. Twisted would do it before, for nothing, and fail at some."""
        super().__init__(*arguments, **options, parsePOSTFormSubmission=False)

    def gotLength(self, length: int | None) -> None:
        """In memory: it is bounded, and Twisted would put it on the disk."""
        self.content = BytesIO()
        if (length or 0) > settings.CHATLAB_BODY_MAX:
            self._refuse()

    def handleContentChunk(self, data: bytes) -> None:
        if not self._refused and self.content.tell() + len(data) > settings.CHATLAB_BODY_MAX:
            self._refuse()
        if not self._refused:
            super().handleContentChunk(data)

    def process(self):
        """Daphne takes its own header to be ASCII, and fails where it is not."""
        if self._refused:
            return None
        if not all(map(bytes.isascii, self.requestHeaders.getRawHeaders(b"Daphne-Root-Path", ()))):
            self.requestHeaders.removeHeader(b"Daphne-Root-Path")
        channel = self.channel
        processed = super().process()
        if self.transport is None:  # it is a socket's now
            channel.patience.end()
        return processed

    def _refuse(self) -> None:
        self._refused = True
        self.requestHeaders.removeHeader(b"Expect")  # else it is told to go on
        self.content = BytesIO()
        path = self.channel._path.decode("latin-1")
        detail = requests.TOO_LONG.format(settings.CHATLAB_BODY_MAX)
        self.channel.refuse(b"413 Content Too Large", *requests.refusal(path, 413, "too_long", detail))
        if _seldom("body"):
            logger.warning("%s: a body of more than %s bytes", ascii(path[:200]), settings.CHATLAB_BODY_MAX)


@implementer(IPushProducer)
class FlowControlled(WebSocketProtocol):
    """As a producer it answers to its transport, which says when its buffer is full and when it is empty again."""

    _full = False  # the transport's buffer
    _looking = False  # whether the application has caught up

    def onOpen(self) -> None:
        super().onOpen()
        self.transport.unregisterProducer()  # the HTTP channel's, from before the upgrade
        self.transport.registerProducer(self, True)

    def onConnect(self, request):
        """The same of what a socket may offer: it is made of tokens."""
        if not request.headers.get("sec-websocket-protocol", "").isascii():
            raise ConnectionDeny(400, "Sec-WebSocket-Protocol is not ASCII")
        return super().onConnect(request)

    def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:
        """Of a socket that the server knows: not of one whose handshake was broken."""
        if hasattr(self, "server"):
            super().onClose(wasClean, code, reason)

    def failHandshake(self, reason: str, code: int = 400, *more: object, **others: object) -> None:
        """Of a handshake that lacks something, which no application gets to see."""
        if code == 400:
            front.note(front.UPGRADE, handshake=reason)
        super().failHandshake(reason, code, *more, **others)

    def _fail_connection(self, code: int = 1001, reason: str = "") -> None:
        """Of what breaks the protocol. Autobahn would cut without a word; a client is told why, and then cut."""
        if self.state == self.STATE_OPEN:
            logger.info("a socket is closed with %s: %s", code, reason)
            self.sendCloseFrame(code=code)
        self.failedByMe, self.wasClean, self.wasNotCleanReason = True, False, reason
        self.dropConnection(abort=False)
        reactor.callLater(GONE_WITHIN, self.transport.abortConnection)

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
