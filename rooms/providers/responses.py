"""OpenAI's Responses API, streaming, through the SDK. Types that are not known are passed over; no field is trusted."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import aclosing

import openai

from . import errors
from .base import Ended, Opened, ProviderError, Request, TextDelta
from .transport import events_of

logger = logging.getLogger(__name__)

INSTRUCTIONS = "You are talking with one or several people in a shared room. Answer in Markdown."
GO_ON = (
    "Your last message was cut off. Go on exactly where it stops. Do not repeat any of it, and do not comment on this."
)

_PARTS = {
    "response.output_text.delta": "text",
    "response.refusal.delta": "text",
    "response.reasoning_summary_text.delta": "reasoning",
}
_INCOMPLETE = {
    "max_output_tokens": ("max_tokens", "The model reached the longest answer it may give."),
    "content_filter": ("filtered", "The provider stopped this answer: its content filter."),
}


class ResponsesProvider:
    def __init__(self, client: openai.AsyncOpenAI, *, background: bool = False):
        self.background = background
        self._client = client

    async def stream(self, request: Request) -> AsyncIterator[Opened | TextDelta | Ended]:
        try:
            stream = await (self._resume(request) if request.resume else self._create(request))
            numbers = _Numbers(request.resume.after if request.resume else None)
            async with aclosing(events_of(stream)) as events:
                async for event in events:
                    if numbers.fresh(event) and (translated := _translate(event, numbers.last)) is not None:
                        yield translated
        except openai.APIError as error:
            raise errors.refusal(error) from error
        except ValueError as error:  # an event whose data is not JSON
            unreadable = "The model provider sent something unreadable."
            raise ProviderError("upstream", unreadable, errors.staff_only(repr(error))) from error

    async def cancel(self, response_id: str) -> None:
        try:
            await self._client.responses.cancel(response_id)
        except openai.APIError as error:
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
            f"/responses/{request.resume.response_id}",
            cast_to=object,
            options={"params": params},
            stream=True,
            stream_cls=openai.AsyncStream[object],
        )


class _Numbers:
    """The provider's numbers of its events: what was seen already is dropped, and a hole is never read over.

    Servers that speak this API do not all count: numbers that are missing, or that do not grow from the first event to
    the second, are not looked at any further.
    """

    def __init__(self, after: int | None):
        self.last = after
        self._counting = True
        self._seen = 0

    def fresh(self, event: dict) -> bool:
        number = event.get("sequence_number")
        if not self._counting or type(number) is not int:
            return True
        self._seen += 1
        if self._seen == 2 and number == self.last or number < 0:
            self._counting, self.last = False, None
            return True
        if self.last is not None and number <= self.last:
            return False
        if self.last is not None and number > self.last + 1:
            lost = f"event {number} followed {self.last}"
            raise ProviderError("upstream", "A part of the answer was lost on its way here.", lost, passing=True)
        self.last = number
        return True


def _translate(event: dict, number: int | None) -> Opened | TextDelta | Ended | None:
    kind = event.get("type")
    if kind in _PARTS:
        text = event.get("delta")
        return TextDelta(_PARTS[kind], text, number) if isinstance(text, str) and text else None
    response = event.get("response")
    response = response if isinstance(response, dict) else {}
    if kind == "response.created":
        return Opened(str(response.get("id", ""))[:200], number)
    if kind == "response.completed":
        return Ended("complete", usage=_usage(response), text=_final_text(response))
    if kind == "response.incomplete":
        details = response.get("incomplete_details")
        reason = details.get("reason") if isinstance(details, dict) else None
        code, detail = _INCOMPLETE.get(reason, ("max_tokens", "The model ended this answer early."))
        return Ended("incomplete", code, detail, errors.staff_only(str(details)), _usage(response))
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
        contents = item.get("content") if isinstance(item, dict) else None
        for content in contents if isinstance(contents, list) else ():
            if isinstance(content, dict):
                said = content.get("text") if content.get("type") == "output_text" else content.get("refusal")
                texts.append(said if isinstance(said, str) else "")
    return "".join(texts) if texts else None
