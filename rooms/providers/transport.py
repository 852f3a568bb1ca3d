"""The HTTP side of a call upstream: bounded, never redirected. The SDK makes the request; the events of its answer are
read here.
"""

from __future__ import annotations

import asyncio
import json
import os
import ssl
import zlib
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing
from functools import cache
from http.cookiejar import CookieJar, DefaultCookiePolicy

import anyio
import httpx2
import openai
from django.conf import settings

from . import errors
from .base import ProviderError
from .lines import NOT_TEXT, Event, Lines

ERROR_MAX = 65_536  # bytes that are read of what is no answer
READ_OUT = 0.2  # seconds for what follows the last event
PIECE = 65_536  # bytes that are unpacked at once
ALIVE: Event = (None, b"null")  # an event that says nothing
_BROKEN = (httpx2.RequestError, ssl.SSLError, anyio.EndOfStream)  # what reading raises where a connection breaks


def make_client(transport: httpx2.AsyncBaseTransport | None = None, **kwargs) -> openai.AsyncOpenAI:
    """A client without the SDK's own retries (a retried POST can be billed twice) and with limits made for a chat.

    Reading has no limit here: whoever asks gives the first byte its time, and the silences are counted below.
    """
    http_client = openai.DefaultAsyncHttpx2Client(
        transport=transport,
        verify=True if transport else _authorities(*map(os.environ.get, ("SSL_CERT_FILE", "SSL_CERT_DIR"))),
        limits=httpx2.Limits(max_connections=1000),
        follow_redirects=False,
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),  # none: what one person is given is not another's
        headers={"Accept-Encoding": "identity"},  # what is not packed needs no unpacking
        event_hooks={"response": [_bound]},
    )
    timeout = httpx2.Timeout(connect=settings.CHATLAB_CONNECT_TIMEOUT, read=None, write=30, pool=10)
    return openai.AsyncOpenAI(max_retries=0, timeout=timeout, http_client=http_client, **kwargs)


@cache
def _authorities(file: str | None, folder: str | None) -> ssl.SSLContext:
    """Who may vouch for a provider, as the environment says. To read them takes 20 to 50 ms."""
    return httpx2.create_ssl_context()


async def _bound(response: httpx2.Response) -> None:
    """Watch over an answer, and read of a refusal the beginning only."""
    encoding = response.headers.pop("content-encoding", "").lower().replace(" ", "")
    packed = [name for name in encoding.split(",") if name not in ("", "identity")]
    if not response.is_success:
        response.stream = _Beginning(response.stream, 0 if packed else ERROR_MAX)
        return
    if packed not in ([], ["gzip"], ["x-gzip"], ["deflate"]):
        detail = "The model provider sent compressed data, which was not asked for."
        raise ProviderError("upstream", detail, f"content-encoding: {encoding[:200]}")
    inner = Unpacked(response.stream) if packed else response.stream
    response.stream = EventStream(inner, response.headers.get("content-type", "text/event-stream"))


class _Beginning(httpx2.AsyncByteStream):
    """The first bytes of what is no answer, for staff."""

    def __init__(self, inner: httpx2.AsyncByteStream, most: int):
        self._inner = inner
        self._most = most

    async def __aiter__(self) -> AsyncIterator[bytes]:
        left = self._most
        async with aclosing(aiter(self._inner)) as chunks:
            while left > 0 and (chunk := await anext(chunks, None)) is not None:
                yield chunk[:left]
                left -= len(chunk)

    async def aclose(self) -> None:
        await self._inner.aclose()


class Unpacked(httpx2.AsyncByteStream):
    """gzip or deflate, a piece at a time: whoever reads finds an event too large before all of it is unpacked."""

    def __init__(self, inner: httpx2.AsyncByteStream):
        self._inner = inner

    async def __aiter__(self) -> AsyncIterator[bytes]:
        unpacking, over = _unpacking(), False
        async with aclosing(aiter(self._inner)) as chunks:
            async for chunk in chunks:
                while chunk:
                    try:
                        piece = unpacking.decompress(chunk, PIECE)
                    except zlib.error as error:
                        if over:
                            return
                        raise errors.unreadable(error) from error
                    chunk = unpacking.unconsumed_tail
                    if unpacking.eof:  # another member may follow, or what nobody needs
                        chunk, unpacking, over = unpacking.unused_data, _unpacking(), True
                    yield piece
                    await asyncio.sleep(0)  # one chunk may hold a thousand times its size

    async def aclose(self) -> None:
        await self._inner.aclose()


