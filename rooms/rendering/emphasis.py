"""Emphasis beside Chinese, Japanese and Korean text, which has no spaces around its punctuation.

CommonMark lets `**` open or close beside punctuation only where a space or more punctuation is on its other side, so
`是**「重要」**的` is no emphasis there. Here a CJK character may stand on the other side, and CJK punctuation counts as
a letter: the CJK-friendly amendment (github.com/tats-u/markdown-cjk-friendly). Text without such characters is read as
before.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from markdown_it.common.utils import isMdAsciiPunct, isPunctChar, isWhiteSpace
from markdown_it.parser_inline import ParserInline
from markdown_it.rules_inline import StateInline
from markdown_it.rules_inline.state_inline import Scanned

_EMOJI = re.compile("[\u231a-\u2bff\U0001f000-\U0001f1ff\U0001f300-\U0001ffff]")
_SELECTOR = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]")  # says how the character before it looks


class CjkInline(ParserInline):
    def parse(self, src, md, env, tokens):
        state = _State(src, md, env, tokens)
        self.tokenize(state)
        for rule in self.ruler2.getRules(""):
            rule(state)
        return state.tokens


class _State(StateInline):
    def scanDelims(self, start: int, canSplitWord: bool) -> Scanned:
        scanned = super().scanDelims(start, canSplitWord)
        end = start + scanned.length
        before, after = self._before(start), self.src[end] if end < self.posMax else " "
        if not (is_cjk(before) or is_cjk(after)):
            return scanned
        opens = not isWhiteSpace(ord(after)) and (is_cjk(after) or not _is_mark(after) or _allows(before))
        closes = not isWhiteSpace(ord(before)) and (is_cjk(before) or not _is_mark(before) or _allows(after))
        if canSplitWord:
            return Scanned(opens, closes, scanned.length)
        return Scanned(
            opens and (not closes or _is_mark(before)), closes and (not opens or _is_mark(after)), scanned.length
        )

    def _before(self, start: int) -> str:
        if start > 1 and _SELECTOR.match(self.src[start - 1]):
            start -= 1
        return self.src[start - 1] if start else " "


@lru_cache(maxsize=10_000)
def is_cjk(char: str) -> bool:
    return unicodedata.east_asian_width(char) in ("W", "F", "H") and not _EMOJI.match(char)


def _is_mark(char: str) -> bool:
    return isMdAsciiPunct(ord(char)) or isPunctChar(char)


def _allows(char: str) -> bool:
    """What may stand outside of a mark at the edge of emphasis."""
    return isWhiteSpace(ord(char)) or _is_mark(char) or is_cjk(char)
