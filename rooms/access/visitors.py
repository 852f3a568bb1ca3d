"""Who is asking: a signed-in user, a guest session, or a program with a member's bearer token."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from types import SimpleNamespace

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, get_user
from django.http import HttpRequest
from django.utils import timezone

from .sessions import GUEST_KEY, NAME_KEY, links_of


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody who asks: at most one of user and guest counts for joining, both count for being a member already."""

    user_id: int | None = None
    guest: str | None = None
    token: str | None = None  # SHA-256 of a bearer token
    session_key: str | None = None
    links: frozenset[str] = frozenset()  # read-only links whose token this session has shown
    called: str = ""  # the name that they gave themselves last, for rooms to come

    @property
    def known(self) -> bool:
        return bool(self.user_id or self.guest or self.token)

    @property
    def name(self) -> str:
        """Whose limits this visitor uses up."""
        for kind, key in (("user", self.user_id), ("guest", self.guest), ("token", self.token)):
            if key:
                return f"{kind} {key}"
        return f"session {self.session_key}"


def visitor_of_request(request: HttpRequest) -> Visitor:
    bearer = bearer_digest(request.headers.get("Authorization", ""))
    if bearer:
        return Visitor(token=bearer)
    user_id = request.user.pk if request.user.is_authenticated else None
    return _visitor(request.session.session_key, request.session, user_id)


def visitor_of_session(session_key: str | None) -> Visitor:
    """For sockets: like the middleware of HTTP requests, but it never writes to the session."""
    if not session_key:
        return Visitor()
    return visitors_of_sessions({session_key}).get(session_key) or Visitor(session_key=session_key)


def _visitor(session_key: str | None, stored: Mapping, user_id: int | None) -> Visitor:
    return Visitor(
        user_id,
        stored.get(GUEST_KEY),
        session_key=session_key,
        links=links_of(stored.items()),
        called=stored.get(NAME_KEY, ""),
    )


def _visitor_of_stored(session_key: str, stored: dict) -> Visitor:
    user_id = None
    if SESSION_KEY in stored:
        user = get_user(SimpleNamespace(session=_ReadOnlySession(stored)))
        user_id = user.pk if user.is_authenticated else None
    return _visitor(session_key, stored, user_id)


def visitors_of_sessions(keys: set[str]) -> dict[str, Visitor]:
    """`visitor_of_session` for many; where sessions are not in the database, one by one."""
    store = import_module(settings.SESSION_ENGINE).SessionStore
    if not hasattr(store, "get_model_class"):
        return {key: _visitor_of_stored(key, store(key).load()) for key in keys}
    possible = [key for key in keys if store(key).session_key]  # the store drops a key that it cannot have made
    rows = store.get_model_class().objects.filter(session_key__in=possible, expire_date__gt=timezone.now())
    stored = rows.values_list("session_key", "session_data")
    return {key: _visitor_of_stored(key, store().decode(data)) for key, data in stored}


def bearer_digest(authorization: str) -> str | None:
    scheme, _, token = authorization.partition(" ")
    return digest_of(token.strip()) if scheme.lower() == "bearer" and token.strip() else None


def digest_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


class _ReadOnlySession(dict):
    """What `get_user` needs of a session; where it would end or renew one, this does nothing."""

    def __init__(self, stored: dict):
        super().__init__(
            {key: stored[key] for key in (SESSION_KEY, BACKEND_SESSION_KEY, HASH_SESSION_KEY) if key in stored}
        )

    def flush(self) -> None:
        self.clear()

    def cycle_key(self) -> None:
        pass
