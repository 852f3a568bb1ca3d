"""The offline demo model: needs no network, no key, and says so.

It answers over an in-process HTTP transport of the real SDK, so that the SDK's own SSE decoding is used. What it says
depends on the question and CHATLAB_DEMO_SEED only; how fast, on CHATLAB_DEMO_RATE. A word at the start of the question
makes it misbehave: /long, /slow, /stall, /fail, /die.

Like a provider with a background mode it goes on when the worker that reads it is gone, and can be read on from any of
its events: so the whole life of an answer can be seen without a key.
"""

from __future__ import annotations

import asyncio
import json
import random
import secrets
from collections import OrderedDict
from collections.abc import AsyncIterator

import httpx2
import openai
from django.conf import settings

from . import demo_text
from .transport import make_client

SLOW_RATE = 4.0  # deltas a second of /slow
KEPT = 20  # background responses that have ended, and can still be read


def demo_client() -> openai.AsyncOpenAI:
    return make_client(DemoTransport(), api_key="demo", base_url="http://demo.invalid/v1")


class DemoTransport(httpx2.AsyncBaseTransport):
    """`POST /responses`, `GET /responses/<id>` and `POST /responses/<id>/cancel`, each as OpenAI answers them."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, _Response] = OrderedDict()

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        _, _, name = request.url.path.partition("/responses/")
        if not name:
            body = json.loads(await request.aread())
            return _sse(request, _Stream(self._begin(body), self, -1))
        name, _, cancel = name.partition("/")
        response = self._kept.get(name)
        if response is None:
            error = {"error": {"code": "not_found", "message": f"There is no response {name}."}}
            return httpx2.Response(404, json=error, request=request)
        if cancel:
            self.forget(response)
            return httpx2.Response(200, json=response.body("cancelled"), request=request)
        after = int(request.url.params.get("starting_after", -1))
        return _sse(request, _Stream(response, self, after))

    def forget(self, response: _Response) -> None:
        response.cancel()
        self._kept.pop(response.id, None)

    def _begin(self, body: dict) -> _Response:
        question = next(turn["content"] for turn in reversed(body["input"]) if turn["role"] == "user")
        response = _Response(question, body["model"], background=body.get("background", False))
        if response.background:
            self._kept[response.id] = response
        ended = [kept for kept in self._kept.values() if kept.ended]
        for old in ended[:-KEPT]:
            self.forget(old)
        return response

    async def aclose(self) -> None:
        for response in self._kept.values():
            response.cancel()


def _sse(request: httpx2.Request, stream: httpx2.AsyncByteStream) -> httpx2.Response:
    return httpx2.Response(200, headers={"content-type": "text/event-stream"}, stream=stream, request=request)


class _Response:
    """One answer, written into a list of events at the pace at which a person would like to read it."""

    def __init__(self, question: str, model: str, *, background: bool):
        self.command, self.pieces, seed = demo_text.answer(question, settings.CHATLAB_DEMO_SEED)
        # What has no name can't be asked for again: so a stall and a death can be seen to their end.
        self.id = "" if self.command in ("stall", "die") else f"resp_demo_{secrets.token_hex(8)}"
        self.background = background and bool(self.id)
        self.events: list[bytes] = []
        self.ended = False  # nothing more will come
        self.grown = asyncio.Event()
        self._model = model
        self._random = random.Random(seed)
        self._writing = asyncio.get_running_loop().create_task(self._write())

    def cancel(self) -> None:
        self._writing.cancel()

    async def _write(self) -> None:
        self._say("response.created", response=self.body("in_progress"))
        await asyncio.sleep(self._random.uniform(0.2, 0.5))
        rate = SLOW_RATE if self.command == "slow" else settings.CHATLAB_DEMO_RATE
        breaks_at = len(self.pieces) // 3 if self.command in ("stall", "fail", "die") else None
        for number, piece in enumerate(self.pieces):
            if number == breaks_at:
                break
            self._say("response.output_text.delta", item_id="msg_demo", content_index=0, delta=piece)
            await asyncio.sleep(self._random.uniform(0.4, 1.6) / rate)
        else:
            self._say("response.completed", response=self.body("completed", "".join(self.pieces)))
        if self.command == "fail":
            error = {"code": "server_error", "message": "You asked me to /fail."}
            self._say("response.failed", response=self.body("failed") | {"error": error})
        self.ended = self.command != "stall"
        self.grown.set()

    def _say(self, kind: str, **fields: object) -> None:
        data = json.dumps({"type": kind, "sequence_number": len(self.events), **fields})
        self.events.append(f"event: {kind}\ndata: {data}\n\n".encode())
        self.grown.set()

    def body(self, status: str, text: str | None = None) -> dict:
        body: dict = {"id": self.id, "object": "response", "status": status, "model": self._model, "output": []}
        if text is not None:
            content = [{"type": "output_text", "text": text, "annotations": []}]
            body["output"] = [{"type": "message", "id": "msg_demo", "role": "assistant", "content": content}]
            output = len(self.pieces)
            body["usage"] = {"input_tokens": 40, "output_tokens": output, "total_tokens": 40 + output}
        return body


class _Stream(httpx2.AsyncByteStream):
    """A response's events behind a number, as they come. One reader at a time."""

    def __init__(self, response: _Response, home: DemoTransport, after: int):
        self._response, self._home, self._next = response, home, after + 1

    async def __aiter__(self) -> AsyncIterator[bytes]:
        response = self._response
        while True:
            while self._next < len(response.events):
                self._next += 1
                yield response.events[self._next - 1]
            if response.ended:
                break
            response.grown.clear()
            await response.grown.wait()

    async def aclose(self) -> None:
        if not self._response.background:
            self._home.forget(self._response)
