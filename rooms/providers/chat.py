"""Chat Completions, streaming: what vLLM, Ollama, llama.cpp, LiteLLM and other vendors' endpoints speak.

The end is a chunk with a `finish_reason`. Some servers leave it null to the last: there `[DONE]`, which ends the
stream in this API, is the provider's word that the answer is complete. A stream with neither has no end.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing

import openai

from . import errors
from .base import Ended, Opened, ProviderError, Request, TextDelta
from .responses import GO_ON, INSTRUCTIONS, usage_of
from .transport import events_of, read_out, said_done

_FINISHED = {
    "length": ("incomplete", "max_tokens", "The model reached the longest answer it may give."),
    "content_filter": ("incomplete", "filtered", "The provider stopped this answer: its content filter."),
    "error": ("failed", *errors.FAILED),
    "failed": ("failed", *errors.FAILED),
    "abort": ("incomplete", "upstream", "The model provider cancelled this answer."),
    "cancelled": ("incomplete", "upstream", "The model provider cancelled this answer."),
}


class ChatProvider:
    background = False  # this API has no responses that outlive their call

    def __init__(self, client: openai.AsyncOpenAI):
        self._client = client

    async def stream(self, request: Request) -> AsyncIterator[Opened | TextDelta | Ended]:
        body = {
            "model": request.model,
            "messages": [{"role": "system", "content": INSTRUCTIONS}, *_turns(request)],
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
                    if reading.told_all:
                        await read_out(chunks)
                        break
        except (openai.APIError, ProviderError, ValueError, RecursionError) as error:
            if reading.finished:
                pass  # only what comes behind the end was lost: the usage
            elif isinstance(error, openai.APIError) and (end := errors.told(error)) is not None:
                yield end
                return
            else:
                raise _translated(error) from error
        else:
            reading.close(done=said_done(stream))
        if (end := reading.end()) is not None:
            yield end

    async def cancel(self, response_id: str) -> None:
        """Closing the call is all there is."""

    async def close(self) -> None:
        await self._client.close()


def _translated(error: Exception) -> ProviderError:
    if isinstance(error, ProviderError):
        return error
    return errors.refusal(error) if isinstance(error, openai.APIError) else errors.unreadable(error)


def _turns(request: Request) -> list[dict]:
    """User and assistant take turns: the templates of many models know nothing else."""
    turns: list[dict] = []
    for role, text in [*request.turns, *([("user", GO_ON)] if request.goes_on else [])]:
        if turns and turns[-1]["role"] == role:
            turns[-1]["content"] += f"\n\n{text}"
        else:
            turns.append({"role": role, "content": text})
    return turns


class _Reading:
    """What the chunks of one answer have said so far. Usage comes in a chunk after the one that says it is finished."""

    def __init__(self) -> None:
        self.finished = ""
        self._opened = False
        self._usage: dict | None = None
        self._error: dict | None = None

    @property
    def told_all(self) -> bool:
        return bool(self.finished) and self._usage is not None

    def take(self, chunk: dict) -> list[Opened | TextDelta]:
        events: list[Opened | TextDelta] = []
        if not self._opened:
            self._opened = True
            events.append(Opened(""))  # its id names nothing that could be asked for again
        if chunk.get("object") == "error" and not self.finished:
            self.finished, self._error = "error", chunk
        self._note_usage(chunk.get("usage"))
        choices = chunk.get("choices")
        choice = choices[0] if isinstance(choices, list) and choices and isinstance(choices[0], dict) else {}
        if isinstance(choice.get("finish_reason"), str) and not self.finished:
            self.finished = choice["finish_reason"]
        delta = choice.get("delta")
        if isinstance(delta, dict):
            events += _said(delta)
        return events

    def close(self, *, done: bool) -> None:
        """The stream has ended, with `[DONE]` or without."""
        if done and not self.finished:
            self.finished = "stop"

    def end(self) -> Ended | None:
        """How it ended; None where nothing said so."""
        if not self.finished:
            return None
        status, code, detail = _FINISHED.get(self.finished, ("complete", "", ""))
        if self._error is not None:
            code, detail = errors.of_code(self._error.get("code"))
        error = "" if status == "complete" else errors.staff_only(str(self._error or self.finished))
        return Ended(status, code, detail, error, self._usage)

    def _note_usage(self, usage: object) -> None:
        if isinstance(usage, dict):
            details = usage.get("completion_tokens_details")
            reasoning = details.get("reasoning_tokens") if isinstance(details, dict) else None
            self._usage = usage_of(usage.get("prompt_tokens"), usage.get("completion_tokens"), reasoning)


def _said(delta: dict) -> list[TextDelta]:
    # `reasoning_content` is what DeepSeek, vLLM and llama.cpp call it, `reasoning` what Ollama does; some send both.
    fields = (("reasoning", ("reasoning_content", "reasoning")), ("text", ("content",)), ("text", ("refusal",)))
    found = []
    for part, names in fields:
        text = next((delta[name] for name in names if isinstance(delta.get(name), str) and delta[name]), None)
        if text is not None:
            found.append(TextDelta(part, text))
    return found
