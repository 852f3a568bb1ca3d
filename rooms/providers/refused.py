"""Parts of a request that a server may refuse: it is asked again without them, and that is remembered for the process.

A part is left out only where the refusal names it: whatever else is wrong with a request is not mended by asking again.
"""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Iterator

import httpx2
import openai

from ..speakers import INSTRUCTION, introduced
from .memory import Memory

_STATUSES = (400, 404, 405, 415, 422, 500, 501)
_COMPLAINT = re.compile(
    r"unsupported|not.{0,20}support|unknown|unrecogni|unexpected|not permitted|not allowed|extra|additional|invalid|"
    r"not implemented|not available|forbidden|must|should|only|cannot|can't|does not|no such|not enabled|unavailable",
    re.IGNORECASE,
)
_SAID_IN = ("message", "msg", "detail", "param", "loc", "code", "type", "error", "title", "errors", "error_msg")
_ROLE = re.compile(r"\broles?\b|\bsystem (message|prompt|instruction)", re.IGNORECASE)


def _named(name: str) -> re.Pattern:
    return re.compile(rf"(?<!\w)(?:{name})(?!\w)", re.IGNORECASE)


# name -> what names it in a refusal. In this order: of two names the one that says more comes first.
_PARTS = {
    "stream_options": _named("stream_options|include_usage"),
    "background": _named("background"),
    "store": _named("store"),
    "reasoning": _named("reasoning"),
    "instructions": _named("instructions|system (?:role|message|prompt)"),
    "name": _named("name"),
    "max_tokens": _named("max_tokens"),
    "max_completion_tokens": _named("max_completion_tokens"),
    "system": _ROLE,
    "stream": _named("stream|streaming"),
}

# What bounds an answer has two names; it is never left out.
_OTHER_NAME = {"max_tokens": "max_completion_tokens", "max_completion_tokens": "max_tokens"}


async def send(memory: Memory, ask: Callable[[dict], Awaitable], body: dict) -> openai.AsyncStream:
    """Ask, without what is known to be refused. A refusal costs nothing: all of it counts as one attempt."""
    left_out = set(memory.refused)
    while True:
        sent = without(body, left_out)
        try:
            stream = await ask(sent)
        except openai.APIStatusError as error:
            part = named_in(error.response, sent)
            if part is None or _OTHER_NAME.get(part) in left_out:
                raise
            left_out.add(part)
        else:
            memory.refused |= left_out
            return stream


def named_in(response: httpx2.Response, body: dict) -> str | None:
    """The part of a request that its refusal is about, if it is about one that can be left out."""
    if response.status_code not in _STATUSES:
        return None
    said = " ".join(_strings(response.text))
    if not _COMPLAINT.search(said):
        return None
    named = (part for part, pattern in _PARTS.items() if pattern.search(said) and without(body, {part}) != body)
    part = next(named, None)
    # What broke inside is a fault of its own, except where a model's template raises for a role.
    return part if response.status_code != 500 or part == "system" else None


def _strings(text: str) -> Iterator[str]:
    """What a refusal says, without the request that some repeat in it."""
    try:
        yield from _said_in(json.loads(text))
    except (ValueError, RecursionError):
        yield text


def _said_in(said: object) -> Iterator[str]:
    if isinstance(said, dict):
        said = [value for name, value in said.items() if name in _SAID_IN]
    if isinstance(said, list):
        for item in said:
            yield from _said_in(item)
    elif said is not None:
        yield str(said)


def without(body: dict, parts: set[str]) -> dict:
    """A request without these parts. What a model has to know moves to where it may be said."""
    left = {name: value for name, value in body.items() if name not in parts}
    left |= {_OTHER_NAME[name]: body[name] for name in parts & _OTHER_NAME.keys() if name in body}
    if "stream" in parts:
        left["stream"] = False
        left.pop("stream_options", None)
    if "background" in parts and "background" in body:
        left.pop("store", None)
        left |= {"store": False} if "store" not in parts else {}
    turns = "messages" if "messages" in body else "input"
    if "name" in parts:
        left[turns] = _named_in_the_text(left[turns])
    if "system" in parts:
        left[turns] = _all_said_by_users(left[turns])
    if "instructions" in parts and body.get("instructions"):
        left[turns] = _all_said_by_users([{"role": "system", "content": body["instructions"]}, *left[turns]])
    return left


def _named_in_the_text(turns: list[dict]) -> list[dict]:
    """Who speaks stands above the text, where it may not stand beside it."""
    if not any(turn.get("name") for turn in turns):
        return turns
    first, *rest = turns
    if first["role"] == "system":
        first = first | {"content": f"{first['content']} {INSTRUCTION}"}
    told = [first, *rest]
    return [{"role": turn["role"], "content": introduced(turn.get("name", ""), turn["content"])} for turn in told]


def _all_said_by_users(turns: list[dict]) -> list[dict]:
    """What stands in front of the conversation becomes the beginning of the first question."""
    turns = [turn | {"role": "user"} if turn["role"] in ("system", "developer") else turn for turn in turns]
    if len(turns) > 1 and turns[0]["role"] == turns[1]["role"] == "user":
        first, second, *rest = turns
        turns = [second | {"content": f"{first['content']}\n\n{second['content']}"}, *rest]
    return turns
