"""Text at the boundary: the one function that cleans it, its digest and its length. Pure."""

from __future__ import annotations

import re
import secrets
import string
import zlib

REPLACEMENT = "\ufffd"
EMPTY_DIGEST = "00000000"
TITLE_LENGTH = 60
FOLDED_CHARACTERS, FOLDED_LINES = 1_500, 20  # of a message; what is longer is folded
_LOOKED_AT = 2_000  # characters of a question; its title is at its beginning
_FENCED = re.compile(r"^ {0,3}(```|~~~).*?(^ {0,3}\1|\Z)", re.MULTILINE | re.DOTALL)
_MARKS = re.compile(r"^\s*(?:/[a-z]+(?=\s)|#{1,6}(?=\s)|>|[-*+](?=\s)|\d+[.)](?=\s))\s*|`+|^[*_~| \t]+$", re.MULTILINE)
_SENTENCE = re.compile(r"(.{8,}?[?!…。？！]|.{8,}?\.)(?=\s|$)")
_ALPHANUMERIC = frozenset(string.ascii_letters + string.digits)


def clean(text: str) -> str:
    """Make `text` storable everywhere: surrogate pairs joined, lone surrogates and NUL replaced by U+FFFD.

    PostgreSQL refuses U+0000 in text, and no UTF-8 encoder (both databases, msgpack, sockets) takes a lone surrogate.
    Total and idempotent.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text.replace("\0", REPLACEMENT) if "\0" in text else text


# Without a shape of their own, and some turn around the sentence that a name stands in: soft hyphen, zero-width space,
# byte order mark, direction marks, embeddings and isolates. Joiners stay: emoji and several scripts need them.
_UNSEEN = dict.fromkeys(
    [0xAD, 0x61C, 0x200B, 0x200E, 0x200F, 0x2060, 0xFEFF, *range(0x202A, 0x202F), *range(0x2066, 0x206A)]
)


def one_line(text: str) -> str:
    """Cleaned, and fit to stand in a sentence: single spaces, and nothing that is not seen."""
    return " ".join(clean(text).translate(_UNSEEN).split())


def title_of(question: str) -> str:
    """The first words of a question, as a title of at most TITLE_LENGTH characters; "" where there are none to take."""
    question = question[:_LOOKED_AT]
    said = _MARKS.sub("", _FENCED.sub("\n", question))
    said = said if said.strip() else _MARKS.sub("", question)
    line = next((" ".join(line.split()) for line in said.splitlines() if line.strip()), "")
    sentence = _SENTENCE.match(line)
    line = (sentence[0] if sentence else line).rstrip(" .:,;")
    if len(line) <= TITLE_LENGTH:
        return line
    words = line[:TITLE_LENGTH].rpartition(" ")[0]
    return f"{words or line[: TITLE_LENGTH - 1]}…"


def is_long(text: str) -> bool:
    """Whether a page shows only its beginning until somebody wants the rest; as in static/rooms/fold.js."""
    return utf16_length(text) > FOLDED_CHARACTERS or text.count("\n") >= FOLDED_LINES


class Cleaner:
    """`clean` for text that arrives in pieces: the outcome does not depend on where it was cut.

    A piece that ends in a high surrogate is held back, whole, until the next one shows whether its other half
    follows: so what has been given out always ends where a piece ended, and a stream can be read again from there.
    """

    HELD_MAX = 64  # pieces in a row; only a stream of nothing but broken halves comes so far

    def __init__(self) -> None:
        self._held = ""
        self._pieces = 0

    def feed(self, piece: str) -> str:
        piece = self._held + piece
        self._held = ""
        if not piece or not "\ud800" <= piece[-1] <= "\udbff":
            self._pieces = 0
            return clean(piece)
        self._pieces += 1
        cut = len(piece) - 1 if self._pieces > self.HELD_MAX else 0
        self._held = piece[cut:]
        return clean(piece[:cut])

    @property
    def holding(self) -> bool:
        """Whether half a character waits for its other half."""
        return bool(self._held)

    def may_become(self, rest: str) -> bool:
        """Whether cleaned text can begin with what is held back: with the half alone, or with the whole character."""
        if not self._held:
            return True
        before, half = clean(self._held[:-1]), self._held[-1]
        if not rest.startswith(before):
            return False
        following = rest[len(before) : len(before) + 1]
        whole = following > "\uffff" and chr(0xD800 + ((ord(following) - 0x10000) >> 10)) == half
        return whole or following == REPLACEMENT

    def end(self) -> str:
        """What is still held back when no more text comes: its half is U+FFFD then."""
        held, self._held = self._held, ""
        return clean(held)


def digest(text: str, before: str = EMPTY_DIGEST) -> str:
    """CRC-32 of the UTF-8 of a text whose beginning had the digest `before`: 8 lowercase hex digits."""
    return f"{zlib.crc32(text.encode(), int(before, 16)):08x}"


def utf16_length(text: str) -> int:
    """Length in UTF-16 code units, as JavaScript counts."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le")) // 2


def utf16_from(text: str, start: int) -> str:
    """A text from a place on that is counted in UTF-16 code units."""
    return text[start:] if text.isascii() else text.encode("utf-16-le")[2 * start :].decode("utf-16-le")


def new_id() -> str:
    """An unguessable public id: 128 random bits in 22 characters."""
    return _random(16)


def new_secret() -> str:
    """A bearer token: 256 random bits in 43 characters."""
    return _random(32)


def _random(size: int) -> str:
    """In characters that an address needs not quote, and never starting like a command-line option."""
    while True:
        candidate = secrets.token_urlsafe(size)
        if candidate[0] in _ALPHANUMERIC:
            return candidate


def tokens_of(text: str) -> int:
    """About how many tokens a model makes of it: four bytes of UTF-8 each. Every model counts differently; for English
    that is about right, for other scripts rather too many.
    """
    return (len(text.encode()) + 3) // 4


def last_tokens(text: str, most: int) -> str:
    """The end of a text."""
    return text.encode()[-4 * most :].decode(errors="ignore")
