"""Who is asking, and as which member of a room. Nothing of a room is readable without being one.

A visitor is a signed-in user, a guest session (a random key in Django's session), or a program with a member's bearer
token. The holder of a read-only link is not a member: it reads one room by the link's id and never learns the room's,
which would let it join. Sockets are checked with read-only look-ups: `channels.auth` would end the session after a
rotation of SECRET_KEY.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import import_module
from types import SimpleNamespace
from typing import NamedTuple

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, get_user
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone

from ..errors import NotAllowed
from ..limits import limits
from ..models import Link, Member, Token
from ..text import new_secret
from .sessions import BROWSER_COOKIE, GUEST_KEY, NAME_KEY, become_guest, browser_of, keep_link, keep_name, links_of

__all__ = [
    "BROWSER_COOKIE",
    "GUEST_KEY",
    "Seat",
    "Visitor",
    "admit",
    "admit_reader",
    "bearer_digest",
    "browser_of",
    "ensure_guest",
    "keep_name",
    "link_of",
    "live_links",
    "member_of",
    "memberships",
    "new_link_token",
    "new_token",
    "show_token",
    "still_there",
    "visitor_of_request",
    "visitor_of_session",
]

# By hand: every socket and request asks this, and the ORM takes longer to build the query than the database to answer
# it.
_MEMBER = """
    SELECT * FROM rooms_member WHERE room_id = %s AND role <> 'left' AND (user_id = %s OR guest = %s)
    ORDER BY user_id IS NULL LIMIT 1
"""
_MEMBER_BY_TOKEN = """
    SELECT member.* FROM rooms_member member JOIN rooms_token token ON token.member_id = member.id
    WHERE member.room_id = %s AND member.role <> 'left' AND token.digest = %s
"""


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


class Seat(NamedTuple):
    """A listening socket, for the question whether it may go on listening."""

    visitor: Visitor
    member: str = ""
    link: str = ""  # instead of a member


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
    return _visitors_of_sessions({session_key}).get(session_key) or Visitor(session_key=session_key)


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


def ensure_guest(request: HttpRequest) -> Visitor:
    """The visitor; one without an account gets a guest session here. Only ever called for a POST.

    A program with a token stays what the token says; one that nobody has made is refused before it costs anything.
    """
    bearer = bearer_digest(request.headers.get("Authorization", ""))
    if bearer is not None:
        if not Token.objects.filter(digest=bearer).exists():
            raise NotAllowed("This token is not known.")
        return Visitor(token=bearer)
    if not request.user.is_authenticated and GUEST_KEY not in request.session:
        limits.spend("CHATLAB_RATE_GUESTS", request.META.get("REMOTE_ADDR", ""), "new guests")
        become_guest(request)
    return visitor_of_request(request)


def memberships(visitor: Visitor) -> Q:
    """The members that a visitor is, in any room."""
    if visitor.token:
        return Q(tokens__digest=visitor.token) & ~Q(role=Member.Role.LEFT)
    who = Q(pk__in=[])
    if visitor.user_id:
        who |= Q(user=visitor.user_id)
    if visitor.guest:
        who |= Q(guest=visitor.guest)
    return who & ~Q(role=Member.Role.LEFT)


def member_of(visitor: Visitor, room_id: str) -> Member | None:
    """The member that this visitor is in a room; the account goes before the guest session it had earlier."""
    if not visitor.known:
        return None
    if visitor.token:
        found = Member.objects.raw(_MEMBER_BY_TOKEN, [room_id, visitor.token])
    else:
        found = Member.objects.raw(_MEMBER, [room_id, visitor.user_id, visitor.guest])
    return next(iter(found), None)


def admit(session_key: str | None, authorization: str, room_id: str) -> tuple[Visitor, Member | None]:
    """Who opens a socket, and as which member. Reads only."""
    visitor = _visitor_of_socket(session_key, authorization)
    return visitor, member_of(visitor, room_id)


def admit_reader(session_key: str | None, authorization: str, link_id: str) -> tuple[Visitor, Link | None]:
    """The same for the socket of a read-only link."""
    visitor = _visitor_of_socket(session_key, authorization)
    return visitor, link_of(visitor, link_id)


def _visitor_of_socket(session_key: str | None, authorization: str) -> Visitor:
    bearer = bearer_digest(authorization)  # any other kind of Authorization is between the browser and a proxy
    return Visitor(token=bearer) if bearer else visitor_of_session(session_key)


def live_links() -> QuerySet[Link]:
    return Link.objects.filter(Q(expires_at=None) | Q(expires_at__gt=timezone.now()))


def link_of(visitor: Visitor, link_id: str) -> Link | None:
    """The link, if it holds and this visitor has shown its token: in this session, or as a bearer token."""
    held = Q(digest=visitor.token) if visitor.token else Q(pk__in=visitor.links)
    return live_links().filter(held, pk=link_id).select_related("room").first()


def show_token(request: HttpRequest, link_id: str, token: str) -> bool:
    """Remember in the session that it has shown a link's token. Only ever called for a POST."""
    if not live_links().filter(pk=link_id, digest=_sha256(token)).exists():
        return False
    keep_link(request, link_id)
    return True


