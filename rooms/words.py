"""What a text is found by, and whether it really has in it what was looked for. Pure, and the same for every database.

A text is found by the beginnings of its words, as far as BEGINNING characters: typing finds, and every lookup is one of
whole entries, never of a range of them. Scripts that have no blanks between words are found by one and by two of their
characters, anywhere. Entries choose texts; `places` decides.
"""

from __future__ import annotations

import re
import unicodedata

BEGINNING = 8  # characters of a word: of longer ones only texts that were chosen are compared
READ, MOST = 200_000, 20_000  # characters and entries of one text: what is behind them is not found

_DENSE = (  # Thai, Lao, Burmese, Khmer, kana, Han, Hangul
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff"
    "\U00020000-\U0003ffff"
)
_LETTER = rf"[^\W_{_DENSE}]"
_MARKS = "".join(  # vowel signs and accents, which `\w` leaves out
    sign
    for sign in map(chr, (*range(0x300, 0x3100), *range(0xFE20, 0xFE30)))
    if unicodedata.category(sign) in ("Mn", "Mc") and not re.match(f"[{_DENSE}]", sign)
)
_WORD = re.compile(rf"{_LETTER}+(?:[{_MARKS}]+{_LETTER}*)*")
_RUN = re.compile(f"[{_DENSE}]+")


def composed(text: str) -> str:
    """An accent and its letter are one character, however they were typed."""
    return unicodedata.normalize("NFC", text)


def entries(text: str) -> list[str]:
    """All that this text is found by."""
    text = composed(text[:READ]).casefold()
    found: dict[str, None] = {}
    for run in dict.fromkeys(_RUN.findall(text)):
        found.update(dict.fromkeys(run))
        found.update((run[at : at + 2], None) for at in range(len(run) - 1))
        if len(found) > MOST:
            break
    for word in dict.fromkeys(_WORD.findall(text)):
        if len(found) > MOST:
            break
        found.update((word[:length], None) for length in range(min(2, len(word)), min(len(word), BEGINNING) + 1))
    return list(found)[:MOST]


def wanted(words: str) -> list[str]:
    """The entries that every text has which has these words in it. None: there is nothing to look up."""
    text = composed(words).casefold()
    found: dict[str, None] = {}
    for match in _RUN.finditer(text):
        run = match[0]
        found.update((run[at : at + 2], None) for at in range(max(len(run) - 1, 1)))
    for match in _WORD.finditer(text):
        if len(match[0]) > 1 or match.end() < len(text):  # of the last word there may be more
            found[match[0][:BEGINNING]] = None
    return list(found)


def pattern(words: str) -> re.Pattern[str]:
    """In either case, with any blanks between them, from the beginning of a word."""
    begins = rf"(?<!{_LETTER})" if re.match(_LETTER, words) else ""
    return re.compile(begins + r"\s+".join(map(re.escape, composed(words).split())), re.IGNORECASE)
