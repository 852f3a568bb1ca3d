"""The few tags that people and models write in Markdown: `<br>`, `<sub>`, `<sup>`, `<kbd>`, `<details>`, `<summary>`.

Without attributes and in pairs, else they are text like any other `<`. A tag becomes a token first, and an element once
its counterpart is found at the same level.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from markdown_it.rules_block import StateBlock
from markdown_it.rules_core import StateCore
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token

from .nesting import add_paragraph

DEPTH_MAX = 12
_INLINE = re.compile(r"<(?:(br) ?/?|(/?)(sub|sup|kbd))>", re.IGNORECASE)
_BLOCK = re.compile(r"(</?(?:details|summary)>)", re.IGNORECASE)


def inline_tag(state: StateInline, silent: bool) -> bool:
    found = _INLINE.match(state.src, state.pos, state.posMax)
    if found is None:
        return False
    if not silent and found[1]:
        state.push("hardbreak", "br", 0)
    elif not silent:
        _fill(state.push("tag", found[3].lower(), 0), found[0])
    state.pos = found.end()
    return True


def block_tag(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """A line of nothing but tags, or with text beside `<summary>`."""
    line = state.src[state.bMarks[start] + state.tShift[start] : state.eMarks[start]]
    if state.is_code_block(start) or not _BLOCK.match(line):
        return False
    pieces = [piece for piece in (piece.strip() for piece in _BLOCK.split(line)) if piece]
    if len(pieces) != len(_BLOCK.findall(line)) and "summary>" not in line.lower():
        return False
    if silent:
        return True
    for piece in pieces:
        if _BLOCK.match(piece):
            token = state.push("tag", piece.strip("</>").lower(), 0)
            token.map = [start, start + 1]
            _fill(token, piece)
        else:
            add_paragraph(state, piece, [start, start + 1])
    state.line = start + 1
    return True


def _fill(token: Token, written: str) -> None:
    token.markup = token.content = written
    token.meta = {"closes": written.startswith("</")}


def pair_inline(state: StateCore) -> None:
    for token in state.tokens:
        if token.type == "inline" and any(child.type == "tag" for child in token.children or ()):
            for opening, closing in _pairs(token.children):
                _make_element(opening, closing)
            for child in token.children:
                if child.type == "tag":
                    child.type = "text"


def pair(tokens: list[Token]) -> None:
    """`<details>` with its `</details>`, and with the `<summary>` that is directly in it. What is between them is one
    level deeper.
    """
    if not any(token.type == "tag" for token in tokens):
        return
    places = {id(token): at for at, token in enumerate(tokens)}
    summaries: dict[int, tuple[Token, Token]] = {}  # by the `<details>` that they are in
    for opening, closing in _pairs(tokens):
        if opening.tag == "summary":
            summaries.setdefault(id(opening.meta["parent"]), (opening, closing))
            continue
        inside = [(opening, closing), *([summaries[id(opening)]] if id(opening) in summaries else [])]
        for first, last in inside:
            _make_element(first, last)
            for token in tokens[places[id(first)] + 1 : places[id(last)]]:
                token.level += 1
                token.hidden = token.hidden or first.tag == "summary" and token.type.startswith("paragraph")


def _pairs(tokens: Iterable[Token]) -> Iterable[tuple[Token, Token]]:
    """Tags that belong together, inner ones first; not across the border of another element."""
    stack: list[Token] = []
    depth = 0  # of tags in it
    for token in tokens:
        if token.type == "tag" and token.meta["closes"]:
            if (at := _opening(stack, token.tag)) is not None:
                yield stack[at], token
                depth -= len(stack) - at
                del stack[at:]
        elif token.type == "tag":
            token.meta["parent"] = stack[-1] if stack else None
            if depth < DEPTH_MAX and (token.tag != "summary" or stack and stack[-1].tag == "details"):
                stack.append(token)
                depth += 1
        elif token.nesting > 0:
            stack.append(token)
        elif token.nesting < 0:
            while stack and stack.pop().type == "tag":
                depth -= 1


def _opening(stack: list[Token], tag: str) -> int | None:
    for at in range(len(stack) - 1, -1, -1):
        if stack[at].type != "tag" or stack[at].tag == tag:
            return at if stack[at].type == "tag" else None
    return None


def _make_element(opening: Token, closing: Token) -> None:
    opening.type, opening.nesting = f"{opening.tag}_open", 1
    closing.type, closing.nesting = f"{closing.tag}_close", -1
