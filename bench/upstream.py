"""CPU time of one event of the provider: our reading beside the SDK's typed events, from memory and over a socket."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import django
import httpx2
import openai

from tests.harness.upstream import Question, UpstreamProcess

from .stack import WIDTH, line

OPTIONS = {
    "events": (5_000, "text deltas of an answer"),
    "rate": (250.0, "deltas a second over the socket"),
    "seconds": (5.0, "how long over the socket"),
    "streams": (4, "answers at once over the socket"),
}
ROUNDS = 3  # the best one counts: the others were disturbed
MODEL = "model"
Reader = Callable[[openai.AsyncOpenAI, str], Awaitable[int]]


async def run(arguments: argparse.Namespace) -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chatlab.settings")
    django.setup()
    for feed, size in (("many events a read", 65_536), ("one event a read", 0)):
        print(f"  {feed}")
        for name, read, encode in READERS:
            events = [encode(number) for number in range(arguments.events)]
            line(name, f"{await best(read, events, size):.1f} us")
    print("  over a socket, paced")
    await over_a_socket(arguments)


# -- who reads ---------------------------------------------------------------------------------------------------------


async def ours(client: openai.AsyncOpenAI, question: str) -> int:
    from rooms.providers import Request
    from rooms.providers.responses import ResponsesProvider

    request = Request(MODEL, [("user", question)])
    return len([event async for event in ResponsesProvider(client).stream(request)])


async def ours_chat(client: openai.AsyncOpenAI, question: str) -> int:
    from rooms.providers import Request
    from rooms.providers.chat import ChatProvider

    return len([event async for event in ChatProvider(client).stream(Request(MODEL, [("user", question)]))])


async def plain(client: openai.AsyncOpenAI, question: str) -> int:
    """What ours is built on: dicts, and nothing of ours."""
    body = {"model": MODEL, "input": question, "stream": True}
    stream_cls = openai.AsyncStream[object]
    stream = await client.post("/responses", cast_to=object, body=body, stream=True, stream_cls=stream_cls)
    return len([event["type"] async for event in stream])


async def typed(client: openai.AsyncOpenAI, question: str) -> int:
    stream = await client.responses.create(model=MODEL, input=question, stream=True)
    return len([event.type async for event in stream])


async def typed_chat(client: openai.AsyncOpenAI, question: str) -> int:
    asked = [{"role": "user", "content": question}]
    stream = await client.chat.completions.create(model=MODEL, messages=asked, stream=True)
    return len([chunk.choices async for chunk in stream])


def delta(number: int) -> bytes:
    event = {
        "type": "response.output_text.delta",
        "item_id": "msg_0123456789abcdef",
        "output_index": 0,
        "content_index": 0,
        "delta": f" word{number % 100}",
        "logprobs": [],
        "sequence_number": number,
    }
    return f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode()


def chunk(number: int) -> bytes:
    choice = {"index": 0, "delta": {"content": f" word{number % 100}"}, "logprobs": None, "finish_reason": None}
    head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": MODEL}
    return f"data: {json.dumps({**head, 'choices': [choice]})}\n\n".encode()


READERS: list[tuple[str, Reader, Callable[[int], bytes]]] = [
    ("  ours, Responses", ours, delta),
    ("  the SDK's dicts, Responses", plain, delta),
    ("  the SDK's events, Responses", typed, delta),
    ("  ours, Chat Completions", ours_chat, chunk),
    ("  the SDK's chunks, Chat Completions", typed_chat, chunk),
]


# -- from memory -------------------------------------------------------------------------------------------------------


class Canned(httpx2.AsyncBaseTransport):
    def __init__(self, reads: list[bytes]):
        self._reads = reads

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        headers = {"content-type": "text/event-stream"}
        return httpx2.Response(200, headers=headers, stream=_Reads(self._reads), request=request)


class _Reads(httpx2.AsyncByteStream):
    def __init__(self, reads: list[bytes]):
        self._reads = reads

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for read in self._reads:
            yield read


async def best(read: Reader, events: list[bytes], size: int) -> float:
    """Microseconds of CPU for an event."""
    whole = b"".join(events)
    reads = [whole[start : start + size] for start in range(0, len(whole), size)] if size else events
    client = client_for(read, Canned(reads), "http://canned.invalid/v1")
    took = []
    for _ in range(ROUNDS):
        started = time.process_time()
        await read(client, "Why?")
        took.append(time.process_time() - started)
    await client.close()
    return 1e6 * min(took) / len(events)


def client_for(read: Reader, transport: httpx2.AsyncBaseTransport | None, url: str) -> openai.AsyncOpenAI:
    """Ours, and for the SDK's own way a client as it comes."""
    from rooms.providers.transport import make_client

    if read in (ours, ours_chat):
        return make_client(transport, api_key="key", base_url=url)
    http_client = openai.DefaultAsyncHttpx2Client(transport=transport) if transport else None
    return openai.AsyncOpenAI(api_key="key", base_url=url, http_client=http_client)


# -- over a socket -----------------------------------------------------------------------------------------------------


async def over_a_socket(arguments: argparse.Namespace) -> None:
    folder = Path(tempfile.mkdtemp(prefix="chatlab-bench-"))
    upstream = UpstreamProcess(folder)
    upstream.start()
    try:
        deltas = int(arguments.rate * arguments.seconds)
        for name, read, _ in READERS:
            client = client_for(read, None, upstream.base_url)
            await read(client, Question({"text": "warm"}))
            question = Question({"stamps": deltas, "rate": arguments.rate, "width": WIDTH})
            started = time.process_time()
            await asyncio.gather(*(read(client, question) for _ in range(arguments.streams)))
            took = time.process_time() - started
            await client.close()
            line(name, f"{1e6 * took / (deltas * arguments.streams):.1f} us")
    finally:
        upstream.stop()
        shutil.rmtree(folder)
