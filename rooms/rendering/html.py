"""Tokens become HTML, block by block: written, sanitised, mathematics put in."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import lru_cache
from html import escape

import nh3
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt
from markdown_it.token import Token

from .code import KINDS, coloured, name_of
from .links import ALLOWED, allowed, host_label, place
from .markdown import make_parser, top_level
from .math import set_math

logger = logging.getLogger(__name__)

KEPT_MAX = 20_000  # characters of a text whose HTML is kept

_TAGS = """
    p h2 h3 h4 h5 h6 ul ol li blockquote hr br strong em s code pre a span figure figcaption div
    table thead tbody tr th td
"""
_ALIGNED = {"left", "center", "right"}
_CLEANER = nh3.Cleaner(
    tags=set(_TAGS.split()),
    attributes={"a": {"href"}, "ol": {"start"}, "pre": {"tabindex"}, "div": {"tabindex"}, "span": {"dir"}},
    allowed_classes={
        "span": {*KINDS.values(), "host"},
        "a": {"image"},
        "code": {"math", "block"},
        "p": {"math"},
        "div": {"table"},
        "figure": {"code"},
        "th": _ALIGNED,
        "td": _ALIGNED,
    },
    url_schemes=set(ALLOWED),
    link_rel="noopener noreferrer nofollow ugc",
    set_tag_attribute_values={"a": {"target": "_blank"}},
    strip_comments=True,
)


def render(text: str) -> SafeString:
    """A whole text. Never raises: what can't be rendered is shown as it is written."""
    return _kept(text) if len(text) <= KEPT_MAX else _kept_long(text)


@lru_cache(maxsize=512)
def _kept(text: str) -> SafeString:
    return render_part(text, {})


@lru_cache(maxsize=8)
def _kept_long(text: str) -> SafeString:
    return render_part(text, {})


def render_part(text: str, env: dict) -> SafeString:
    """Whole blocks of a text. `env` takes up link definitions, and has those of the parts before."""
    try:
        blocks = top_level(PARSER.parse(text, env))
        return mark_safe("".join(_block(tokens, env) for tokens in blocks))
    except Exception as error:  # also RecursionError
        logger.warning("a text of %s characters could not be rendered: %r", len(text), error)
        return plain(text)


def plain(text: str) -> SafeString:
    return mark_safe(f"<p>{escape(text, quote=False)}</p>") if text else mark_safe("")


def _block(tokens: Sequence[Token], env: dict) -> str:
    return set_math(_CLEANER.clean(PARSER.renderer.render(tokens, PARSER.options, env)).strip())


# -- what differs from markdown-it's own HTML --------------------------------------------------------------------------


def _figure(self, tokens: Sequence[Token], at: int, options, env) -> str:
    token = tokens[at]
    language = name_of(token.info)
    source = coloured(token.content, language)
    caption = escape(language)
    pre = f'<pre tabindex="0"><code>{source}</code></pre>'
    return f'<figure class="code"><figcaption>{caption}</figcaption>{pre}</figure>\n'


def _heading(self, tokens: Sequence[Token], at: int, options, env) -> str:
    """One level down: the page's own heading is the room's title."""
    level = min(6, int(tokens[at].tag[1]) + 1)
    return f"<h{level}>" if tokens[at].nesting > 0 else f"</h{level}>\n"


def _link_open(self, tokens: Sequence[Token], at: int, options, env) -> str:
    href = _href(tokens[at])
    return f'<a href="{escape(href)}">' if href else ""


def _link_close(self, tokens: Sequence[Token], at: int, options, env) -> str:
    start = next(n for n in range(at, -1, -1) if tokens[n].type == "link_open")
    href = _href(tokens[start])
    return host_label(href, "".join(token.content for token in tokens[start:at])) + "</a>" if href else ""


def _href(token: Token) -> str:
    """Where a link leads; "" where it does not: the parser takes an empty target without asking."""
    href = str(token.attrGet("src" if token.type == "image" else "href") or "")
    return href if allowed(href) else ""


def _image(self, tokens: Sequence[Token], at: int, options, env) -> str:
    """Not the picture: a link to it, with its description. Inside of a link it is the description alone."""
    href, text = _href(tokens[at]), tokens[at].content
    around = next((token.type for token in reversed(tokens[:at]) if token.type.startswith("link_")), "link_close")
    if not href or around == "link_open":
        return escape(text)
    return f'<a class="image" href="{escape(href)}">{escape(text or place(href))}{host_label(href, text)}</a>'


def _table(self, tokens: Sequence[Token], at: int, options, env) -> str:
    return '<div class="table" tabindex="0"><table>' if tokens[at].nesting > 0 else "</table></div>\n"


def _cell(self, tokens: Sequence[Token], at: int, options, env) -> str:
    tag = tokens[at].tag
    aligned = str(tokens[at].attrGet("style") or "").removeprefix("text-align:")
    return f'<{tag} class="{aligned}">' if aligned in _ALIGNED else f"<{tag}>"


def _hard_break(self, tokens: Sequence[Token], at: int, options, env) -> str:
    return "<br>"


def _math(self, tokens: Sequence[Token], at: int, options, env) -> str:
    return f'<code class="math">{escape(tokens[at].content, quote=False)}</code>'


def _display(self, tokens: Sequence[Token], at: int, options, env) -> str:
    return f'<code class="math block">{escape(tokens[at].content, quote=False)}</code>'


def _display_block(self, tokens: Sequence[Token], at: int, options, env) -> str:
    return f'<p class="math">{_display(self, tokens, at, options, env)}</p>\n'


def _plain(self, tokens: Sequence[Token], at: int, options, env) -> str:
    return escape(tokens[at].content, quote=False)


def _make() -> MarkdownIt:
    parser = make_parser()
    rules = {
        "fence": _figure,
        "code_block": _figure,
        "heading_open": _heading,
        "heading_close": _heading,
        "link_open": _link_open,
        "link_close": _link_close,
        "image": _image,
        "table_open": _table,
        "table_close": _table,
        "th_open": _cell,
        "td_open": _cell,
        "hardbreak": _hard_break,
        "math_inline": _math,
        "math_inline_double": _display,
        "math_block": _display_block,
        "plain": _plain,
    }
    for name, rule in rules.items():
        parser.add_render_rule(name, rule)
    return parser


PARSER = _make()
