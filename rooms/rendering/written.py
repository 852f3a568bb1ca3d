"""What people write, as they wrote it: every line, space and sign. Fences and ticks are code, addresses of the web are
links, and nothing else is made of it.

static/rooms/written.js draws the same, without links and colours, until this arrives.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape
from typing import NamedTuple

from django.utils.safestring import SafeString, mark_safe
from markdown_it.common.normalize_url import normalizeLink

from .budget import Allowance, Cost, Spent
from .html import cleaned
from .links import allowed, host_label, make_finder
from .markdown import NEWLINES
from .rules import figure

FINDER = make_finder()
_LINE = re.compile(r"[^\n]*\n|[^\n]+")
_FENCE = re.compile(r" {0,3}(`{3,}(?!.*`)|~{3,})(.*)\n?")
_TICKS = re.compile("`+")
_ADDRESS = re.compile(r"(?<![a-z0-9.+-])https?://", re.IGNORECASE)
ADDRESS_MAX, LOOKED_AT = 2_000, 2_100  # characters: the search for its end takes quadratic time


class Piece(NamedTuple):
    source: str
    code: str | None = None  # what stands between two fences
    info: str = ""  # what stands behind the first of them


def written(text: str, allowance: Allowance) -> str:
    return "".join(_drawn(piece, allowance) for piece in pieces(NEWLINES.sub("\n", text)))


def as_text(text: str) -> SafeString:
    """With nothing made of it."""
    return mark_safe(f'<div class="written">{escape(text, quote=False)}</div>') if text else mark_safe("")


def pieces(text: str) -> Iterator[Piece]:
    """Text and code in their order. A fence without an end goes on to the text's."""
    lines: list[str] = []
    fence: re.Match | None = None
    for line in _LINE.findall(text):
        if fence is None and (found := _FENCE.fullmatch(line)):
            if lines:
                yield Piece("".join(lines))
            lines, fence = [line], found
            continue
        lines.append(line)
        if fence and _closes(line, fence[1]):
            yield Piece("".join(lines), "".join(lines[1:-1]), fence[2])
            lines, fence = [], None
    if fence:
        yield Piece("".join(lines), "".join(lines[1:]), fence[2])
    elif lines:
        yield Piece("".join(lines))


def _closes(line: str, mark: str) -> bool:
    return re.fullmatch(rf" {{0,3}}{mark[0]}{{{len(mark)},}}[ \t]*\n?", line) is not None


def _drawn(piece: Piece, allowance: Allowance) -> str:
    try:
        html = allowance.spend(Cost(), _html, piece, allowance.html_of(piece.source))
    except Spent:
        allowance.plain += 1
        html = as_text(piece.source)
    allowance.html -= len(html)
    return html


def _html(piece: Piece, most: int) -> str:
    if piece.code is not None:
        return cleaned(figure(piece.code, piece.info), most)
    lines = "".join(_line(line) for line in _LINE.findall(piece.source))
    return cleaned(f'<div class="written">{lines}</div>', most)


def _line(line: str) -> str:
    html, at = "", 0
    for start, end, code in _spans(line):
        html += f"{_linked(line[at:start])}<code>{escape(code, quote=False)}</code>"
        at = end
    return html + _linked(line[at:])


def _spans(line: str) -> Iterator[tuple[int, int, str]]:
    """(start, end, code) of what stands between two runs of as many ticks."""
    runs = [found.span() for found in _TICKS.finditer(line)]
    closing: list[int] = []  # for each run, the last first: the next one that is as long, or 0
    later: dict[int, int] = {}
    for at in range(len(runs) - 1, -1, -1):
        length = runs[at][1] - runs[at][0]
        closing.append(later.get(length, 0))
        later[length] = at
    closing.reverse()
    at = 0
    while at < len(runs):
        if closing[at]:
            code = line[runs[at][1] : runs[closing[at]][0]]
            padded = code[0] == code[-1] == " " and code.strip(" ")
            yield runs[at][0], runs[closing[at]][1], code[1:-1] if padded else code
        at = (closing[at] or at) + 1


def _linked(text: str) -> str:
    html, at = "", 0
    for begun in _ADDRESS.finditer(text):
        start = begun.start()
        if start < at:
            continue
        html += escape(text[at:start], quote=False)
        found = FINDER.match_at_start(text[start : start + LOOKED_AT])
        address = found.raw.rstrip("*") if found else begun[0]
        html += _link(address)
        at = start + len(address)
    return html + escape(text[at:], quote=False)


def _link(address: str) -> str:
    href, shown = normalizeLink(address), escape(address, quote=False)
    if len(address) > ADDRESS_MAX or not allowed(href):
        return shown
    return f'<a href="{escape(href)}">{shown}{host_label(href, address)}</a>'
