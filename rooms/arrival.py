"""What holds for every request before anything looks at it: it has a name, its body has an end, and what fails leaves a
line with its traceback.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from django.conf import settings
from django.utils.http import parse_header_parameters

from . import requests
from .seldom import Seldom

logger = logging.getLogger(__name__)
_seldom = Seldom()

LINGER = 2.0  # seconds for which a refused body is still read, and thrown away: else its sender sees no answer
BROKEN = "Something broke on our side. What was already written is safe."


class TooMuch(Exception):
    """A body went past CHATLAB_BODY_MAX."""


class Arrival:
    """ASGI middleware, outermost. A request that has come through one is not looked at again by a second."""

    def __init__(self, application: Callable):
        self.application = application

    async def __call__(self, scope: dict, receive: Callable, send: Callable) -> None:
        if scope["type"] == "http" and "chatlab.request" not in scope:
            await Request(scope, receive, send).be_answered(self.application)
        else:
            await self.application(scope, receive, send)


class Request:
    def __init__(self, scope: dict, receive: Callable, send: Callable):
        self.name = requests.begin()
        self.scope = {**scope, "chatlab.request": self.name}
        self._receive, self._send = receive, send
        self._length = 0
        self._answered = False

    async def be_answered(self, application: Callable) -> None:
        headers = Headers(self.scope)
        try:
            if headers.length > settings.CHATLAB_BODY_MAX:
                raise TooMuch
            if self.scope["method"] == "CONNECT":  # h11 takes an answer to it for the beginning of a tunnel
                await self._answer(405, "not_allowed", "This is no proxy.")
            elif fault := headers.fault():
                await self._answer(400, "bad_frame", fault)
            else:
                await application(self.scope, self.receive, self.send)
        except TooMuch:
            if _seldom("body"):
                logger.warning("%s: a body of more than %s bytes", self.what, settings.CHATLAB_BODY_MAX)
            await self._answer(413, "too_long", requests.TOO_LONG.format(settings.CHATLAB_BODY_MAX), drains=True)
        except Exception:
            logger.exception("%s failed", self.what)
            await self._answer(500, "unavailable", BROKEN)

    @property
    def what(self) -> str:
        """For the log: what a client has sent is not to be trusted with its lines."""
        return f"{self.scope['method'][:20]} {self.scope['path'][:200]}".encode("unicode_escape").decode("ascii")

    async def receive(self) -> dict:
        event = await self._receive()
        self._length += len(event.get("body", b""))
        if self._length > settings.CHATLAB_BODY_MAX:
            raise TooMuch
        return event

    async def send(self, event: dict) -> None:
        if event["type"] == "http.response.start":
            self._answered = True
            name = (requests.HEADER.lower().encode(), self.name.encode())
            event = {**event, "headers": [*event.get("headers", ()), name]}
        await self._send(event)

    async def _answer(self, status: int, code: str, detail: str, drains: bool = False) -> None:
        """In plain words; nothing where an answer has begun already. The connection ends with it."""
        if self._answered:
            return
        kind, body = requests.refusal(self.scope["path"], status, code, detail)
        headers = [(b"content-type", kind.encode()), (b"content-length", b"%d" % len(body)), (b"connection", b"close")]
        await self.send({"type": "http.response.start", "status": status, "headers": headers})
        await self._send({"type": "http.response.body", "body": body, "more_body": drains})
        if drains:
            await self._drain()
            await self._send({"type": "http.response.body", "body": b""})

    async def _drain(self) -> None:
        try:
            async with asyncio.timeout(LINGER):
                while (event := await self._receive()).get("more_body") and event["type"] == "http.request":
                    pass
        except TimeoutError:
            pass


class Headers:
    """What a request says of itself."""

    def __init__(self, scope: dict):
        found: dict[bytes, list[bytes]] = {}
        for name, value in scope["headers"]:
            found.setdefault(name.lower(), []).append(value)
        self._fields = scope.get("query_string", b"").count(b"&") + 1
        self._type = b",".join(found.get(b"content-type", [])).decode("latin-1")
        length = found.get(b"content-length", [b""])[0]
        self.length = int(length[:18]) if length.isdigit() else 0

    def fault(self) -> str | None:
        """What Django would fail at before its middleware is there to catch it. It takes a charset at its word, which
        may be none of text, or not one at all.
        """
        if self._fields > settings.DATA_UPLOAD_MAX_NUMBER_FIELDS:
            return f"A query has at most {settings.DATA_UPLOAD_MAX_NUMBER_FIELDS:,} fields."
        try:
            charset = parse_header_parameters(self._type)[1].get("charset", "utf-8")
        except (ValueError, LookupError):
            return "The Content-Type can't be read."
        if charset.lower() not in ("utf-8", "utf8"):
            return "Text is UTF-8 here, whatever is sent: charset=utf-8."
        return None
