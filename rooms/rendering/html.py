"""Text as HTML, block by block: read, written, sanitised, mathematics put in. What costs too much is plain text."""

from __future__ import annotations

import logging
from collections.abc import Callable
from html import escape

import nh3
from django.utils.safestring import SafeString, mark_safe
from markdown_it.rules_block import StateBlock
from markdown_it.rules_core import StateCore
from markdown_it.token import Token

from .budget import Allowance, Cost, Spent
from .code import KINDS
from .links import ALLOWED
from .markdown import NEWLINES, make_parser, top_level
from .math import set_math
from .rules import ALIGNED, add_rules
from .tags import pair

logger = logging.getLogger(__name__)

PARSER = make_parser()
add_rules(PARSER)

_TAGS = """
    p h2 h3 h4 h5 h6 ul ol li blockquote hr br strong em s code pre a span figure figcaption div
    table thead tbody tr th td sub sup kbd details summary
"""
_ALERTS = {f"alert-{kind}" for kind in ("note", "tip", "important", "warning", "caution")}
_CLEANER = nh3.Cleaner(
    tags=set(_TAGS.split()),
    attributes={
        "a": {"href", "title"},
        "ul": {"dir"},
        "ol": {"start", "dir"},
        "blockquote": {"dir"},
        "details": {"dir"},
        "pre": {"tabindex"},
        "div": {"tabindex", "dir"},
        "span": {"dir"},
    },
    allowed_classes={
        "span": {*KINDS.values(), "host", "check"},
        "a": {"image"},
        "code": {"math", "block"},
        "p": {"math", "info", "alert-title"},
        "li": {"task"},
        "sup": {"footnote"},
        "div": {"table", "footnote", "alert", "written", *_ALERTS},
        "figure": {"code"},
        "th": ALIGNED,
        "td": ALIGNED,
    },
    url_schemes=set(ALLOWED),
    link_rel="noopener noreferrer nofollow ugc",
    set_tag_attribute_values={"a": {"target": "_blank"}},
    strip_comments=True,
)


class Block(Cost):
    """One at the top level, with as much of the text as it is."""

    def __init__(self, tokens: list[Token], source: str, spent: float):
        self.tokens, self.source, self.spent, self.html = tokens, source, spent, ""
        self.head = tokens[0]


def render_part(text: str, env: dict) -> SafeString:
    """Whole blocks of a text. `env` takes up what they define, and has that of the parts before; `whole` in it says
    that there are no others. Never raises: what can't be rendered is shown as it is written.
    """
    return mark_safe(rendered(text, env, Allowance(len(text))))


def rendered(text: str, env: dict, allowance: Allowance) -> str:
    blocks = read(text, env, allowance)
    for work in (_finish_tokens, _write):
        for block in blocks:
            if block.tokens:
                _try(work, block, env, allowance)
    return "".join(block.html for block in blocks)


def read(text: str, env: dict, allowance: Allowance) -> list[Block]:
    """Its blocks, without what stands inside of their lines. What takes too long to read ends with its paragraph."""
    lines = NEWLINES.sub("\n", text).replace("\0", "\ufffd").split("\n")
    tokens: list[Token] = []
    spent: dict[int, float] = {}  # on the block that begins in this line
    start = 0
    while start < len(lines):
        start = _read_on(lines, start, tokens, spent, env, allowance)
    pair(tokens)
    groups = top_level(tokens)
    starts = [*(group[0].map[0] for group in groups), len(lines)]
    blocks = []
    for group, first, end in zip(groups, starts, starts[1:], strict=False):
        block = Block(group, "\n".join(lines[first:end]), sum(spent.get(line, 0) for line in range(first, end)))
        if group[0].type == "unread":
            _give_up(block, allowance)
        blocks.append(block)
    return blocks


def _read_on(lines: list[str], start: int, tokens: list[Token], spent: dict, env: dict, allowance: Allowance) -> int:
    """Read from a line on, until something takes too long; the line to go on with."""
    found: list[Token] = []
    state = StateBlock("\n".join(lines[start:]), PARSER, env, found)
    unread = False
    while not unread and (line := state.skipEmptyLines(state.line)) < state.lineMax:
        cost, before, state.line = Cost(), len(found), line
        try:
            allowance.spend(cost, _read_block, state)
        except (Spent, RecursionError):
            del found[before:]
            unread = True
        spent[start + line] = cost.spent
    for token in found:
        if token.map:
            token.map = [start + token.map[0], start + token.map[1]]
    tokens += found
    if not unread:
        return len(lines)
    end = start + line + 1
    while end < len(lines) and (lines[end].strip() or allowance.time <= 0):
        end += 1
    tokens.append(Token("unread", "", 0, map=[start + line, end]))
    return end


def _read_block(state: StateBlock) -> None:
    line = state.line
    for rule in PARSER.block.ruler.getRules(""):
        if rule(state, line, state.lineMax, False):
            return


def plain(text: str) -> SafeString:
    return mark_safe(f"<p>{escape(text, quote=False)}</p>") if text else mark_safe("")


def _try(work: Callable, block: Block, env: dict, allowance: Allowance) -> None:
    try:
        allowance.spend(block, work, block, env, allowance)
    except Spent:
        _give_up(block, allowance)
    except Exception as error:  # also RecursionError, and MemoryError
        logger.warning("a block of %s characters could not be rendered: %r", len(block.source), error)
        _give_up(block, allowance)


def _give_up(block: Block, allowance: Allowance) -> None:
    block.tokens, block.html = [], plain(block.source)
    allowance.plain += 1


def _finish_tokens(block: Block, env: dict, allowance: Allowance) -> None:
    state = StateCore("", PARSER, env, block.tokens)
    PARSER.core.process(state)
    block.tokens = state.tokens


def _write(block: Block, env: dict, allowance: Allowance) -> None:
    most = allowance.html_of(block.source)
    if _addresses(block.tokens) > most:
        raise Spent
    html = PARSER.renderer.render(block.tokens, PARSER.options, env)
    if len(html) > most:
        raise Spent
    html = _block(html, most)
    allowance.html -= len(html)
    block.html = html


def _block(html: str, most: int) -> str:
    clean = cleaned(html, most)
    drawn = set_math(clean)
    return drawn if len(drawn) <= most else clean


def cleaned(html: str, most: int) -> str:
    clean = _CLEANER.clean(html).strip()
    if len(clean) > most:
        raise Spent
    return clean


def _addresses(tokens: list[Token]) -> int:
    """Characters that links have in common: defined once, written with each of them."""
    return sum(len(str(value)) for token in tokens for child in token.children or () for value in child.attrs.values())
