"""What the events of one call of the Responses API say. Types that are not known are passed over, no field is trusted,
and where one that was passed over could have held text, only a final text proves that it did not. Pure.
"""

from __future__ import annotations

import re
from dataclasses import replace
from functools import lru_cache

from . import errors, speech
from .base import Ended, Opened, ProviderError, Request, TextDelta
from .chunks import EARLY, UNREAD, counts
from .numbers import LOST, Numbers

BORDER = "\n\n"  # between two messages of one answer, and two paragraphs of a summary

_TEXT = ("response.output_text.delta", "response.refusal.delta")
_REASONING = re.compile(r"response\.(reasoning|thinking|thought)\w*\.delta")
_NO_TEXT = re.compile(r"_call|audio|image|arguments|tool|annotation|code")
_ENDS = ("completed", "done", "incomplete", "cancelled", "failed")
_INCOMPLETE = {
    "max_output_tokens": ("max_tokens", "The model reached the longest answer it may give."),
    "content_filter": ("filtered", "The provider stopped this answer: its content filter."),
}
_CANCELLED = ("incomplete", "upstream", "The model provider cancelled this answer.")
_TOOLS = ("function_call", "custom_tool_call", "computer_call", "local_shell_call", "mcp_approval_request")
_ID = re.compile(r"[!-~]{1,200}")


class Reading:
    def __init__(self, request: Request, *, resumable: bool):
        self._numbers = Numbers(request.resume.after if request.resume else None, resumable=resumable)
        self._resumable, self._resumed = resumable, request.resume is not None
        self._said = request.said
        self._item: object = None  # the message that was added to last
        self._next = False  # another one has been opened since
        self._items: set[object] = set()  # whose text was read
        self._thought: tuple | None = None  # the paragraph of the reasoning that was added to last
        self._tool = False
        self._odd = speech.Odd()

    def take(self, event: dict) -> list[Opened | TextDelta | Ended]:
        kind = event.get("type")
        if kind is None and event.get("object") == "response":  # not a stream, but all of it at once
            begun = self.take({"type": "response.created", "response": event})
            return begun + self.take({"type": f"response.{event.get('status')}", "response": event})
        kind = kind if isinstance(kind, str) else ""
        part, text = self._text(kind, event)
        is_new = self._numbers.is_new(event, text)
        if part and text:
            border = self._border(part, event)
            return [TextDelta(part, border + text, self._numbers.last)] if is_new else []
        if not is_new:
            return []
        return self._rest(kind, event)

    def _text(self, kind: str, event: dict) -> tuple[str, str | None]:
        """(part, text) that an event adds."""
        delta = event.get("delta")
        if kind in _TEXT:
            if not isinstance(delta, str | None):
                self._odd.note(kind, delta)
            return "text", delta if isinstance(delta, str) and delta else None
        if _is_reasoning(kind):
            return "reasoning", speech.join(speech.read(delta, "reasoning", speech.Odd()), "reasoning") or None
        if kind.endswith(".done"):
            return "text", self._not_streamed(kind, event)
        if delta and kind.endswith("delta") and not _NO_TEXT.search(kind):
            self._odd.note(kind, delta)
        elif not kind and any(event.get(name) for name in ("choices", "delta", "text")):
            self._odd.note("an event without a type", event)
        return "", None

    def _not_streamed(self, kind: str, event: dict) -> str | None:
        """The text of a message that came without deltas."""
        here = _item_of(event)
        if self._resumed or here in self._items or (here is None and self._said):
            return None
        if kind == "response.output_item.done":
            return _text_of([event.get("item")])
        name = {"response.output_text.done": "text", "response.refusal.done": "refusal"}.get(kind, "")
        text = event.get(name)
        return text if isinstance(text, str) and text else None

    def _border(self, part: str, event: dict) -> str:
        """Messages, and paragraphs of a summary, are numbered, and come without what divides them."""
        if part == "reasoning":
            here = tuple(event.get(field) for field in ("output_index", "summary_index", "content_index"))
            before, self._thought = self._thought, here
            return "" if before in (None, here) else BORDER
        here, before = _item_of(event), self._item
        other = self._next or (None not in (here, before) and here != before)
        border = BORDER if self._said and other else ""
        self._item, self._next, self._said = here, False, True
        self._items.add(here)
        return border

    def _rest(self, kind: str, event: dict) -> list[Opened | TextDelta | Ended]:
        response = event.get("response")
        response = response if isinstance(response, dict) else {}
        if kind == "response.created":
            name = response.get("id") if self._resumable else None
            return [Opened(name if isinstance(name, str) and _ID.fullmatch(name) else "", self._numbers.last)]
        if kind == "response.output_item.added":
            item = event.get("item")
            item = item if isinstance(item, dict) else {}
            self._tool = self._tool or item.get("type") in _TOOLS
            self._next = self._next or (item.get("type") == "message" and _item_of(event) != self._item)
        if (status := _status(kind, response)) is None:
            return []
        thoughts = "" if self._thought or self._resumed else _thoughts_of(response.get("output"))
        return [*([TextDelta("reasoning", thoughts)] if thoughts else []), self._end(status, event, response)]

    def _end(self, status: str, event: dict, response: dict) -> Ended:
        usage, final = _usage(response), _text_of(response.get("output"))
        if status == "failed":
            return replace(errors.failed(response.get("error") or event), usage=usage)
        if status == "cancelled":
            return Ended(*_CANCELLED, usage=usage)
        if status == "incomplete":
            details = response.get("incomplete_details")
            reason = details.get("reason") if isinstance(details, dict) else None
            known = _INCOMPLETE.get(reason) if isinstance(reason, str) else None
            meaning = ("incomplete", *known) if known else EARLY
            return Ended(*meaning, errors.staff_only(str(details)), usage, final)
        if final is None and self._numbers.doubtful:
            raise ProviderError("upstream", LOST, "its numbers have a hole, and it ends without its final text")
        if final is None and self._odd:
            how = "incomplete" if self._said else "failed"
            return Ended(how, "upstream", UNREAD, errors.staff_only(str(self._odd)), usage)
        tool = self._tool or any(_type_of(item) in _TOOLS for item in _list(response.get("output")))
        return Ended("complete", usage=usage, text=final, wants_tool=tool)


