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
from markdown_it.token import Token
from mdit_py_plugins.footnote.index import footnote_def

from . import direction, nesting, references, tags
from .emphasis import CjkInline
from .formulas import add_mathematics
from .links import allowed, make_finder

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
    parser.inline, parser.block, parser.linkify = CjkInline(), nesting.FlatBlock(), make_finder()
    parser.configure("commonmark", options_update=_OPTIONS)
    parser.enable(["table", "strikethrough", "linkify"])
    parser.block.ruler.at("table", nesting.table_of_all_cells, {"alt": ["paragraph", "reference"]})
    parser.validateLink = allowed
    add_mathematics(parser)
    parser.core.ruler.before("inline", "long_inline", _keep_long_text_plain)
    _add_tags(parser)
    _add_references(parser)
    parser.core.ruler.push("direction", direction.set_directions)
    parser.core.ruler.disable(["normalize", "block"])  # blocks are read one by one
    return parser


def _add_tags(parser: MarkdownIt) -> None:
    parser.inline.ruler.before("autolink", "inline_tag", tags.inline_tag)
    parser.block.ruler.before(
        "html_block", "block_tag", tags.block_tag, {"alt": ["paragraph", "reference", "blockquote", "list"]}
    )
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
