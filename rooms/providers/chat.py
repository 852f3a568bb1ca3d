"""Chat Completions, streaming: what vLLM, Ollama, llama.cpp, LiteLLM and other vendors' endpoints speak."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing

import openai

from . import errors
from .base import Ended, Opened, ProviderError, Request, TextDelta
from .responses import GO_ON, INSTRUCTIONS, usage_of
from .transport import events_of

_FINISHED = {
    "length": ("incomplete", "max_tokens", "The model reached the longest answer it may give."),
    "content_filter": ("incomplete", "filtered", "The provider stopped this answer: its content filter."),
}


class ChatProvider:
    background = False  # this API has no responses that outlive their call

    def __init__(self, client: openai.AsyncOpenAI):
        self._client = client

    async def stream(self, request: Request) -> AsyncIterator[Opened | TextDelta | Ended]:
        turns = [{"role": role, "content": text} for role, text in request.turns]
        if request.goes_on:
            turns.append({"role": "system", "content": GO_ON})
        body = {
            "model": request.model,
            "messages": [{"role": "system", "content": INSTRUCTIONS}, *turns],
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        reading = _Reading()
        try:
            stream = await self._client.post(
                "/chat/completions", cast_to=object, body=body, stream=True, stream_cls=openai.AsyncStream[object]
            )
            async with aclosing(events_of(stream)) as chunks:
                async for chunk in chunks:
                    for event in reading.take(chunk):
                        yield event
        except openai.APIError as error:
            raise errors.refusal(error) from error
        except ValueError as error:
            unreadable = "The model provider sent something unreadable."
            raise ProviderError("upstream", unreadable, errors.staff_only(repr(error))) from error
        if (end := reading.end()) is not None:
            yield end

    async def cancel(self, response_id: str) -> None:
        """Closing the call is all there is."""

    async def close(self) -> None:
        await self._client.close()


class _Reading:
    """What the chunks of one answer have said so far. Usage comes in a chunk after the one that says it is finished."""

    def __init__(self) -> None:
        self._opened = False
        self._finished: str | None = None
        self._usage: dict | None = None

    def take(self, chunk: dict) -> list[Opened | TextDelta]:
        events: list[Opened | TextDelta] = []
        if not self._opened and chunk.get("id"):
            self._opened = True
            events.append(Opened(str(chunk["id"])[:200]))
        self._note_usage(chunk.get("usage"))
        choices = chunk.get("choices")
        choice = choices[0] if isinstance(choices, list) and choices and isinstance(choices[0], dict) else {}
        if isinstance(choice.get("finish_reason"), str):
            self._finished = choice["finish_reason"]
        delta = choice.get("delta")
        delta = delta if isinstance(delta, dict) else {}
        # `reasoning_content` is what DeepSeek, vLLM and llama.cpp call it, `reasoning` what Ollama and others do.
        for field, part in (("reasoning_content", "reasoning"), ("reasoning", "reasoning"), ("content", "text")):
            if isinstance(delta.get(field), str) and delta[field]:
                events.append(TextDelta(part, delta[field]))
        if isinstance(delta.get("refusal"), str) and delta["refusal"]:
            events.append(TextDelta("text", delta["refusal"]))
        return events

    def end(self) -> Ended | None:
        """How it ended; None where no chunk said so."""
        if self._finished is None:
            return None
        status, code, detail = _FINISHED.get(self._finished, ("complete", "", ""))
        return Ended(status, code, detail, usage=self._usage)

    def _note_usage(self, usage: object) -> None:
        if isinstance(usage, dict):
            details = usage.get("completion_tokens_details")
            reasoning = details.get("reasoning_tokens") if isinstance(details, dict) else None
            self._usage = usage_of(usage.get("prompt_tokens"), usage.get("completion_tokens"), reasoning)