def _status(kind: str, response: dict) -> str | None:
    """How it ended, if this event says so: of two words that differ the worse."""
    word = kind.removeprefix("response.")
    if word == kind or word not in _ENDS:
        return None
    if word not in ("completed", "done"):
        return word
    said = response.get("status")
    if response.get("error"):
        return "failed"
    return said if said in ("failed", "incomplete", "cancelled") else "completed"


@lru_cache(64)
def _is_reasoning(kind: str) -> bool:
    return _REASONING.fullmatch(kind) is not None


def _item_of(event: dict) -> object:
    """By its number: there are servers that give a message another id with each event."""
    number, name = event.get("output_index"), event.get("item_id")
    if type(number) is int:
        return number
    item = event.get("item")
    name = name or (item.get("id") if isinstance(item, dict) else None)
    return name if isinstance(name, str) else None


def _type_of(item: object) -> object:
    return item.get("type") if isinstance(item, dict) else None


def _list(output: object) -> list:
    return output if isinstance(output, list) else []


def _text_of(output: object) -> str | None:
    """All text of what was put out, its messages apart as they are while they stream. None where it has no content."""
    texts = []
    for item in _list(output):
        content = item.get("content") if isinstance(item, dict) and item.get("type") != "reasoning" else None
        if content and isinstance(content, list | str):
            texts.append(speech.join(speech.read(content, "text", speech.Odd()), "text"))
    return BORDER.join(filter(None, texts)) if texts else None


def _thoughts_of(output: object) -> str:
    thoughts = [item for item in _list(output) if _type_of(item) == "reasoning"]
    paragraphs = [part for item in thoughts for part in (_list(item.get("summary")) or _list(item.get("content")))]
    texts = (speech.join(speech.read(part, "reasoning", speech.Odd()), "reasoning") for part in paragraphs)
    return BORDER.join(filter(None, texts))


def _usage(response: dict) -> dict | None:
    usage = response.get("usage")
    if not isinstance(usage, dict):
        return None
    details = usage.get("output_tokens_details")
    reasoning = details.get("reasoning_tokens") if isinstance(details, dict) else None
    return counts(usage.get("input_tokens"), usage.get("output_tokens"), reasoning)
