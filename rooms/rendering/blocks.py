"""A text that grows, rendered block by block, each once.

A block is closed when its own last line says so (a heading, a fence), or when a later block has begun in complete
lines: the beginning of a line may still become anything. Joined, the parts are what the whole text renders to at once.
A document that defines the targets of its links further down is the exception: only its end shows them.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from django.utils.safestring import SafeString
from markdown_it.token import Token

from ..frames import TERMINAL
from ..text import utf16_length
from .html import PARSER, render, render_part
from .markdown import NEWLINES, top_level
from .tags import pair

_LOOKED_AT = 100  # characters of a line that are looked at for a fence


class Part(NamedTuple):
    """HTML of the text from `start` to `end`, in UTF-16 code units."""

    start: int
    end: int
    html: SafeString


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
        self.has_code = False  # whether the open part has a fence: colours take time

    def feed(self, text: str) -> None:
        self._pieces.append(text)
        self._size += len(text)
        *ended, self._line = (self._line + text).split("\n")
        self._line = self._line[:_LOOKED_AT]
        if ended:
            self._complete = True
            if any("```" in line or "~~~" in line for line in ended):
                self._again_at, self.has_code = 0, True

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
        text = "".join(self._pieces)
        closed = text[: _closed(text[: text.rfind("\n") + 1])]
        self._complete = False
        if not closed:
            self._pieces, self._again_at = [text], len(text) + len(text) // 8
            return None
        rest = text[len(closed) :]
        self._pieces, self._size, self._again_at, self.has_code = [rest], len(rest), 0, "```" in rest or "~~~" in rest
        part = Part(self.end, self.end + utf16_length(closed), render_part(closed, self._env))
        self.end = part.end
        return part


def part_of(message: dict) -> Part:
    """What can be rendered of a message as it stands: all of it, or the closed blocks of one that is still written."""
    text = message["text"]
    if message["status"] in TERMINAL:
        return Part(0, utf16_length(text), render(text))
    blocks = Blocks()
    blocks.feed(text)
    return (blocks.advance() if blocks.due else None) or Part(0, 0, SafeString())


def _closed(lines: str) -> int:
    """How many characters of these complete lines belong to closed blocks."""
    ends = [found.end() for found in NEWLINES.finditer(lines)]
    starts = [0, *ends]
    tokens: list[Token] = []
    PARSER.block.parse(NEWLINES.sub("\n", lines), PARSER, {}, tokens)
    pair(tokens)
    blocks = top_level(tokens)
    if not blocks:
        return 0
    for block in blocks:
        if block[0].type == "tag" and not block[0].meta["closes"]:
            return starts[block[0].map[0]]  # what holds all that follows, perhaps
    first, last = blocks[-1][0].map
    if _ends_itself(blocks[-1][0], lines[starts[last - 1] : starts[last]]):
        return starts[last]
    return starts[first] if len(blocks) > 1 else 0


def _ends_itself(token: Token, last_line: str) -> bool:
    if token.type == "fence":
        mark = re.escape(token.markup[0])
        closing = re.fullmatch(rf" {{0,3}}({mark}{{{len(token.markup)},}})[ \t]*", last_line.rstrip("\r\n"))
        return closing is not None and token.map[1] - token.map[0] > 1
    return token.type == "hr" or (token.type == "heading_open" and token.markup.startswith("#"))