def _unpacking():
    """Its first bytes say which of the two it is."""
    return zlib.decompressobj(zlib.MAX_WBITS | 32)


class EventStream(httpx2.AsyncByteStream):
    """The bytes of an answer as events, and how long nothing comes. Before the first event any byte is a sign of life:
    gateways send comments while a model loads.
    """

    def __init__(self, inner: httpx2.AsyncByteStream, kind: str):
        self._inner = inner
        self.lines = Lines(settings.CHATLAB_EVENT_MAX + 6 * settings.CHATLAB_ANSWER_MAX, kind)

    async def read(self) -> AsyncGenerator[list[Event]]:
        """The events that one read brings. After `[DONE]` the rest is read, if it comes soon: the connection can be
        used again.
        """
        limit = None  # of the first bytes whoever asks keeps the time
        async with aclosing(aiter(self._inner)) as chunks:
            while True:
                try:
                    async with asyncio.timeout(limit):
                        chunk = await anext(chunks, None)
                except TimeoutError:
                    raise httpx2.ReadTimeout(f"nothing came for {limit} s") from None
                if chunk is None:
                    break
                events = self.lines.feed(chunk)
                if events or limit is None:
                    yield events or [ALIVE]
                if self.lines.done:
                    await read_out(chunks)
                    return
                limit = settings.CHATLAB_SILENCE_TIMEOUT
        if events := self.lines.end():
            yield events

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """As a body, of an answer that is read whole."""
        async with aclosing(self.read()) as reads:
            async for events in reads:
                for _, data in events:
                    yield data

    async def aclose(self) -> None:
        await self._inner.aclose()


async def events_of(stream: openai.AsyncStream) -> AsyncGenerator[dict]:
    """The events of a response as plain dicts, an empty one for a sign of life. Raises errors.Told of an error in them,
    and what the SDK raises of a connection.

    The SDK's own reading decodes them a second time, and its typed events cost many times as much
    (`python -m bench upstream`).
    """
    response = stream.response
    try:
        async with aclosing(response.stream.read()) as reads:
            async for events in reads:
                for name, data in events:
                    for said in _told(name, data):
                        yield said
    except ProviderError as error:
        error.error = errors.staff_only(error.error)  # it quotes what came
        raise
    except httpx2.TimeoutException as error:
        raise openai.APITimeoutError(request=response.request) from error
    except _BROKEN as error:
        raise openai.APIConnectionError(request=response.request) from error
    finally:
        await response.aclose()


def _told(name: str | None, data: bytes) -> Iterator[dict]:
    whole = json.loads(data.decode())
    if whole is None:
        yield {}
    for said in whole if isinstance(whole, list) else (whole,):
        if (end := errors.in_stream(name, said)) is not None:
            raise errors.Told(end)
        if isinstance(said, dict):
            yield said
        elif isinstance(said, str) and said:
            yield {"text": said}


def said_done(stream: openai.AsyncStream) -> bool:
    """Whether the stream ended with `[DONE]`, which the SDK does not tell."""
    return _lines_of(stream).done


def is_document(stream: openai.AsyncStream) -> bool:
    """Whether the answer was one JSON document, where events were asked for."""
    return _lines_of(stream).objects == 1


def check_end(stream: openai.AsyncStream) -> None:
    """An answer has come to its end without a word on it. A document that says nothing will not be another one next
    time.
    """
    if is_document(stream):
        raise ProviderError(*NOT_TEXT, "a JSON document that is no answer")


def _lines_of(stream: openai.AsyncStream) -> Lines:
    return stream.response.stream.lines


async def soon(events: AsyncGenerator[dict]) -> dict | None:
    """The next event of a stream that has said how it ended, if it comes at once; else None, and the stream is over."""
    try:
        async with asyncio.timeout(READ_OUT):
            return await anext(events, None)
    except TimeoutError:
        return None


async def read_out(rest: AsyncIterator) -> None:
    """Read what follows the last event, which is nothing, if it comes soon: the connection can be used again."""
    try:
        async with asyncio.timeout(READ_OUT):
            async for _ in rest:
                pass
    except (*_CUT_OFF, RecursionError, TimeoutError, ValueError):
        pass


_CUT_OFF = (*_BROKEN, openai.APIError, httpx2.HTTPError, httpx2.StreamError, ProviderError, errors.Told)
