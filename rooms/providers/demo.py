"""The offline demo model: needs no network, no key, and says so.

It answers over an in-process HTTP transport of the real SDK, so that the SDK's own SSE decoding is used. What it says
depends on the question and CHATLAB_DEMO_SEED only; how fast, on CHATLAB_DEMO_RATE. A word at the start of the question
makes it misbehave: /long, /slow, /stall, /fail, /die.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator

import httpx2
import openai
from django.conf import settings

from . import demo_text
from .transport import make_client

SLOW_RATE = 4.0  # deltas a second of /slow


def demo_client() -> openai.AsyncOpenAI:
    return make_client(DemoTransport(), api_key="demo", base_url="http://demo.invalid/v1")


class DemoTransport(httpx2.AsyncBaseTransport):
    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        body = json.loads(await request.aread())
        question = next(turn["content"] for turn in reversed(body["input"]) if turn["role"] == "user")
        answer = _Answer(question, body["model"], request.extensions["timeout"]["read"])
        headers = {"content-type": "text/event-stream"}
        return httpx2.Response(200, headers=headers, stream=answer, request=request)


class _Answer(httpx2.AsyncByteStream):
    """The body of one response: server-sent events, paced like a person would like to read them."""

    def __init__(self, question: str, model: str, patience: float):
        self.command, self.pieces, seed = demo_text.answer(question, settings.CHATLAB_DEMO_SEED)
        self._random = random.Random(seed)
        self._model = model
        self._id = f"resp_demo_{seed:08x}"
        self._sequence = -1
        self._closed = False
        self._patience = patience  # the caller's read timeout, which a transport has to keep itself

    async def aclose(self) -> None:
        self._closed = True

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._event("response.created", response=self._response("in_progress"))
        await asyncio.sleep(self._random.uniform(0.2, 0.5))
        rate = SLOW_RATE if self.command == "slow" else settings.CHATLAB_DEMO_RATE
        text = ""
        breaks_at = len(self.pieces) // 3 if self.command in ("stall", "fail", "die") else None
        for number, piece in enumerate(self.pieces):
            if self._closed:
                return
            if number == breaks_at:
                async for last in self._break():
                    yield last
                return
            yield self._event("response.output_text.delta", item_id="msg_demo", content_index=0, delta=piece)
            text += piece
            await asyncio.sleep(self._random.uniform(0.4, 1.6) / rate)
        yield self._event("response.completed", response=self._response("completed", text))

    async def _break(self) -> AsyncIterator[bytes]:
        if self.command == "stall":
            try:
                await asyncio.wait_for(asyncio.Event().wait(), self._patience)
            except TimeoutError:
                raise httpx2.ReadTimeout("You asked me to /stall.") from None
        if self.command == "fail":
            failed = self._response("failed") | {"error": {"code": "server_error", "message": "You asked me to /fail."}}
            yield self._event("response.failed", response=failed)

    def _event(self, kind: str, **fields: object) -> bytes:
        self._sequence += 1
        data = json.dumps({"type": kind, "sequence_number": self._sequence, **fields})
        return f"event: {kind}\ndata: {data}\n\n".encode()

    def _response(self, status: str, text: str | None = None) -> dict:
        response: dict = {"id": self._id, "object": "response", "status": status, "model": self._model, "output": []}
        if text is not None:
            content = [{"type": "output_text", "text": text, "annotations": []}]
            response["output"] = [{"type": "message", "id": "msg_demo", "role": "assistant", "content": content}]
            output = len(self.pieces)
            response["usage"] = {"input_tokens": 40, "output_tokens": output, "total_tokens": 40 + output}
        return response
