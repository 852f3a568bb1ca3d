"""Where a link may lead, and what a reader is told about it."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from html import escape
from urllib.parse import urlsplit

from linkify_it import LinkifyIt

from .emphasis import is_cjk

ALLOWED = ("http", "https", "mailto")
_SCHEME = re.compile(r"(https?|mailto):[^\s\\]+", re.IGNORECASE)


def allowed(url: str) -> bool:
    """Whole addresses of the web, and of mail. A relative one would lead into our own site."""
    if not _SCHEME.fullmatch(url):
        return False
    try:
        parts = urlsplit(url)
        return bool(parts.path if parts.scheme.lower() == "mailto" else parts.hostname)
    except ValueError:
        return False


def place(url: str) -> str:
    """The host, in the form that can't be mistaken (punycode), or the mail address."""
    parts = urlsplit(url)
    return parts.path if parts.scheme.lower() == "mailto" else (parts.hostname or "")


def host_label(url: str, text: str) -> str:
    """HTML that names the target, where the link's text does not do it."""
    where = place(url)
    shown = re.sub(r"^(https?://|mailto:)", "", text.strip(), flags=re.IGNORECASE)
    if re.match(re.escape(where) + r"($|[/?#:])", shown, re.IGNORECASE):
        return ""
    return f'<span class="host" dir="ltr">{escape(where)}</span>'


# -- bare links --------------------------------------------------------------------------------------------------------

_MAY_END = re.compile(r"[^\x00-\x7f]|\\")


class Finder(LinkifyIt):
    """Finds bare links, which end before punctuation that is not ASCII as they do before ASCII's: brackets, quotes and
    all that is Chinese, Japanese or Korean end a link, other marks only where nothing of it follows. So does a
    backslash, which is in no address: in a string that was pasted, `\\n` stands behind one.
    """

    def match(self, text: str):
        found, start = [], 0
        while start < len(text):
            end = _end(text, start)
            for match in super().match(text[start:end]) or ():
                _trim(match)
                match.index += start
                match.last_index += start
                found.append(match)
            start = end + 1
        return found or None

    def match_at_start(self, text: str):
        match = super().match_at_start(text[: _end(text, 0)])
        if match is not None:
            _trim(match)
        return match


def make_finder() -> Finder:
    """Of whole addresses, of the web and of mail."""
    finder = Finder()
    finder.set({"fuzzy_link": False, "fuzzy_email": False, "fuzzy_ip": False})
    finder.add("ftp:", None).add("//", None)
    return finder


def _end(text: str, start: int) -> int:
    """Where a link that begins here ends at the latest."""
    for found in _MAY_END.finditer(text, start):
        if _ends_links(found[0]) and not _is_apostrophe(text, found.start()):
            return found.start()
    return len(text)


@lru_cache(maxsize=10_000)
def _ends_links(char: str) -> bool:
    kind = unicodedata.category(char)
    return char == "\\" or kind in ("Ps", "Pe", "Pi", "Pf") or kind[0] in "PS" and is_cjk(char)


def _is_apostrophe(text: str, at: int) -> bool:
    before, after = text[at - 1 : at], text[at + 1 : at + 2]
    return text[at] == "\u2019" and before.isalpha() and after.isalpha() and not is_cjk(after)


def _trim(match) -> None:
    url = match.url
    while url and not url[-1].isascii() and unicodedata.category(url[-1])[0] == "P":
        url = url[:-1]
    cut = len(match.url) - len(url)
    if cut:
        match.url, match.text, match.raw = url, match.text[:-cut], match.raw[:-cut]
        match.last_index -= cut
