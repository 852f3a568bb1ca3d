"""Which pages may open a socket, or send a form: our own.

A browser sends cookies with a socket of any page, and no CSRF token can be asked for: the origin is checked outermost,
before any look-up. Channels' own AllowedHostsOriginValidator compares host names only: another port or scheme of the
same host would pass.
"""

from __future__ import annotations

import logging
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest
from django.http.request import split_domain_port, validate_host

logger = logging.getLogger(__name__)

_PORTS = {"http": 80, "https": 443}


class SameOrigin:
    """ASGI middleware for sockets: a cookie with a foreign, broken or missing Origin is answered with HTTP 403."""

    def __init__(self, application):
        self.application = application

    async def __call__(self, scope, receive, send):
        if refusal := _refusal(scope["headers"]):
            logger.info("socket refused: %s", refusal)
            await receive()
            await send({"type": "websocket.close"})
            return None
        return await self.application(scope, receive, send)


def is_own_page(request: HttpRequest) -> bool:
    """Whether the browser itself says that a page of this very origin has sent this. A script can set neither header.

    `Sec-Fetch-Site` holds whatever a proxy does to scheme and port; browsers send it to https and localhost only, and
    `Origin` with every POST.
    """
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site == "same-origin"
    origin = request.headers.get("Origin")
    return origin is not None and _same(origin.lower(), request.get_host().lower())


def _refusal(headers: list[tuple[bytes, bytes]]) -> str | None:
    found: dict[bytes, list[bytes]] = {}
    for name, value in headers:
        found.setdefault(name.lower(), []).append(value)
    host = found.get(b"host", [b""])[0].decode("latin-1").lower()
    allowed = settings.ALLOWED_HOSTS or ([".localhost", "127.0.0.1", "[::1]"] if settings.DEBUG else [])
    if not validate_host(split_domain_port(host)[0], allowed):
        return f"the host {host!r} is not one of ALLOWED_HOSTS"
    if b"cookie" not in found:
        return None
    origins = found.get(b"origin", [])
    if len(origins) != 1 or not _same(origins[0].decode("latin-1").lower(), host):
        return f"the origin {origins!r} is not that of the host {host!r}"
    return None


def _same(origin: str, host: str) -> bool:
    if origin in map(str.lower, settings.CSRF_TRUSTED_ORIGINS):
        return True
    try:
        parts = urlsplit(origin)
        here = urlsplit(f"//{host}")
        if settings.HTTPS and parts.scheme != "https":
            return False
        if parts.scheme not in _PORTS or parts.path or parts.query or parts.fragment or "@" in parts.netloc:
            return False
        default = _PORTS[parts.scheme]
        return bool(parts.hostname) and (parts.hostname, parts.port or default) == (here.hostname, here.port or default)
    except ValueError:
        return False
