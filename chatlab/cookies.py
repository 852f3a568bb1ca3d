"""The names of our cookies in the browser. It keeps cookies by host and not by port, so every site on localhost gets
those of all others: whatever they call theirs, ours are ours, and theirs are neither read nor changed.

Inside, each cookie has the name that the settings give it; outside, on a development machine, the port is added, and
where the site is all of a host and reached by https, `__Host-`: browsers take such a cookie by https from the very host
alone, so neither a neighbour below the same domain nor whoever is on the line can give somebody theirs.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse, parse_cookie

_NAME = re.compile(r"(__Host-)?(chatlab_\w+?)(?:_(\d{2,5}))?\Z")
_OF_SCRIPT = "chatlab_theme"  # written by it, too (static/rooms/theme.js), and worth nothing to anybody
# Django's names, as these cookies were called before. A session is taken over by the first page (its renewal gives it
# the new name); a token is read from there as long as programs send it.
_BEFORE = {"sessionid": settings.SESSION_COOKIE_NAME, "csrftoken": settings.CSRF_COOKIE_NAME}
CSRF_TOKEN = "csrftoken"  # docs/protocol.md: what programs read


class OwnCookies:
    """Django middleware, outermost of those that read or set cookies."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]):
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        port = _port(request.META.get("HTTP_HOST", ""))
        request.sent_cookies = request.COOKIES
        request.COOKIES = _own(request.META.get("HTTP_COOKIE", ""), port)
        request.cookie_suffix = f"_{port}" if port else ""
        response = self.get_response(request)
        is_program = "Mozilla/" not in request.META.get("HTTP_USER_AGENT", "")
        for name, morsel in list(response.cookies.items()):
            del response.cookies[name]
            outside = name + request.cookie_suffix
            if name != _OF_SCRIPT and settings.CHATLAB_HOST_COOKIES:
                if outside in request.sent_cookies:
                    response.delete_cookie(outside, path="/")  # of before
                outside = f"__Host-{outside}"
                morsel["secure"] = True  # Django deletes without
            _set(response, outside, morsel)
            if is_program and name == settings.CSRF_COOKIE_NAME:
                _set(response, CSRF_TOKEN, morsel.copy())
        return response


class OwnSocketCookies:
    """The same for sockets, which only read them: `scope["cookies"]`."""

    def __init__(self, application: Callable):
        self.application = application

    async def __call__(self, scope: dict, receive: Callable, send: Callable) -> None:
        found = {b"host": [], b"cookie": []}
        for name, value in scope["headers"]:
            found.get(name, []).append(value.decode("latin-1"))
        cookies = _own("; ".join(found[b"cookie"]), _port("".join(found[b"host"])))
        await self.application({**scope, "cookies": cookies}, receive, send)


def _port(host: str) -> str:
    """As the browser says it: only what the browser says is the same for all requests of a site, proxy or not."""
    port = host.rpartition(":")[2] if settings.CHATLAB_COOKIE_PORT else ""
    return port if port.isascii() and port.isdigit() and 2 <= len(port) <= 5 else ""


def _own(header: str, port: str) -> dict[str, str]:
    """In the order of the header. Of two with one name the first holds: it is from further down in the host's paths.
    One that can only be ours goes before one of the time before the site was reached by https.
    """
    only_ours, own, before = {}, {}, {}
    for part in header.split(";"):
        for name, value in parse_cookie(part).items():
            match = _NAME.match(name)
            if match and (match[3] or "") == port:
                (only_ours if match[1] else own).setdefault(match[2], value)
            elif name in _BEFORE:
                before.setdefault(_BEFORE[name], value)
    return before | own | only_ours


def _set(response: HttpResponse, name: str, morsel) -> None:
    morsel.set(name, morsel.value, morsel.coded_value)
    response.cookies[name] = morsel
