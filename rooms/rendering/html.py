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
from .references import is_used

logger = logging.getLogger(__name__)

KEPT_MAX = 20_000  # characters of a text whose HTML is kept

_TAGS = """
    p h2 h3 h4 h5 h6 ul ol li blockquote hr br strong em s code pre a span figure figcaption div
    table thead tbody tr th td sub sup kbd details summary
"""
_ALIGNED = {"left", "center", "right"}
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
        "div": {"table", "footnote", "alert", *_ALERTS},
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
    return render_part(text, {"whole": True})


@lru_cache(maxsize=8)
def _kept_long(text: str) -> SafeString:
    return render_part(text, {"whole": True})


def render_part(text: str, env: dict) -> SafeString:
    """Whole blocks of a text. `env` takes up what they define, and has that of the parts before; `whole` in it says
    that there are no others.
    """
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
    language, info = name_of(token.info), token.info.strip()
    source = coloured(token.content, language)
    caption = escape(language)
    pre = f'<pre tabindex="0"><code>{source}</code></pre>'
    more = info[len(language) :].strip() if info.lower().split()[:1] == [language] else info
    more = f'<p class="info">{escape(more)}</p>' if more else ""
    return f'<figure class="code"><figcaption>{caption}</figcaption>{pre}{more}</figure>\n'


def _heading(self, tokens: Sequence[Token], at: int, options, env) -> str:
    """One level down: the page's own heading is the room's title."""
    level = min(6, int(tokens[at].tag[1]) + 1)
    return f"<h{level}>" if tokens[at].nesting > 0 else f"</h{level}>\n"


def _link_open(self, tokens: Sequence[Token], at: int, options, env) -> str:
    href = _href(tokens[at])
    return f'<a href="{escape(href)}"{_title(tokens[at])}>' if href else ""


def _link_close(self, tokens: Sequence[Token], at: int, options, env) -> str:
    start = next(n for n in range(at, -1, -1) if tokens[n].type == "link_open")
    href = _href(tokens[start])
    return host_label(href, "".join(token.content for token in tokens[start:at])) + "</a>" if href else ""


def _href(token: Token) -> str:
    """Where a link leads; "" where it does not: the parser takes an empty target without asking."""
    href = str(token.attrGet("src" if token.type == "image" else "href") or "")
    return href if allowed(href) else ""


def _title(token: Token) -> str:
    title = str(token.attrGet("title") or "")
    return f' title="{escape(title)}"' if title else ""


def _image(self, tokens: Sequence[Token], at: int, options, env) -> str:
    """Not the picture: a link to it, with its description. Inside of a link it is the description alone."""
    href, text = _href(tokens[at]), tokens[at].content
    around = next((token.type for token in reversed(tokens[:at]) if token.type.startswith("link_")), "link_close")
    if not href or around == "link_open":
        return escape(text)
    shown = escape(text or place(href)) + host_label(href, text)
    return f'<a class="image" href="{escape(href)}"{_title(tokens[at])}>{shown}</a>'


def _target(self, tokens: Sequence[Token], at: int, options, env) -> str:
    """The target of links, where it was defined: shown if nothing leads there, once the whole text is known."""
    target = tokens[at].meta
    if "whole" not in env or is_used(target, env):
        return ""
    title = f' "{escape(target["title"], quote=False)}"' if target["title"] else ""
    link = f'<a href="{escape(target["url"])}">{escape(target["url"], quote=False)}</a>'
    return f"<p>[{escape(target['label'], quote=False)}]: {link}{title}</p>\n"


def _note(self, tokens: Sequence[Token], at: int, options, env) -> str:
    return f'<sup class="footnote">{escape(tokens[at].content, quote=False)}</sup>'


def _note_open(self, tokens: Sequence[Token], at: int, options, env) -> str:
    label = escape(tokens[at].meta["label"], quote=False)
    return f'<div class="footnote"{_direction(tokens[at])}><sup class="footnote">{label}</sup> <div>'


def _note_close(self, tokens: Sequence[Token], at: int, options, env) -> str:
    return "</div></div>\n"


def _alert_open(self, tokens: Sequence[Token], at: int, options, env) -> str:
    kind = tokens[at].meta["kind"].lower()
    return f'<div class="alert alert-{kind}"{_direction(tokens[at])}>\n'


def _alert_title(self, tokens: Sequence[Token], at: int, options, env) -> str:
    return '<p class="alert-title">'


def _item(self, tokens: Sequence[Token], at: int, options, env) -> str:
    """A list's item; of a task with its box, which nobody can tick: the text says what is done."""
    opening = self.renderToken(tokens, at, options, env)
    if "checked" not in tokens[at].meta:
        return opening
    return f'<li class="task"><span class="check">{"☑" if tokens[at].meta["checked"] else "☐"} </span>'


def _table(self, tokens: Sequence[Token], at: int, options, env) -> str:
    if tokens[at].nesting < 0:
        return "</table></div>\n"
    return f'<div class="table" tabindex="0"{_direction(tokens[at])}><table>'


def _direction(token: Token) -> str:
    return f' dir="{token.attrGet("dir")}"' if token.attrGet("dir") else ""


def _tag(self, tokens: Sequence[Token], at: int, options, env) -> str:
    """A block's tag that has no counterpart."""
    return f"<p>{escape(tokens[at].content, quote=False)}</p>\n"


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
        "tag": _tag,
        "definition": _target,
        "note": _note,
        "footnote_reference_open": _note_open,
        "footnote_reference_close": _note_close,
        "alert_open": _alert_open,
        "alert_title_open": _alert_title,
        "list_item_open": _item,
    }
    for name, rule in rules.items():
        parser.add_render_rule(name, rule)
    return parser


PARSER = _make()
