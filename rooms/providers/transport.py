"""The HTTP side of a call upstream: bounded, uncompressed, never redirected. And how the SDK's streams are ended."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing

import httpx2
import openai
from django.conf import settings

from . import errors
from .base import ProviderError

END = object()
ERROR_MAX = 65_536  # bytes that are read of what is no answer
READ_OUT = 0.2  # seconds for what follows the last event
_BOM = b"\xef\xbb\xbf"
_LINE_ENDS = (b"\n\n", b"\n\r", b"\r\r")  # an empty line, of whatever line ends, holds one of these
_CR = ord("\r")


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
    """Refuse what is compressed, watch over a stream of events, and read of anything else the beginning only."""
    encoding = response.headers.get("content-encoding", "").strip().lower()
    compressed = encoding not in ("", "identity")
    if response.is_success and compressed:
        detail = "The model provider sent compressed data, which was not asked for."
        raise ProviderError("upstream", detail, f"content-encoding: {encoding[:200]}")
    if response.is_success and _has_events(response):
        response.stream = EventBytes(response.stream)
    else:
        response.stream = _Beginning(response.stream, 0 if compressed else ERROR_MAX)


def _has_events(response: httpx2.Response) -> bool:
    kind = response.headers.get("content-type", "text/event-stream")
    return kind.strip().lower().startswith("text/event-stream")


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
        size, held, before, mark = 0, bytearray(), b"", _BOM
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
                limit = settings.CHATLAB_SILENCE_TIMEOUT
                if not (end := max(chunk.rfind(b"\n"), chunk.rfind(b"\r")) + 1):
                    held += chunk
                    _check_size(size + len(held), longest)
                    continue
                lines = (bytes(held) + chunk[:end]).removeprefix(mark)
                held, mark = bytearray(chunk[end:]), b"\n" if chunk[end - 1] == _CR else b""
                joined = before + lines
                ends = max(joined.rfind(_LINE_ENDS[0]), joined.rfind(_LINE_ENDS[1]), joined.rfind(_LINE_ENDS[2]))
                size = size + len(lines) if ends < 0 else len(joined) - ends - 2
                _check_size(size + len(held), longest)
                before = joined[-1:]
                yield self._data_of(lines)
        # Some servers leave the last empty line out, or the last line end.
        yield self._data_of(bytes(held).removeprefix(mark)) + b"\n\n"

    def _data_of(self, lines: bytes) -> bytes:
        kept = [line for line in lines.splitlines() if not line or (line.startswith(b"data:") and line[5:].strip())]
        if b"[DONE]" in lines:
            self.done = self.done or any(line[5:].lstrip().startswith(b"[DONE]") for line in kept)
        return b"\n".join([*kept, b""])

    async def aclose(self) -> None:
        await self._inner.aclose()


def _check_size(size: int, longest: int) -> None:
    if size > longest:
        detail = "The model provider sent more at once than it may."
        raise ProviderError("upstream", detail, f"an event is larger than {longest} bytes")


async def events_of(stream: openai.AsyncStream) -> AsyncGenerator[dict]:
    """The events of a response as plain dicts; whatever is not an object is passed over.

    The SDK's typed events cost many times as much, with the same SSE decoder (`python -m bench upstream`).
    """
    try:
        if not _has_events(stream.response):
            kind = stream.response.headers["content-type"]
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
