"""The HTTP side of a call upstream: bounded, uncompressed, never redirected. And how the SDK's streams are ended."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing

import httpx2
import openai
from django.conf import settings

from . import errors
from .base import ProviderError

END = object()
ERROR_MAX = 65_536  # bytes of a refusal's body that are read
READ_OUT = 0.2  # seconds for what follows the last event
_BOM = b"\xef\xbb\xbf"
_LINE_ENDS = (b"\n\n", b"\n\r", b"\r\r")  # an empty line, of whatever line ends, holds one of these
_NO_DATA = re.compile(rb"(?:(?<=[\r\n])|^)(?:(?:event|id|retry)(?::[^\r\n]*)?|data(?::[ \t]*)?)(?=[\r\n]|$)")
_DONE = re.compile(rb"(?:^|[\r\n])data: ?\[DONE\]")


def make_client(transport: httpx2.AsyncBaseTransport | None = None, **kwargs) -> openai.AsyncOpenAI:
    """A client without the SDK's own retries (a retried POST can be billed twice) and with limits made for a chat.

    Reading has no limit here: whoever asks gives the first event its time, and the silences are counted below.
    """
    http_client = openai.DefaultAsyncHttpx2Client(
        transport=transport,
        limits=httpx2.Limits(max_connections=1000),
        follow_redirects=False,
        headers={"Accept-Encoding": "identity"},  # a compressed event has no bound
        event_hooks={"response": [_bound]},
    )
    timeout = httpx2.Timeout(connect=settings.CHATLAB_CONNECT_TIMEOUT, read=None, write=30, pool=10)
    return openai.AsyncOpenAI(max_retries=0, timeout=timeout, http_client=http_client, **kwargs)


async def _bound(response: httpx2.Response) -> None:
    """Refuse what a stream of events may not be: compressed, or without an end of an event in sight."""
    encoding = response.headers.get("content-encoding", "").strip().lower()
    compressed = encoding not in ("", "identity")
    if not response.is_success:
        response.stream = _Beginning(response.stream, 0 if compressed else ERROR_MAX)
    elif compressed:
        detail = "The model provider sent compressed data, which was not asked for."
        raise ProviderError("upstream", detail, f"content-encoding: {encoding[:200]}")
    else:
        response.stream = EventBytes(response.stream)


class _Beginning(httpx2.AsyncByteStream):
    """The first bytes of a refusal, for staff. That it refused is what counts."""

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


class EventBytes(httpx2.AsyncByteStream):
    """The bytes of a stream of events, line by line: how large an event grows, how long nothing comes, whether `[DONE]`
    was said. What is not data is taken out: the SDK takes an event without data for one that is not JSON.

    A delta is bounded by CHATLAB_EVENT_MAX where it is read. The events at the end repeat the whole answer, in JSON
    with up to six bytes for each of its characters: they are what bounds a single event here.
    """

    def __init__(self, inner: httpx2.AsyncByteStream):
        self._inner = inner
        self.done = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        longest = settings.CHATLAB_EVENT_MAX + 6 * settings.CHATLAB_ANSWER_MAX
        size, before = 0, b""
        async with aclosing(_lines(self._chunks(), longest)) as chunks:
            async for lines in chunks:
                joined = before + lines
                ends = max(joined.rfind(pair) for pair in _LINE_ENDS)
                size = size + len(lines) if ends < 0 else len(joined) - ends - 2
                if size > longest:
                    raise _too_large(longest)
                self.done = self.done or (b"[DONE]" in lines and _DONE.search(lines) is not None)
                before = lines[-1:]
                yield _NO_DATA.sub(b"", lines)
        yield b"\n\n"  # some servers leave the empty line out behind their last event

    async def _chunks(self) -> AsyncGenerator[bytes]:
        limit = None  # of the first bytes whoever asks keeps the time
        async with aclosing(aiter(self._inner)) as chunks:
            while True:
                try:
                    async with asyncio.timeout(limit):
                        chunk = await anext(chunks, None)
                except TimeoutError:
                    raise httpx2.ReadTimeout(f"nothing came for {limit} s") from None
                if chunk is None:
                    return
                limit = settings.CHATLAB_SILENCE_TIMEOUT
                yield chunk

    async def aclose(self) -> None:
        await self._inner.aclose()


async def _lines(chunks: AsyncGenerator[bytes], longest: int) -> AsyncGenerator[bytes]:
    """The same bytes, cut behind the ends of lines; without the byte order mark that may precede them."""
    held, first = bytearray(), True
    async with aclosing(chunks):
        async for chunk in chunks:
            end = max(chunk.rfind(b"\n"), chunk.rfind(b"\r")) + 1
            if not end:
                held += chunk
                if len(held) > longest:
                    raise _too_large(longest)
                continue
            lines = bytes(held) + chunk[:end]
            held = bytearray(chunk[end:])
            yield lines.removeprefix(_BOM) if first else lines
            first = False
    if held:
        yield bytes(held).removeprefix(_BOM) if first else bytes(held)


def _too_large(longest: int) -> ProviderError:
    detail = "The model provider sent more at once than it may."
    return ProviderError("upstream", detail, f"an event is larger than {longest} bytes")


async def events_of(stream: openai.AsyncStream) -> AsyncGenerator[dict]:
    """The events of a response as plain dicts; whatever is not an object is passed over.

    The SDK's typed events cost many times as much, with the same SSE decoder (`python -m bench upstream`).
    """
    try:
        kind = stream.response.headers.get("content-type", "text/event-stream")
        if not kind.strip().lower().startswith("text/event-stream"):
            said = errors.staff_only(f"{kind[:200]}: {await _beginning(stream.response)}")
            raise ProviderError("upstream", "The model provider answered with something else than text.", said)
        while (event := await anext(stream, END)) is not END:
            if isinstance(event, dict):
                yield event
    finally:
        await _exhaust(stream)


def said_done(stream: openai.AsyncStream) -> bool:
    """Whether the stream ended with `[DONE]`, which the SDK does not tell."""
    return isinstance(stream.response.stream, EventBytes) and stream.response.stream.done


async def read_out(events: AsyncGenerator[dict]) -> None:
    """Read what follows the last event, which is nothing, if it comes soon: the connection can be used again."""
    try:
        async with asyncio.timeout(READ_OUT):
            async for _ in events:
                pass
    except (*_CUT_OFF, RecursionError, TimeoutError, ValueError):
        pass


async def _beginning(response: httpx2.Response) -> str:
    try:
        async with asyncio.timeout(READ_OUT), aclosing(response.aiter_bytes()) as chunks:
            return (await anext(chunks, b""))[:500].decode("utf-8", "replace")
    except (*_CUT_OFF, TimeoutError):
        return ""


async def _exhaust(stream: openai.AsyncStream) -> None:
    """Close the response, and let the SDK's nested generators run to their end.

    Left suspended they wait for the garbage collector, which ends them in whatever thread it happens to run.
    """
    await stream.close()
    try:
        async with asyncio.timeout(1):
            while await anext(stream, END) is not END:
                pass
    except (*_CUT_OFF, RecursionError, TimeoutError, ValueError):
        pass  # it was cut off: that is what closing is for


_CUT_OFF = (openai.APIError, httpx2.HTTPError, httpx2.StreamError, ProviderError)
