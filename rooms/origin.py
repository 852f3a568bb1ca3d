"""Which pages may open a socket, or send a form: our own.

A browser sends cookies with a socket of any page, and no CSRF token can be asked for: the origin is checked outermost,
before any look-up. Channels' own AllowedHostsOriginValidator compares host names only: another port or scheme of the
same host would pass.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest
from django.http.request import split_domain_port, validate_host

from . import front

_PORTS = {"http": 80, "https": 443}
_AS_BROWSERS_WRITE_IT = re.compile(r"https?://(\[[0-9a-f:.]+\]|[^\[\]:/?#@\s]+)(:[1-9]\d{0,4})?", re.ASCII)
# Of proxies: no page can have its browser send one.
_FORWARDED = {"forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip"}


class SameOrigin:
    """ASGI middleware for sockets: a cookie with a foreign, broken or missing Origin is answered with HTTP 403."""

    def __init__(self, application):
        self.application = application

    async def __call__(self, scope, receive, send):
        if _is_refused(scope):
            await receive()
            await send({"type": "websocket.close"})
            return None
        return await self.application(scope, receive, send)


def is_own_page(request: HttpRequest) -> bool:
    """Whether the browser itself says that a page of this very origin has sent this. A script can set neither header.

    `Sec-Fetch-Site` holds whatever a proxy does to scheme and port; browsers send it to https and localhost only, and
    `Origin` with every POST.
    """
    origin, site = request.headers.get("Origin"), request.headers.get("Sec-Fetch-Site")
    if site is not None:
        own = site == "same-origin"
    else:
        own = origin is not None and foreign_to(origin, request) is None
    if own and origin and (cause := obstacle(origin, request)):  # this works all the same, other things do not
        front.note(cause, origin=origin, host=request.get_host())
    return own


def is_by_https(request: HttpRequest) -> bool:
    """Whether the browser says so, in a request that seems to have come by http: it sends `Sec-Fetch-Site` to https
    alone, and to the machine that it is on itself.
    """
    host = split_domain_port(request.get_host())[0]
    here = host in ("localhost", "[::1]") or host.endswith(".localhost") or host.startswith("127.")
    return "Sec-Fetch-Site" in request.headers and not here and not request.is_secure()


def obstacle(origin: str, request: HttpRequest) -> str | None:
    """What is between a page of this origin and here, if it is our own; None where nothing is."""
    if cause := mismatch(origin, request.get_host()):
        return cause
    if origin.lower().startswith("https:") and not request.is_secure():
        return front.SCHEME if settings.HTTPS else front.HTTPS
    return None


def obstacle_of_form(request: HttpRequest) -> str | None:
    """What a proxy has done to one that was refused; None where it was refused for what it is."""
    sent, site = request.headers.get("Origin"), request.headers.get("Sec-Fetch-Site", "same-origin")
    if site != "same-origin":
        return None  # the browser knows its page, and it is somebody else's
    if sent and sent != "null":
        return obstacle(sent, request)
    return front.PLAIN if settings.HTTPS and not request.is_secure() else None


def foreign_to(origin: str, request: HttpRequest) -> str | None:
    """`foreign`, where no more than the request itself is to go by."""
    return foreign(origin, request.get_host(), request.is_secure(), {name.lower() for name in request.headers})


def foreign(origin: str, host: str, secure: bool, headers: Iterable[str]) -> str | None:
    """Why a page of this origin is none of ours; None where it is one.

    Another scheme is another site, though it may have the same host and cookies. Only a proxy that ends TLS, of which
    the server was not told, makes of our own pages some that seem to be: that there is one, its own headers say.
    """
    if (cause := mismatch(origin, host)) or _is_trusted(origin):
        return cause
    if origin.lower().startswith("http:"):
        return front.PLAIN if secure else None
    return None if secure or settings.HTTPS or not _FORWARDED.isdisjoint(headers) else front.HTTPS


def mismatch(origin: str, host: str) -> str | None:
    """Why this is not the origin of this host's pages; None where it is."""
    origin, host = origin.lower(), host.lower()
    if _is_trusted(origin):
        return None
    if not _AS_BROWSERS_WRITE_IT.fullmatch(origin):
        return front.HOST
    try:
        parts, here = urlsplit(origin), urlsplit(f"//{host}")
        default = _PORTS[parts.scheme]
        if not parts.hostname or parts.hostname != here.hostname:
            return front.HOST
        if (parts.port or default) != (here.port or default):
            return front.HOST if here.port else front.PORT
    except ValueError:
        return front.HOST
    return front.PLAIN if settings.HTTPS and parts.scheme != "https" else None


def _is_trusted(origin: str) -> bool:
    return origin.lower() in map(str.lower, settings.CSRF_TRUSTED_ORIGINS)


def _is_refused(scope: dict) -> bool:
    found: dict[bytes, list[bytes]] = {}
    for name, value in scope["headers"]:
        found.setdefault(name.lower(), []).append(value)
    host = found.get(b"host", [b""])[0].decode("latin-1").lower()
    allowed = settings.ALLOWED_HOSTS or ([".localhost", "127.0.0.1", "[::1]"] if settings.DEBUG else [])
    if not validate_host(split_domain_port(host)[0], allowed):
        front.note(front.NAME, host=host)
        return True
    origins = [origin.decode("latin-1") for origin in found.get(b"origin", [])]
    if b"cookie" not in found:
        if len(origins) == 1 and b"authorization" not in found and mismatch(origins[0], host) is None:
            front.note(front.COOKIE, origin=origins[0], host=host)
        return False
    secure, names = scope.get("scheme") == "wss", {name.decode("latin-1") for name in found}
    cause = foreign(origins[0], host, secure, names) if len(origins) == 1 else front.ORIGIN
    if cause is None:
        if not scope.get("subprotocols"):
            front.note(front.PROTOCOL, host=host)
        elif not settings.HTTPS and origins[0].lower().startswith("https:"):
            front.note(front.HTTPS, origin=origins[0], host=host)
        return False
    front.note(cause, origin=", ".join(origins), host=host)
    return True
