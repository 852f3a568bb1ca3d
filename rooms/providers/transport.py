"""The HTTP side of a call upstream: bounded, uncompressed, never redirected. And how the SDK's streams are ended."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx2
import openai
from django.conf import settings

from .base import ProviderError

END = object()
_EMPTY_LINES = (b"\n\n", b"\r\n\r\n", b"\r\r")


def make_client(transport: httpx2.AsyncBaseTransport | None = None, **kwargs) -> openai.AsyncOpenAI:
    """A client without the SDK's own retries (a retried POST can be billed twice) and with limits made for a chat."""
    timeout = httpx2.Timeout(
        connect=settings.CHATLAB_CONNECT_TIMEOUT, read=settings.CHATLAB_SILENCE_TIMEOUT, write=30, pool=10
    )
    transport = transport or httpx2.AsyncHTTPTransport(limits=httpx2.Limits(max_connections=1000))
    http_client = openai.DefaultAsyncHttpx2Client(
        transport=BoundedTransport(transport),
        follow_redirects=False,
        headers={"Accept-Encoding": "identity"},  # a compressed event has no bound
    )
    return openai.AsyncOpenAI(max_retries=0, timeout=timeout, http_client=http_client, **kwargs)


class BoundedTransport(httpx2.AsyncBaseTransport):
    """Refuses what a stream of events may not be: compressed, or without an end of an event in sight.

    A delta is bounded by CHATLAB_EVENT_MAX where it is read. The events at the end repeat the whole answer, in JSON
    with up to six bytes for each of its characters: they are what bounds a single event here.
    """

    def __init__(self, inner: httpx2.AsyncBaseTransport):
        self._inner = inner

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        response = await self._inner.handle_async_request(request)
        if response.headers.get("content-encoding", "identity") != "identity":
            await response.aclose()
            raise httpx2.RemoteProtocolError("the response is compressed", request=request)
        longest = settings.CHATLAB_EVENT_MAX + 6 * settings.CHATLAB_ANSWER_MAX
        response.stream = _BoundedStream(response.stream, longest)
        return response

    async def aclose(self) -> None:
        await self._inner.aclose()


class _BoundedStream(httpx2.AsyncByteStream):
    """Counts the bytes since the last empty line, which ends an event."""

    def __init__(self, inner: httpx2.AsyncByteStream, event_max: int):
        self._inner = inner
        self._event_max = event_max

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size, tail = 0, b""
        async for chunk in self._inner:
            joined = tail + chunk  # an empty line may be cut in two
            ends = [joined.rfind(line) + len(line) for line in _EMPTY_LINES if line in joined]
            size = len(joined) - max(ends) if ends else size + len(chunk)
            if size > self._event_max:
                raise httpx2.RemoteProtocolError(f"an event is larger than {self._event_max} bytes")
            tail = joined[-3:]
            yield chunk

    async def aclose(self) -> None:
        await self._inner.aclose()


async def events_of(stream: openai.AsyncStream) -> AsyncIterator[dict]:
    """The events of a response as plain dicts; whatever is not an object is passed over.

    The SDK's typed events cost 79 us each, these 11 us, with the same SSE decoder.
    """
    try:
        kind = stream.response.headers.get("content-type", "text/event-stream")
        if not kind.startswith("text/event-stream"):
            raise ProviderError("upstream", "The model provider answered with something else than text.", kind[:200])
        while (event := await anext(stream, END)) is not END:
            if isinstance(event, dict):
                yield event
    finally:
        await _exhaust(stream)


async def _exhaust(stream: openai.AsyncStream) -> None:
    """Close the response, and let the SDK's nested generators run to their end.

    Left suspended they wait for the garbage collector, which ends them in whatever thread it happens to run.
    """
    await stream.close()
    try:
        async with asyncio.timeout(1):
            while await anext(stream, END) is not END:
                pass
    except (openai.APIError, httpx2.HTTPError, httpx2.StreamError, TimeoutError, ValueError):
        pass  # it was cut off: that is what closing is for
