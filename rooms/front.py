"""What stands between browsers and this process, where it is in the way.

A proxy that is set up for pages alone breaks sockets, forms and redirects, each far from its cause: a page says
"Offline", a form "too old". Here each cause has its name, a sentence for whoever looks at the page, and what mends it,
for the log; there once a minute at most.
"""

from __future__ import annotations

import logging
import time
from typing import NamedTuple

from .seldom import Seldom

logger = logging.getLogger(__name__)

RECENT = 60.0  # seconds that a cause which was seen explains what happens to somebody else


class Cause(NamedTuple):
    sentence: str
    remedy: str


UPGRADE, ORIGIN, PROTOCOL, COOKIE = "upgrade", "origin", "protocol", "cookie"
PORT, HOST, HTTPS, SCHEME, PLAIN, NAME = "port", "host", "https", "scheme", "plain", "name"
ADDRESS = "address"

CAUSES = {
    UPGRADE: Cause(
        "The server answers, but WebSockets do not get through: the proxy in front of it must pass Upgrade on.",
        'nginx: proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade";',
    ),
    ORIGIN: Cause(
        "The server answers, but the proxy in front of it takes Origin away from WebSockets.",
        "let the proxy pass Origin on as it is",
    ),
    PROTOCOL: Cause(
        "The server answers, but the proxy in front of it takes Sec-WebSocket-Protocol away from WebSockets.",
        "let the proxy pass Sec-WebSocket-Protocol on as it is",
    ),
    COOKIE: Cause(
        "The server answers, but the proxy in front of it takes Cookie away from WebSockets.",
        "let the proxy pass Cookie on as it is",
    ),
    PORT: Cause(
        "The server is told your address without its port: the proxy in front of it must pass Host on as it is.",
        "nginx: proxy_set_header Host $http_host;   ($host has no port)",
    ),
    HOST: Cause(
        "The server is told another address than yours: the proxy in front of it must pass Host on.",
        "nginx: proxy_set_header Host $http_host;   Apache: ProxyPreserveHost On   where it can't: "
        "export CSRF_TRUSTED_ORIGINS=<the address of the page>   (a page of somebody else is refused as well)",
    ),
    HTTPS: Cause(
        "You came by https, and the server was not told that it is reached so: it needs HTTPS=on.",
        "export HTTPS=on   and let the proxy say so, nginx: proxy_set_header X-Forwarded-Proto $scheme;",
    ),
    SCHEME: Cause(
        "You came by https, and the proxy in front of the server does not say so: it must set X-Forwarded-Proto.",
        "nginx: proxy_set_header X-Forwarded-Proto $scheme;   behind another proxy: $http_x_forwarded_proto   "
        "without any: unset HTTPS",
    ),
    PLAIN: Cause(
        "This site is reached by https, and you came by http.",
        "HTTPS=on: cookies and sockets go by https alone. Without it: unset HTTPS",
    ),
    NAME: Cause(
        "This server does not know the name by which you called it.",
        "export ALLOWED_HOSTS=<the names in your address bar>",
    ),
    ADDRESS: Cause(
        "The proxy in front of the server names its visitors, and is not believed: to limits all of them are one.",
        "export CHATLAB_TRUSTED_PROXIES=<the proxy's address, which is the peer>",
    ),
}

_seldom = Seldom()
_seen: dict[str, float] = {}


def note(cause: str, **seen: object) -> None:
    """It happened. `seen` is what a client has sent, and not to be trusted with the log's lines."""
    _seen[cause] = time.monotonic()
    if _seldom(cause):
        sentence, remedy = CAUSES[cause]
        facts = ", ".join(f"{name} {str(value)[:100]!r}" for name, value in seen.items())
        logger.warning("%s %s (%s; docs/operating.md)", sentence, remedy, facts)


def seen_lately(*causes: str) -> str | None:
    """Which of these this process has met last, within a minute."""
    met = {cause: _seen[cause] for cause in causes if cause in _seen and time.monotonic() - _seen[cause] < RECENT}
    return max(met, key=met.get, default=None)
