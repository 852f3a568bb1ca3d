"""What the providers make of given bytes: the real SDK, over a transport that answers every request the same way."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterable
from functools import cache

import httpx2
import openai

from rooms.providers import ProviderError, Request, TextDelta
from rooms.providers.transport import make_client

REQUEST = Request("model", [("user", "Why?")])
EVENTS = {"content-type": "text/event-stream"}


class Canned(httpx2.AsyncBaseTransport):
    pieces: list[bytes] = []
    headers: dict[str, str] = EVENTS

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, headers=self.headers, stream=Pieces(self.pieces), request=request)


class Pieces(httpx2.AsyncByteStream):
    def __init__(self, pieces: list[bytes]):
        self.pieces = pieces

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self.pieces:
            yield piece


@cache
def _canned() -> tuple[Canned, openai.AsyncOpenAI]:
    """Made once: that takes longer than all the rest."""
    transport = Canned()
    return transport, make_client(transport, api_key="key", base_url="http://canned.invalid/v1")


def said(
    provider: type,
    pieces: Iterable[bytes],
    request: Request = REQUEST,
    headers: dict[str, str] = EVENTS,
    **options: object,
) -> list:
    """All that a provider yields, and as the last entry the error that ended it, if one did."""

    async def run() -> list:
        transport, client = _canned()
        transport.pieces, transport.headers = list(pieces), headers
        found: list = []
        try:
            async for event in provider(client, **options).stream(request):
                found.append(event)
        except ProviderError as error:
            found.append(error)
        return found

    return asyncio.run(run())


def encoded(events: Iterable[object]) -> list[bytes]:
    return [b"data: " + json.dumps(event).encode() + b"\n\n" for event in events]


def part(found: list, name: str) -> str:
    return "".join(event.text for event in found if isinstance(event, TextDelta) and event.part == name)
