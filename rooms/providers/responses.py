"""OpenAI's Responses API, streaming, through the SDK. Types that are not known are passed over; no field is trusted."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import AsyncIterator
from contextlib import aclosing
from urllib.parse import quote

import httpx2
import openai

from . import errors
from .base import Ended, Opened, ProviderError, Request, TextDelta
from .numbers import LOST, Numbers
from .transport import events_of, read_out

logger = logging.getLogger(__name__)

INSTRUCTIONS = "You are talking with one or several people in a shared room. Answer in Markdown."
GO_ON = (
    "Your last message was cut off. Go on exactly where it stops. Do not repeat any of it, and do not comment on this."
)
GONE = "The model provider does not have this answer any more."
CANCEL_TIMEOUT = 10.0  # seconds

_PARTS = {
    "response.output_text.delta": "text",
    "response.refusal.delta": "text",
    "response.reasoning_summary_text.delta": "reasoning",
    "response.reasoning_text.delta": "reasoning",  # of open models, which show what they think
}
_INCOMPLETE = {
    "max_output_tokens": ("max_tokens", "The model reached the longest answer it may give."),
    "content_filter": ("filtered", "The provider stopped this answer: its content filter."),
}
_ID = re.compile(r"[!-~]{1,200}")


class ResponsesProvider:
    def __init__(self, client: openai.AsyncOpenAI, *, background: bool = False):
        self.background = background
        self._client = client

    async def stream(self, request: Request) -> AsyncIterator[Opened | TextDelta | Ended]:
        reading = _Reading(request.resume.after if request.resume else None, resumable=self.background)
        try:
            stream = await (self._resume(request) if request.resume else self._create(request))
            async with aclosing(events_of(stream)) as events:
                async for event in events:
                    said = reading.take(event)
                    if isinstance(said, Ended):
                        await read_out(events)
                        yield said
                        return
                    if said is not None:
                        yield said
        except openai.NotFoundError as error:
            if request.resume is None:
                raise errors.refusal(error) from error
            raise ProviderError("upstream", GONE, errors.staff_only(str(error))) from error
        except openai.APIError as error:
            if (end := errors.told(error)) is None:
                raise errors.refusal(error) from error
            yield end
        except (ValueError, RecursionError) as error:
            raise errors.unreadable(error) from error

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

    def _create(self, request: Request):
        turns = [{"role": role, "content": text} for role, text in request.turns]
        if request.goes_on:
            turns.append({"role": "developer", "content": GO_ON})
        body = {"model": request.model, "instructions": INSTRUCTIONS, "input": turns, "stream": True}
        body |= {"background": True, "store": True} if self.background else {"store": False}
        return self._client.post(
            "/responses", cast_to=object, body=body, stream=True, stream_cls=openai.AsyncStream[object]
        )

    def _resume(self, request: Request):
        """A true suffix, by number. (The SDK's `responses.stream(starting_after=)` reads all and filters here.)"""
        params: dict = {"stream": "true"}
        if request.resume.after is not None:
            params["starting_after"] = request.resume.after
        return self._client.get(
            f"/responses/{quote(request.resume.response_id, safe='')}",
            cast_to=object,
            options={"params": params},
            stream=True,
            stream_cls=openai.AsyncStream[object],
        )


class _Reading:
    """What the events of one call say."""

    def __init__(self, after: int | None, *, resumable: bool):
        self._numbers = Numbers(after, resumable=resumable)
        self._thought: tuple | None = None  # the paragraph of the reasoning that was added to last

    def take(self, event: dict) -> Opened | TextDelta | Ended | None:
        kind = event.get("type")
        part = _PARTS.get(kind) if isinstance(kind, str) else None
        text = event.get("delta") if part else None
        text = text if isinstance(text, str) and text else None
        if not self._numbers.is_new(event, text):
            return None
        if part:
            return TextDelta(part, self._paragraph(event, part, text), self._numbers.last) if text else None
        response = event.get("response")
        response = response if isinstance(response, dict) else {}
        if kind == "response.created":
            name = response.get("id")
            return Opened(name if isinstance(name, str) and _ID.fullmatch(name) else "", self._numbers.last)
        ended = _ended(kind, event, response)
        if self._numbers.doubtful and ended is not None and ended.status == "complete" and ended.text is None:
            raise ProviderError("upstream", LOST, "its numbers have a hole, and it ends without its final text")
        return ended

    def _paragraph(self, event: dict, part: str, text: str) -> str:
        """A summary of reasoning comes in paragraphs, each numbered, without what divides them."""
        if part != "reasoning":
            return text
        here = tuple(event.get(field) for field in ("output_index", "summary_index", "content_index"))
        before, self._thought = self._thought, here
        return text if before in (None, here) else f"\n\n{text}"


def _ended(kind: object, event: dict, response: dict) -> Ended | None:
    if kind == "response.completed":
        return Ended("complete", usage=_usage(response), text=_final_text(response))
    if kind == "response.incomplete":
        details = response.get("incomplete_details")
        reason = details.get("reason") if isinstance(details, dict) else None
        known = _INCOMPLETE.get(reason) if isinstance(reason, str) else None
        code, detail = known or ("upstream", "The model ended this answer early.")
        said = errors.staff_only(str(details))
        return Ended("incomplete", code, detail, said, _usage(response), _final_text(response))
    if kind == "response.cancelled":
        return Ended("incomplete", "upstream", "The model provider cancelled this answer.", usage=_usage(response))
    if kind in ("response.failed", "error"):
        said = response.get("error") or event
        code, detail = errors.of_code(said.get("code") if isinstance(said, dict) else None)
        return Ended("failed", code, detail, errors.staff_only(str(said)), _usage(response))
    return None


def _usage(response: dict) -> dict | None:
    usage = response.get("usage")
    if not isinstance(usage, dict):
        return None
    details = usage.get("output_tokens_details")
    reasoning = details.get("reasoning_tokens") if isinstance(details, dict) else None
    return usage_of(usage.get("input_tokens"), usage.get("output_tokens"), reasoning)


def usage_of(given: object, made: object, reasoning: object) -> dict | None:
    """Token counts, as far as they are numbers that a client can show."""
    counts = {"input": given, "output": made, "reasoning": reasoning}
    return {name: count for name, count in counts.items() if type(count) is int and 0 <= count < 2**53} or None


def _final_text(response: dict) -> str | None:
    """All text of the finished response, or None where it does not carry its output."""
    output = response.get("output")
    if not isinstance(output, list) or not output:
        return None
    texts = []
    for item in output:
        contents = item.get("content") if isinstance(item, dict) and item.get("type") != "reasoning" else None
        for content in contents if isinstance(contents, list) else ():
            if isinstance(content, dict):
                said = content.get("text") if content.get("type") == "output_text" else content.get("refusal")
                texts.append(said if isinstance(said, str) else "")
    return "".join(texts) if texts else None
