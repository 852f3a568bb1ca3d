"""Tokens as HTML, where it differs from markdown-it's own."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from markdown_it import MarkdownIt
from markdown_it.token import Token

from .code import coloured, name_of
from .links import allowed, host_label, place
from .references import is_used

ALIGNED = {"left", "center", "right"}


def _figure(self, tokens: Sequence[Token], at: int, options, env) -> str:
    return figure(tokens[at].content, tokens[at].info)


def figure(source: str, info: str) -> str:
    """Code, with what stands behind its fence."""
    language, info = name_of(info), info.strip()
    caption = escape(language)
    pre = f'<pre tabindex="0"><code>{coloured(source, language)}</code></pre>'
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
    return f'<{tag} class="{aligned}">' if aligned in ALIGNED else f"<{tag}>"


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


_RULES = {
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


def add_rules(parser: MarkdownIt) -> None:
    for name, rule in _RULES.items():
        parser.add_render_rule(name, rule)
