"""Verbs on read-only links: the room's owner makes and revokes them. Nothing of it stands in the log."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from ..access import live_links, new_link_token
from ..errors import Conflict, NotFound
from ..log import Change, Transaction
from ..models import Link
from .rooms import require_owner

LINKS_MOST = 20  # of a room, that hold


@dataclass(frozen=True, slots=True)
class NewLink:
    """The token is known here, and then to nobody but who it is given to."""

    link: Link
    token: str


def create_link(member_id: str, room_id: str, lasts: timedelta | None = None) -> Change:
    """A link that whoever has it can read the room by, for so long; None: until it is revoked."""
    token, digest = new_link_token()  # made here: a commit that is tried again makes no second link

    def apply(log: Transaction) -> NewLink:
        owner = require_owner(log, member_id, room_id)
        if (before := Link.objects.filter(digest=digest).first()) is not None:
            return NewLink(before, token)
        if live_links().filter(room=room_id).count() >= LINKS_MOST:
            raise Conflict(f"This room has {LINKS_MOST} links already. Revoke one first.")
        expires_at = log.now + lasts if lasts else None
        link = Link.objects.create(room_id=room_id, member=owner, digest=digest, expires_at=expires_at)
        return NewLink(link, token)

    return Change(room_id, apply, member=member_id)


def revoke_link(member_id: str, room_id: str, link_id: str) -> Change:
    """From now on nobody is let in by it; who is reading is sent away at the next look at their rights."""

    def apply(log: Transaction) -> None:
        require_owner(log, member_id, room_id)
        if not Link.objects.filter(pk=link_id, room=room_id).delete()[0]:
            raise NotFound("There is no such link.")

    return Change(room_id, apply, member=member_id)
