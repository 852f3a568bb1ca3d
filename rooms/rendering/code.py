"""Code in colours: only in a language that was named and is known here."""

from __future__ import annotations

from functools import cache, lru_cache
from html import escape
from itertools import groupby

from pygments.lexer import Lexer
from pygments.lexers import get_lexer_by_name
from pygments.token import Comment, Generic, Keyword, Name, Number, Operator, String, _TokenType

from .budget import Spent, at_most, half_of_the_rest

HIGHLIGHT_MAX = 20_000  # characters; beyond it takes longer than colours are worth
TIMES, AT_LEAST = 6, 50_000  # HTML for each character of source; what is always granted
LANGUAGE_MAX = 20  # characters of a language's name that are shown
# Not all 600 that Pygments has: a lexer is a pile of regular expressions, and these are the ones many eyes have seen.
_LANGUAGES = """
    bash sh shell zsh console powershell bat c c++ cpp csharp c# css scss less dart diff django jinja docker dockerfile
    elixir erlang go golang graphql haskell hs html http ini java javascript js jsx json julia kotlin lua make makefile
    markdown md matlab nginx nix objective-c objc perl php proto protobuf python py python3 pycon r rb ruby rs rust
    scala sql sqlite3 postgresql swift terraform hcl tex latex toml ts tsx typescript vue xml yaml yml zig
"""
LANGUAGES = frozenset(_LANGUAGES.split())
# What is coloured, and the class that does it. Whatever stands below one of these is coloured with it.
KINDS = {
    Keyword: "k",
    Operator.Word: "k",
    Name.Tag: "k",
    Name.Function: "f",
    Name.Class: "f",
    Name.Builtin: "f",
    Name.Decorator: "f",
    Name.Attribute: "f",
    String: "s",
    Number: "n",
    Keyword.Constant: "n",
    Name.Constant: "n",
    Comment: "c",
    Generic.Prompt: "c",
    Generic.Output: "c",
    Generic.Deleted: "gd",
    Generic.Inserted: "gi",
    Generic.Heading: "k",
    Generic.Subheading: "k",
}


def name_of(info: str) -> str:
    """The language that a fence names, as it is shown."""
    return (info.split() or [""])[0].split("{")[0].strip(".,:").lower()[:LANGUAGE_MAX]


@lru_cache(maxsize=256)  # an answer that streams is rendered once more when it ends
def coloured(source: str, language: str) -> str:
    """Source as HTML; without colours where they cost too much."""
    plain = escape(source, quote=False)
    if language not in LANGUAGES or len(source) > HIGHLIGHT_MAX:
        return plain
    try:
        html = at_most(half_of_the_rest(), _coloured, source, language)
    except (Spent, RecursionError):
        return plain
    return html if len(html) <= max(AT_LEAST, TIMES * len(source)) else plain


def _coloured(source: str, language: str) -> str:
    """Few and plain spans: neighbours of one colour share one."""
    html = []
    for kind, tokens in groupby(_lexer(language).get_tokens(source), lambda token: _kind(token[0])):
        text = escape("".join(value for _, value in tokens), quote=False)
        html.append(f'<span class="{kind}">{text}</span>' if kind else text)
    return "".join(html)


@cache
def _kind(token: _TokenType) -> str:
    while token is not None:
        if token in KINDS:
            return KINDS[token]
        token = token.parent
    return ""


@cache
def _lexer(language: str) -> Lexer:
    return get_lexer_by_name(language, stripnl=False, ensurenl=False)
