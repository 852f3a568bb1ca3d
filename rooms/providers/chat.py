"""Chat Completions, streaming: what vLLM, Ollama, llama.cpp, LiteLLM and other vendors' endpoints speak. How its chunks
are read stands in `chunks`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing

import openai
from django.conf import settings

from .. import speakers
from ..speakers import Turn
from . import errors, refused
from .base import Ended, Opened, ProviderError, Request, TextDelta
from .chunks import Reading
from .memory import memory_of
from .responses import GO_ON, INSTRUCTIONS
from .tagged import apart
from .transport import check_end, events_of, is_document, said_done, soon

OPENAI = "//api.openai.com/"


class ChatProvider:
    background = False  # this API has no responses that outlive their call

    def __init__(self, client: openai.AsyncOpenAI):
        self._client = client
        # Where one of the two is refused the other is sent (`refused`). What a server does not know, some ignore.
        self._bound = "max_completion_tokens" if OPENAI in str(client.base_url) else "max_tokens"

    def stream(self, request: Request) -> AsyncIterator[Opened | TextDelta | Ended]:
        return apart(self._read(request), request.model, memory_of(self._client, request.model))

    async def _read(self, request: Request) -> AsyncIterator[Opened | TextDelta | Ended]:
        reading = Reading()
        done = document = False
        try:
            stream = await self._ask(request)
            async with aclosing(events_of(stream)) as chunks:
                while (chunk := await (soon(chunks) if reading.told_all else anext(chunks, None))) is not None:
                    for event in reading.take(chunk):
                        yield event
            done, document = said_done(stream), is_document(stream)
            if reading.end(done=done, document=document) is None:
                check_end(stream)
        except errors.Told as told:
            yield told.end
            return
        except (openai.APIError, ProviderError, ValueError, RecursionError) as error:
            if not reading.finished:
                raise errors.translated(error) from error
        if (end := reading.end(done=done, document=document)) is not None:
            yield end

    async def _ask(self, request: Request) -> openai.AsyncStream:
        turns, more = speakers.told(request.turns, by_field=True)
        system = {"role": "system", "content": f"{INSTRUCTIONS} {more}".strip()}
        body = {
            "model": request.model,
            "messages": [system, *_taking_turns(turns, request)],
            "stream": True,
            "stream_options": {"include_usage": True},
            self._bound: settings.CHATLAB_ANSWER_TOKENS,
        }

        def ask(body: dict):
            return self._client.post(
                "/chat/completions",
                cast_to=object,
                body=body,
                stream=True,
                stream_cls=openai.AsyncStream[object],
            )

        return await refused.send(memory_of(self._client, request.model), ask, body)

    async def cancel(self, response_id: str) -> None:
        """Closing the call is all there is."""

    async def close(self) -> None:
        await self._client.close()


def _taking_turns(said: list[Turn], request: Request) -> list[dict]:
    """User and assistant take turns: the templates of many models know nothing else."""
    turns: list[dict] = []
    for role, text, speaker in [*said, *([Turn("user", GO_ON)] if request.goes_on else [])]:
        if turns and turns[-1]["role"] == role:
            turns[-1]["content"] += f"\n\n{text}"
        else:
            turns.append({"role": role, "content": text} | ({"name": speaker} if speaker else {}))
    return turns
