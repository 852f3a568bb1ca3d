"""Who is asking, and as which member of a room. Nothing of a room is readable without being one.

A visitor is a signed-in user, a guest session (a random key in Django's session), or a program with a member's bearer
token. The holder of a read-only link is not a member: it reads one room by the link's id and never learns the room's,
which would let it join. Sockets are checked with read-only look-ups: `channels.auth` would end the session after a
rotation of SECRET_KEY.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from typing import NamedTuple

from django.conf import settings
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_noop

from .. import addresses
from ..errors import AccountsOnly, NotAllowed
from ..limits import limits
from ..models import Link, Member, Token
from ..text import new_secret
from .sessions import BROWSER_COOKIE, GUEST_KEY, become_guest, browser_of, keep_link, keep_name, renew
from .visitors import (
    Visitor,
    bearer_digest,
    digest_of,
    visitor_of_request,
    visitor_of_session,
    visitors_of_sessions,
)

__all__ = [
    "BROWSER_COOKIE",
    "GUEST_KEY",
    "Grant",
    "Visitor",
    "admit",
    "admit_reader",
    "bearer_digest",
    "browser_of",
    "digest_of",
    "ensure_guest",
    "keep_name",
    "link_of",
    "live_links",
    "may_come_in",
    "member_of",
    "memberships",
    "new_link_token",
    "new_token",
    "renew",
    "rooms_of_guest",
    "show_token",
    "recheck",
    "visitor_of_request",
    "visitor_of_session",
]

ACCOUNTS_ONLY = gettext_noop("Only people who are signed in may make or join rooms here.")

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


class Grant(NamedTuple):
    """The right by which a socket listens, to be checked again while it does."""

    visitor: Visitor
    member: str = ""
    link: str = ""  # instead of a member


def ensure_guest(request: HttpRequest) -> Visitor:
    """The visitor; one without an account gets a guest session here. Only ever called for a POST.

    A program with a token stays what the token says; one that nobody has made is refused before it costs anything.
    """
    bearer = bearer_digest(request.headers.get("Authorization", ""))
    if bearer is not None:
        if not Token.objects.filter(digest=bearer).exists():
            raise NotAllowed("This token is not known.")
        return Visitor(token=bearer)
    if not may_come_in(request):
        raise AccountsOnly(ACCOUNTS_ONLY)
    if not request.user.is_authenticated and GUEST_KEY not in request.session:
        limits.spend("CHATLAB_RATE_GUESTS", addresses.of_request(request), "new guests")
        become_guest(request)
    return visitor_of_request(request)


def may_come_in(request: HttpRequest) -> bool:
    """Make rooms, and join others'."""
    return settings.CHATLAB_GUESTS or request.user.is_authenticated


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


def rooms_of_guest(guest: str) -> list[str]:
    return list(Member.objects.filter(guest=guest).values_list("room_id", flat=True))


def member_of(visitor: Visitor, room_id: str) -> Member | None:
    """The member that this visitor is in a room; the account goes before the guest session it had earlier."""
    if not visitor.known:
        return None
    if visitor.token:
        found = Member.objects.raw(_MEMBER_BY_TOKEN, [room_id, visitor.token])
    else:
        found = Member.objects.raw(_MEMBER, [room_id, visitor.user_id, visitor.guest])
    return next(iter(found), None)


def was_removed(visitor: Visitor, room_id: str) -> bool:
    """Whether somebody has sent this visitor away from a room: the account, or the guest session it had earlier."""
    who = Q(user__isnull=False, user=visitor.user_id) | Q(guest__isnull=False, guest=visitor.guest)
    return Member.objects.filter(who, room=room_id, removed=True).exists()


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
    if not live_links().filter(pk=link_id, digest=digest_of(token)).exists():
        return False
    if not request.session.session_key:
        limits.spend("CHATLAB_RATE_GUESTS", addresses.of_request(request), "new readers")
    keep_link(request, link_id)
    return True


def recheck(grants: Iterable[Grant]) -> dict[Grant, str]:
    """What has become of listening sockets' grants: `member` (or reader), `signed_out` or `not_a_member`.

    Sessions and members are read in bulk: a thousand guests cost two queries and some decoding, not two thousand
    queries.
    """
    grants = list(grants)
    visitors = visitors_of_sessions({grant.visitor.session_key for grant in grants if grant.visitor.session_key})
    digests = dict(
        live_links().filter(pk__in={grant.link for grant in grants if grant.link}).values_list("pk", "digest")
    )
    rows = Member.objects.filter(pk__in={grant.member for grant in grants}).exclude(role=Member.Role.LEFT)
    owners = {pk: (user, guest) for pk, user, guest in rows.values_list("pk", "user_id", "guest")}
    tokens = {grant.visitor.token for grant in grants if grant.visitor.token}
    owners_of_tokens = set(Token.objects.filter(digest__in=tokens).values_list("digest", "member_id"))
    found = {}
    for grant in grants:
        if grant.link:
            found[grant] = "member" if _may_still_read(grant, digests, visitors) else "not_a_member"
            continue
        if grant.visitor.token:
            holds = grant.member in owners and (grant.visitor.token, grant.member) in owners_of_tokens
            found[grant] = "member" if holds else "not_a_member"
            continue
        now = visitors.get(grant.visitor.session_key, Visitor())
        user, guest = owners.get(grant.member, (None, None))
        if not now.known:
            found[grant] = "signed_out"
        else:
            same = (user and user == now.user_id) or (guest and guest == now.guest)
            found[grant] = "member" if same else "not_a_member"
    return found


def _may_still_read(grant: Grant, digests: dict[str, str], visitors: dict[str, Visitor]) -> bool:
    """`digests`: of the links that hold. One that was revoked, or has expired, is not among them."""
    if grant.link not in digests:
        return False
    if grant.visitor.token:
        return grant.visitor.token == digests[grant.link]
    return grant.link in visitors.get(grant.visitor.session_key, Visitor()).links


def new_token(member: Member) -> str:
    """A bearer token for a program. It is shown once; only its SHA-256 is kept."""
    token = new_secret()
    Token.objects.create(member=member, digest=digest_of(token))
    return token


def new_link_token() -> tuple[str, str]:
    """(token, its digest) of a read-only link."""
    token = secrets.token_urlsafe(24)
    return token, digest_of(token)
