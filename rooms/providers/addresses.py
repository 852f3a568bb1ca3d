"""What is wrong with the address of a model provider, by its looks alone. Pure."""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import urlsplit

# What a request adds to the address, and where other APIs of the same servers are.
_TOO_MUCH = re.compile(
    r"/(chat/completions|completions|responses|embeddings|v1/(models|messages|chat|v1)|api/(chat|generate|tags))/*$",
    re.IGNORECASE,
)
_SCHEME = re.compile(r"https?://", re.IGNORECASE)
_SCHEME_OF_A_KIND = re.compile(r"\A(?:(https?|ftp|wss?)?:?/+|https?:)", re.IGNORECASE)
_NEAR = re.compile(r"localhost\b|[\d.]+(:|/|$)|\[|[^./]+(:|/|$)")  # this machine, a number, a name without a dot
_EXAMPLE = "http://localhost:11434/v1"


class Fault(NamedTuple):
    """`what` it does, and how it would be `better`."""

    what: str
    better: str
    certain: bool = True  # else there are servers for which it is right


def fault_of(url: str) -> Fault | None:
    """`url` is what OPENAI_BASE_URL says; empty, it is OpenAI's own."""
    if not url:
        return None
    bare = re.sub(r"[\s\"']", "", url)
    if bare != url:
        return Fault("has blanks or quotes in it", _mended(bare))
    if not _SCHEME.match(url):
        return Fault("does not begin with http:// or https://", _mended(url))
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        return Fault(f"can't be read ({error})", _EXAMPLE)
    if not host:
        return Fault("has no host", _EXAMPLE)
    if parts.query or parts.fragment:
        return Fault("goes on behind its path", _mended(re.split("[?#]", url)[0]))
    if _TOO_MUCH.search(parts.path):
        return Fault("leads past the place where the API begins", _mended(url))
    if parts.path.strip("/") in ("", "api"):
        return Fault("does not lead to /v1, where most servers have their API", _mended(url), certain=False)
    return None


def _mended(url: str) -> str:
    """As it is probably meant."""
    if not _SCHEME.match(url):
        url = _SCHEME_OF_A_KIND.sub("", url)
        scheme = "http" if _NEAR.match(url) else "https"
        url = f"{scheme}://{url}"
    while _TOO_MUCH.search(url):
        url = _TOO_MUCH.sub("", url)
    url = url.rstrip("/")
    return f"{url}/v1" if url.count("/") == 2 or url.endswith("/api") else url