def still_there(seats: Iterable[Seat]) -> dict[Seat, str]:
    """What has become of listening sockets' seats: `member` (or reader), `signed_out` or `not_a_member`.

    Sessions and members are read in bulk: a thousand guests cost two queries and some decoding, not two thousand
    queries.
    """
    seats = list(seats)
    visitors = _visitors_of_sessions({seat.visitor.session_key for seat in seats if seat.visitor.session_key})
    digests = dict(live_links().filter(pk__in={seat.link for seat in seats if seat.link}).values_list("pk", "digest"))
    rows = Member.objects.filter(pk__in={seat.member for seat in seats}).exclude(role=Member.Role.LEFT)
    owners = {pk: (user, guest) for pk, user, guest in rows.values_list("pk", "user_id", "guest")}
    tokens = {seat.visitor.token for seat in seats if seat.visitor.token}
    owners_of_tokens = set(Token.objects.filter(digest__in=tokens).values_list("digest", "member_id"))
    found = {}
    for seat in seats:
        if seat.link:
            found[seat] = "member" if _may_still_read(seat, digests, visitors) else "not_a_member"
            continue
        if seat.visitor.token:
            holds = seat.member in owners and (seat.visitor.token, seat.member) in owners_of_tokens
            found[seat] = "member" if holds else "not_a_member"
            continue
        now = visitors.get(seat.visitor.session_key, Visitor())
        user, guest = owners.get(seat.member, (None, None))
        if not now.known:
            found[seat] = "signed_out"
        else:
            same = (user and user == now.user_id) or (guest and guest == now.guest)
            found[seat] = "member" if same else "not_a_member"
    return found


def _may_still_read(seat: Seat, digests: dict[str, str], visitors: dict[str, Visitor]) -> bool:
    """`digests`: of the links that hold. One that was revoked, or has expired, is not among them."""
    if seat.link not in digests:
        return False
    if seat.visitor.token:
        return seat.visitor.token == digests[seat.link]
    return seat.link in visitors.get(seat.visitor.session_key, Visitor()).links


def _visitors_of_sessions(keys: set[str]) -> dict[str, Visitor]:
    """`visitor_of_session` for many; where sessions are not in the database, one by one."""
    store = import_module(settings.SESSION_ENGINE).SessionStore
    if not hasattr(store, "get_model_class"):
        return {key: _visitor_of_stored(key, store(key).load()) for key in keys}
    possible = [key for key in keys if store(key).session_key]  # the store drops a key that it cannot have made
    rows = store.get_model_class().objects.filter(session_key__in=possible, expire_date__gt=timezone.now())
    stored = rows.values_list("session_key", "session_data")
    return {key: _visitor_of_stored(key, store().decode(data)) for key, data in stored}


def new_token(member: Member) -> str:
    """A bearer token for a program. It is shown once; only its SHA-256 is kept."""
    token = new_secret()
    Token.objects.create(member=member, digest=_sha256(token))
    return token


def new_link_token() -> tuple[str, str]:
    """(token, its digest) of a read-only link."""
    token = secrets.token_urlsafe(24)
    return token, _sha256(token)


def bearer_digest(authorization: str) -> str | None:
    scheme, _, token = authorization.partition(" ")
    return _sha256(token.strip()) if scheme.lower() == "bearer" and token.strip() else None


def _sha256(text: str) -> str:
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
