"""Lists, quotes and tables in Arabic or Hebrew begin on the right, with their markers and indents.

A paragraph finds its own direction in the browser (`unicode-bidi`). For what holds paragraphs the first letter decides
here, and not by `dir="auto"`: that would go by a command or a link at the beginning of the first item.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from markdown_it.rules_core import StateCore
from markdown_it.token import Token

_HOLDERS = {
    "bullet_list_open", "ordered_list_open", "blockquote_open", "alert_open", "table_open", "details_open",
    "footnote_reference_open",
}  # fmt: skip
_LETTER = re.compile(r"[^\W\d_]")


def set_directions(state: StateCore) -> None:
    found = _found(state.tokens)
    around = ["ltr"]
    for at, token in enumerate(state.tokens):
        if token.nesting > 0:
            direction = found[at] if token.type in _HOLDERS else ""
            if direction and direction != around[-1]:
                token.attrSet("dir", direction)
            around.append(direction or around[-1])
        elif token.nesting < 0:
            around.pop()


def _found(tokens: Sequence[Token]) -> list[str]:
    """For each token that opens an element, the direction of the first letter in it; "" if there is none."""
    directions = [""] * len(tokens)
    around: list[int] = []
    for at, token in enumerate(tokens):
        if token.nesting > 0:
            around.append(at)
        elif token.nesting < 0:
            around.pop()
        elif token.type == "inline" and tokens[at - 1].type != "alert_title_open" and (direction := _direction(token)):
            for outer in reversed(around):
                if directions[outer]:
                    break
                directions[outer] = direction
    return directions


def _direction(inline: Token) -> str:
    address = False
    for child in inline.children or ():
        if child.type in ("link_open", "link_close"):
            address = child.nesting > 0 and child.info == "auto"
        elif child.type == "text" and not address and (letter := _LETTER.search(child.content)):
            return "rtl" if unicodedata.bidirectional(letter[0]) in ("R", "AL") else "ltr"
    return ""
