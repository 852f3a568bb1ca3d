"""OpenAI's Responses API, streaming, through the SDK. How its events are read stands in `events`."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import AsyncIterator
from contextlib import aclosing
from urllib.parse import quote

import httpx2
import openai
from django.conf import settings

from .. import speakers
from . import errors, refused
from .base import Ended, Opened, ProviderError, Request, TextDelta
from .events import Reading
from .memory import memory_of
from .tagged import apart
from .transport import check_end, events_of, read_out

logger = logging.getLogger(__name__)

INSTRUCTIONS = "You are talking with one or several people in a shared room. Answer in Markdown."
GO_ON = (
    "Your last message was cut off. Go on exactly where it stops. Do not repeat any of it, and do not comment on this."
)
GONE = "The model provider does not have this answer any more."
CANCEL_TIMEOUT = 10.0  # seconds

_REASONS = re.compile(r"(?:.*/)?(?:o\d|gpt-5|gpt-oss|codex)", re.IGNORECASE)  # OpenAI's models that think first
_STREAM = {"cast_to": object, "stream": True, "stream_cls": openai.AsyncStream[object]}


class ResponsesProvider:
    def __init__(self, client: openai.AsyncOpenAI, *, background: bool = False, tells_speakers: bool = True):
        self.background = background
        self._client = client
        self._tells_speakers = tells_speakers

    def stream(self, request: Request) -> AsyncIterator[Opened | TextDelta | Ended]:
        """In background mode, which is OpenAI's own, a text has no tags: what is held back would have no place."""
        events = self._read(request)
        return events if self.background else apart(events, request.model, memory_of(self._client, request.model))

    async def _read(self, request: Request) -> AsyncIterator[Opened | TextDelta | Ended]:
        try:
            stream = await (self._resume(request) if request.resume else self._create(request))
            reading = Reading(request, resumable=self._is_kept(request))
            async with aclosing(events_of(stream)) as events:
                async for event in events:
                    for said in reading.take(event) if event else [Opened("")]:
                        if isinstance(said, Ended):
                            await read_out(events)
                            yield said
                            return
                        yield said
            check_end(stream)
        except errors.Told as told:
            yield told.end
        except openai.NotFoundError as error:
            if request.resume is None:
                raise errors.refusal(error) from error
            raise ProviderError("upstream", GONE, errors.staff_only(str(error))) from error
        except (openai.APIError, ValueError, RecursionError) as error:
            raise errors.translated(error) from error

    def _is_kept(self, request: Request) -> bool:
        """Whether the response goes on at the provider when this call is lost."""
        return self.background and "background" not in memory_of(self._client, request.model).refused

    async def cancel(self, response_id: str) -> None:
        try:
            async with asyncio.timeout(CANCEL_TIMEOUT):
                path = f"/responses/{quote(response_id, safe='')}/cancel"
                await self._client.post(path, cast_to=httpx2.Response)  # what it says is not looked at
        except (openai.APIError, ProviderError, TimeoutError, ValueError, RuntimeError) as error:
            # RuntimeError: nested beyond reading, or this process ends and the client is closed.
            logger.info("response %s could not be cancelled: %s", response_id, errors.staff_only(str(error)))

    async def close(self) -> None:
        await self._client.close()

    async def _create(self, request: Request) -> openai.AsyncStream:
        said, more = speakers.told(request.turns if self._tells_speakers else [turn[:2] for turn in request.turns])
        turns = [{"role": turn.role, "content": turn.text} for turn in said]
        if request.goes_on:
            turns.append({"role": "developer", "content": GO_ON})
        instructions = f"{INSTRUCTIONS} {more}".strip()
        body = {"model": request.model, "instructions": instructions, "input": turns, "stream": True}
        body["max_output_tokens"] = settings.CHATLAB_ANSWER_TOKENS
        body |= {"background": True, "store": True} if self.background else {"store": False}
        body |= {"reasoning": {"summary": "auto"}} if _REASONS.match(request.model) else {}

        def ask(body: dict):
            return self._client.post("/responses", body=body, **_STREAM)

        return await refused.send(memory_of(self._client, request.model), ask, body)

    def _resume(self, request: Request):
        """A true suffix, by number. (The SDK's `responses.stream(starting_after=)` reads all and filters here.)"""
        params: dict = {"stream": "true"}
        if request.resume.after is not None:
            params["starting_after"] = request.resume.after
        path = f"/responses/{quote(request.resume.response_id, safe='')}"
        return self._client.get(path, options={"params": params}, **_STREAM)
