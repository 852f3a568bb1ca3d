"""The dialect: CommonMark, what GitHub adds to it (tables, strikethrough, bare links, tasks, alerts, footnotes, a few
tags), mathematics. Plain text becomes tokens here.

Every block is recognised by its own lines and those before it, never by one further down: so a text that grows can be
rendered block by block. (Definitions of links and footnotes are the exception, and cannot be helped.)
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib import import_module

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token
from mdit_py_plugins.dollarmath.index import math_inline_dollar
from mdit_py_plugins.footnote.index import footnote_def

from . import direction, nesting, references, tags
from .emphasis import CjkInline
from .links import Finder, allowed

INLINE_MAX = 6_000  # characters; nobody writes such a paragraph, and what is in one may take quadratic time
NEWLINES = re.compile(r"\r\n?|\n")  # what markdown-it takes for the end of a line
# Cells that a table may get for nothing: a line of 200 bars and empty rows would be 65,536 of them.
import_module("markdown_it.rules_block.table").MAX_AUTOCOMPLETED_CELLS = 1_024


_OPTIONS = {
    "html": False,
    "linkify": True,
    "maxNesting": 24,
    "tasklists": True,
    "alerts": True,
    "inline_definitions": True,  # tokens for the targets of links,
    "store_labels": True,  # and which link uses which
}


def make_parser() -> MarkdownIt:
    parser = MarkdownIt()
    parser.inline, parser.block, parser.linkify = CjkInline(), nesting.FlatBlock(), Finder()
    parser.configure("commonmark", options_update=_OPTIONS)
    parser.enable(["table", "strikethrough", "linkify"])
    parser.block.ruler.at("table", nesting.table_of_all_cells, {"alt": ["paragraph", "reference"]})
    parser.linkify.set({"fuzzy_link": False, "fuzzy_email": False, "fuzzy_ip": False})
    parser.linkify.add("ftp:", None).add("//", None)
    parser.validateLink = allowed
    parser.inline.ruler.before("escape", "math_inline", _math_in_dollars)
    parser.inline.ruler.before("escape", "math_parentheses", _math_in_parentheses)
    parser.block.ruler.before(
        "fence", "math_block", _math_block, {"alt": ["paragraph", "reference", "blockquote", "list"]}
    )
    parser.core.ruler.before("inline", "long_inline", _keep_long_text_plain)
    _add_tags(parser)
    _add_references(parser)
    parser.core.ruler.push("direction", direction.set_directions)
    return parser


def _add_tags(parser: MarkdownIt) -> None:
    parser.inline.ruler.before("autolink", "inline_tag", tags.inline_tag)
    parser.block.ruler.before(
        "html_block", "block_tag", tags.block_tag, {"alt": ["paragraph", "reference", "blockquote", "list"]}
    )
    parser.core.ruler.after("block", "block_pairs", tags.pair_blocks)
    parser.core.ruler.after("inline", "inline_pairs", tags.pair_inline)


def _add_references(parser: MarkdownIt) -> None:
    parser.block.ruler.before("reference", "note", footnote_def, {"alt": ["paragraph", "reference"]})
    parser.inline.ruler.after("image", "note", references.note_reference)
    parser.core.ruler.after("inline", "used_targets", references.note_used_targets)


def top_level(tokens: Sequence[Token]) -> list[list[Token]]:
    """The tokens of each top-level block."""
    blocks: list[list[Token]] = []
    for token in tokens:
        if token.level == 0 and token.nesting >= 0:
            blocks.append([])
        blocks[-1].append(token)
    return blocks


def _keep_long_text_plain(state) -> None:
    for token in state.tokens:
        if token.type == "inline" and len(token.content) > INLINE_MAX:
            token.type = "plain"


_DISPLAY = {"$$": "$$", "\\[": "\\]"}


def _math_block(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """`$$` or `\\[` at the start of a line, up to its counterpart at the end of one. A blank line ends it too: whether
    this is mathematics does not depend on what is further down.
    """
    if state.is_code_block(start):
        return False
    first = state.src[state.bMarks[start] + state.tShift[start] : state.eMarks[start]].rstrip()
    opening = first[:2]
    closing = _DISPLAY.get(opening)
    if closing is None or first[2:-2].find(closing) >= 0:
        return False
    if closed := len(first) >= 4 and first.endswith(closing):
        lines, line = [first[2:-2]], start
    elif closing in first[2:]:
        return False
    else:
        lines, line = [first[2:]], start
    while not closed and line + 1 < end and not state.isEmpty(line + 1) and state.sCount[line + 1] >= state.blkIndent:
        line += 1
        text = state.src[state.bMarks[line] + state.tShift[line] : state.eMarks[line]].rstrip()
        closed = text.endswith(closing)
        lines.append(text.removesuffix(closing))
    if silent:
        return True
    state.line = line + 1
    token = state.push("math_block", "math", 0)
    token.block, token.map, token.markup = True, [start, state.line], opening
    token.content = "\n".join(lines).strip()
    return True


_dollars = math_inline_dollar(allow_space=False, allow_digits=True, allow_double=True)


def _math_in_dollars(state: StateInline, silent: bool) -> bool:
    """Not where a digit stands beside one: that is an amount of money. (The plugin's own check of this takes the last
    character of a text for the one before its first.)
    """
    start = state.pos
    if start and state.src[start - 1].isdigit() or not _dollars(state, True):
        return False
    end, state.pos = state.pos, start
    if state.src[end : end + 1].isdigit():
        return False
    if silent:
        state.pos = end
        return True
    return _dollars(state, False)


def _math_in_parentheses(state: StateInline, silent: bool) -> bool:
    if not state.src.startswith("\\(", state.pos):
        return False
    end = state.src.find("\\)", state.pos + 2, state.posMax)
    content = state.src[state.pos + 2 : end].strip()
    if end < 0 or not content:
        return False
    if not silent:
        token = state.push("math_inline", "math", 0)
        token.content, token.markup = content, "\\("
    state.pos = end + 2
    return True
