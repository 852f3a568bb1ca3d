"""What a renderer is asked for: pure functions of text, wherever they run."""

from __future__ import annotations

import re

from markdown_it.token import Token

from .budget import Allowance, Spent, at_most, seconds_for
from .html import Block, plain, read, rendered
from .markdown import NEWLINES
from .written import as_text, written


def whole(text: str) -> tuple[str, bool]:
    """Of Markdown: (HTML, whether some of it cost too much and is plain text)."""
    allowance = Allowance(len(text))
    try:
        html = at_most(seconds_for(len(text)), rendered, text, {"whole": True}, allowance)
    except (Spent, MemoryError):
        return plain(text), True
    return html, allowance.plain > 0


def as_written(text: str) -> tuple[str, bool]:
    """The same of what a person wrote."""
    allowance = Allowance(len(text))
    try:
        html = at_most(seconds_for(len(text)), written, text, allowance)
    except (Spent, MemoryError):
        return as_text(text), True
    return html, allowance.plain > 0


def opening(text: str) -> tuple[int, str, bool]:
    """Of a text that goes on: (the length of its closed blocks, their HTML, whether something cost too much)."""
    length, html, _, expensive = closed(text, {})
    return length, html, expensive


def closed(text: str, env: dict) -> tuple[int, str, dict, bool]:
    """Of a text that goes on: (the length of its closed blocks, their HTML, what they define, whether to look again
    costs too much).
    """
    try:
        return at_most(seconds_for(len(text)), _of_closed, text, env)
    except (Spent, MemoryError):
        return 0, "", env, True


def _of_closed(text: str, env: dict) -> tuple[int, str, dict, bool]:
    lines = text[: text.rfind("\n") + 1]
    allowance = Allowance(len(text))
    length = _closed(lines, read(lines, {}, allowance))
    if not length:
        return 0, "", env, allowance.plain > 0
    return length, rendered(lines[:length], env, Allowance(length)), env, False


JOBS = {"whole": whole, "written": as_written, "opening": opening, "closed": closed}


def _closed(lines: str, blocks: list[Block]) -> int:
    """How many characters of these complete lines belong to closed blocks."""
    if not blocks:
        return 0
    ends = [found.end() for found in NEWLINES.finditer(lines)]
    starts = [0, *ends]
    for block in blocks:
        if block.head.type == "tag" and not block.head.meta["closes"]:
            return starts[block.head.map[0]]  # what holds all that follows, perhaps
    first, last = blocks[-1].head.map
    if _ends_itself(blocks[-1].head, lines[starts[last - 1] : starts[last]]):
        return starts[last]
    return starts[first] if len(blocks) > 1 else 0


def _ends_itself(token: Token, last_line: str) -> bool:
    if token.type == "fence":
        mark = re.escape(token.markup[0])
        closing = re.fullmatch(rf" {{0,3}}({mark}{{{len(token.markup)},}})[ \t]*", last_line.rstrip("\r\n"))
        return closing is not None and token.map[1] - token.map[0] > 1
    return token.type == "hr" or (token.type == "heading_open" and token.markup.startswith("#"))
