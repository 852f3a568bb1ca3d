"""A text that grows, rendered block by block, each once.

A block is closed when its own last line says so (a heading, a fence), or when a later block has begun in complete
lines: the beginning of a line may still become anything. Joined, the parts are what the whole text renders to at once.
A document that defines the targets of its links further down is the exception: only its end shows them.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Iterable
from concurrent.futures import Future
from typing import NamedTuple

from django.utils.safestring import SafeString, mark_safe

from .. import frames
from ..text import utf16_length
from . import shared

FENCES = 20  # ends of code that are seen at once; who has more of them in one block waits like all others
PATIENCE = 2.0  # seconds that a page waits for what is not rendered yet
_LOOKED_AT = 100  # characters of a line that are looked at for a fence


class Part(NamedTuple):
    """HTML of the text from `start` to `end`, in UTF-16 code units."""

    start: int
    end: int
    html: SafeString


NONE = Part(0, 0, SafeString())


class Blocks:
    """Not to be used by two threads at once."""

    def __init__(self) -> None:
        self.end = 0  # where the rendered part ends
        self._env: dict = {}  # link definitions so far
        self._pieces: list[str] = []  # the text behind that
        self._size = 0
        self._line = ""  # the beginning of its last line
        self._again_at = 0  # the size at which it is worth looking again
        self._complete = False  # whether a line has ended since the last look
        self._fences = 0  # for which it was looked at at once

    def feed(self, text: str) -> None:
        self._pieces.append(text)
        self._size += len(text)
        *ended, self._line = (self._line + text).split("\n")
        self._line = self._line[:_LOOKED_AT]
        if ended:
            self._complete = True
            if self._fences < FENCES and any("```" in line or "~~~" in line for line in ended):
                self._again_at = 0
                self._fences += 1

    @property
    def due(self) -> bool:
        """Whether a block may have been closed. A big one that stays open is looked at seldom: a list of a thousand
        items would be parsed a thousand times.
        """
        return self._complete and self._size >= self._again_at

    @property
    def size(self) -> int:
        """Characters of the open part: what the next `advance` costs."""
        return self._size

    def advance(self) -> Part | None:
        """The blocks that have been closed since the last time, or None."""
        text = self._take()
        return self._settle(text, *shared.closed(text, self._env).result())

    async def advance_soon(self) -> Part | None:
        """The same, without waiting for it. Meanwhile nothing may be fed."""
        text = self._take()
        return self._settle(text, *await _there(shared.closed(text, self._env)))

    def _take(self) -> str:
        text = "".join(self._pieces)
        self._pieces, self._complete = [text], False
        return text

    def _settle(self, text: str, length: int, html: str, env: dict, too_expensive: bool) -> Part | None:
        if not length:
            self._again_at = len(text) + len(text) // 8
            if too_expensive:
                self._again_at, self._fences = math.inf, FENCES  # its end will show
            return None
        closed, rest = text[:length], text[length:]
        self._pieces, self._size, self._again_at, self._fences, self._env = [rest], len(rest), 0, 0, env
        part = Part(self.end, self.end + utf16_length(closed), mark_safe(html))
        self.end = part.end
        return part


async def rendered(text: str, role: str = "assistant") -> SafeString:
    """The HTML of a whole text: of what a model writes in Markdown, or of what a person wrote."""
    return mark_safe((await _there(_whole(text, role)))[0])


def render(text: str, role: str = "assistant") -> SafeString:
    """The same, for who can wait. Never raises: what can't be rendered is shown as it is written."""
    return mark_safe(_whole(text, role).result()[0])


def parts_of(messages: Iterable[dict]) -> list[dict[str, Part]]:
    """What can be rendered of messages as they stand, by their parts: all of one, or the closed blocks of one that is
    still written. After a while only what is there already: to a reader the rest is text first.
    """
    until = time.monotonic() + PATIENCE
    return [_parts_of(message, until) for message in messages]


def bodies_of(messages: list[dict]) -> dict[str, list[dict]]:
    """What is rendered of messages as they stand, as an answer over HTTP has it: `rendered` of their texts, and
    `rendered_parts` of what the models thought.
    """
    bodies: dict[str, list[dict]] = {"rendered": [], "rendered_parts": []}
    for message, parts in zip(messages, parts_of(messages), strict=True):
        bodies["rendered"].append(frames.rendered_body(message["id"], *parts["text"]))
        if parts["reasoning"].end:
            bodies["rendered_parts"].append(frames.rendered_body(message["id"], *parts["reasoning"], "reasoning"))
    return bodies


def _parts_of(message: dict, until: float) -> dict[str, Part]:
    is_whole = message["status"] in frames.TERMINAL
    return {part: _part_of(message.get(part, ""), message["role"], is_whole, until) for part in frames.PARTS}


def _part_of(text: str, role: str, is_whole: bool, until: float) -> Part:
    if not text:
        return NONE
    patience = until - time.monotonic()
    if patience <= 0 and not shared.known(_job_of(role) if is_whole else "opening", text):
        return NONE
    try:
        if is_whole:
            return Part(0, utf16_length(text), mark_safe(_whole(text, role).result(max(0, patience))[0]))
        length, html, _ = shared.opening(text).result(max(0, patience))
    except TimeoutError:
        return NONE
    return Part(0, utf16_length(text[:length]), mark_safe(html))


def _whole(text: str, role: str) -> Future:
    return shared.whole(_job_of(role), text)


def _job_of(role: str) -> str:
    return "written" if role == "user" else "whole"


async def _there(future: Future) -> tuple:
    return future.result() if future.done() else await asyncio.wrap_future(future)
