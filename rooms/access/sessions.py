"""What a session keeps, and how a browser comes to have one: the same one in all its tabs.

Two requests of a browser may be under way at once, and each answer may set cookies over those of the other. So nothing
here is drawn at random where two requests could draw differently, and each thing that is kept has a key of its own.
"""

from __future__ import annotations

import time
from collections.abc import Iterable

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.base import SessionBase, UpdateError
from django.http import HttpRequest
from django.utils import timezone
from django.utils.crypto import salted_hmac

from ..errors import Conflict

GUEST_KEY = "guest"
NAME_KEY = "name"  # which they gave themselves last
LINK_KEY = "link "  # and its id: when its token was shown. One key for each, so that two tabs can show two at once
DAY_KEY = "day"  # of its last renewal
LINKS_KEPT = 50  # read-only links that a session remembers

BROWSER_COOKIE = "chatlab_browser_"  # and some random digits; see `browser_of`
YEAR = 365 * 86_400  # how long a guest's session is kept without being used; it is all that they have
CHANGED = "Your session has ended or changed meanwhile. Load the page again."


def browser_of(request: HttpRequest) -> str | None:
    """What tells requests of one browser from those of others before it has a session.

    Two tabs that are opened at once are both answered before either has joined, and the answers overwrite each other's
    cookies. So a page gives a browser without a session a cookie under a name of its own, which overwrites none; and
    whatever is sent later has all of them, the one that came first in front (RFC 6265, 5.4).
    """
    return next((value for name, value in request.COOKIES.items() if name.startswith(BROWSER_COOKIE)), None)


def become_guest(request: HttpRequest) -> None:
    """Computed, not drawn: two requests of one session that both make it a guest make it the same one."""
    session = request.session
    _begin(request)
    session.setdefault(GUEST_KEY, _derived("chatlab.guest", session.session_key))
    try:
        session.save()
    except UpdateError as error:
        raise Conflict(CHANGED) from error


def renew(session: SessionBase, *, anew: bool = False) -> None:
    """Once a day: a session, and its cookie, live for as long as they are used and some time longer."""
    today = timezone.now().date().isoformat()
    if session.get(DAY_KEY) != today or anew:
        session[DAY_KEY] = today
        session.set_expiry(YEAR if GUEST_KEY in session and SESSION_KEY not in session else None)


def keep_name(request: HttpRequest, name: str) -> None:
    """For the next rooms."""
    request.session[NAME_KEY] = name


def keep_link(request: HttpRequest, link_id: str) -> None:
    """That the token of a read-only link was shown."""
    session = request.session
    if link_id in links_of(session.items()):
        return
    _begin(request)
    session[LINK_KEY + link_id] = time.time()
    shown = sorted((at, key) for key, at in session.items() if key.startswith(LINK_KEY))
    for _, key in shown[:-LINKS_KEPT]:
        del session[key]


def links_of(stored: Iterable[tuple[str, object]]) -> frozenset[str]:
    """Also of a session from when they were kept as one list."""
    links = set()
    for key, value in stored:
        if key.startswith(LINK_KEY):
            links.add(key.removeprefix(LINK_KEY))
        elif key == "links":
            links.update(value)
    return frozenset(links)


def _begin(request: HttpRequest) -> None:
    """A session for who has none: the same one for all requests that a browser sends at once.

    Only for what is no secret to a browser's other tabs. A sign-in makes a session of its own (Django's `cycle_key`),
    which no such cookie leads to.
    """
    session = request.session
    session.get(GUEST_KEY)  # a key that leads to no session is forgotten with the first look
    if session.session_key:
        return
    browser = browser_of(request)
    if browser and hasattr(session, "begin"):
        session.begin(_derived("chatlab.session", browser))
    elif not browser and request.COOKIES.get(settings.SESSION_COOKIE_NAME):
        # It ended after the page was loaded; perhaps because another tab has signed in, whose cookie must not be lost.
        raise Conflict(CHANGED)
    else:
        session.create()


def _derived(purpose: str, secret: str) -> str:
    return salted_hmac(purpose, secret, algorithm="sha256").hexdigest()[:40]
