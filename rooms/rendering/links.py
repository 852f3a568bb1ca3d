"""Where a link may lead, and what a reader is told about it."""

from __future__ import annotations

import re
from html import escape
from urllib.parse import urlsplit

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
