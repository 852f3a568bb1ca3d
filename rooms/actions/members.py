"""Verbs on members: leave, send somebody away, let them back. A room that has people in it has an owner."""

from __future__ import annotations

from ..errors import Conflict, NotFound
from ..log import Change, Transaction
from ..models import Link, Member, Token
from .rooms import people_of, require_member, require_owner, tell


def leave(member_id: str, room_id: str) -> Change:
    """One is no member any more. What one said stays, and what one asked for goes on."""

    def apply(log: Transaction) -> None:
        _end(log, require_member(log, member_id, room_id), removed=False)

    return Change(room_id, apply, member=member_id)


def remove(member_id: str | None, room_id: str, other_id: str) -> Change:
    """The owner sends somebody away, who then can't come back by themselves; or staff does (None), also an owner."""

    def apply(log: Transaction) -> None:
        require_owner(log, member_id, room_id)
        other = _named(log, room_id, other_id)
        if member_id is not None and other.role == Member.Role.OWNER:
            raise Conflict("Whoever owns the room can't be removed. They can leave it.")
        if not other.removed:
            _end(log, other, removed=True)

    return Change(room_id, apply, member=member_id)


def readmit(member_id: str | None, room_id: str, other_id: str) -> Change:
    """Somebody who was removed may come in again, by the room's link as everybody."""

    def apply(log: Transaction) -> None:
        require_owner(log, member_id, room_id)
        other = _named(log, room_id, other_id)
        if other.removed:
            other.removed = False
            _store(log, other)

    return Change(room_id, apply, member=member_id)


def heir_of(room_id: str, leaving: str) -> Member | None:
    """Who owns the room once this member has left: the one who has been in it for longest, unless it has an owner."""
    others = people_of(room_id).exclude(pk=leaving)
    if others.filter(role=Member.Role.OWNER).exists():
        return None
    return others.order_by("joined_at", "pk").first()


def _named(log: Transaction, room_id: str, member_id: str) -> Member:
    member = log.gathered.member(room_id, member_id)
    if member is None:
        raise NotFound("There is no such member in this room.")
    return member


def _end(log: Transaction, member: Member, *, removed: bool) -> None:
    """Nothing that a member has may outlive the membership: programs that speak for it, and the right to rule the room.
    Read-only links are the room's. They end with its last member, because then nobody could revoke them.
    """
    owned = member.role == Member.Role.OWNER
    member.role, member.removed = Member.Role.LEFT, removed
    _store(log, member)
    Token.objects.filter(member=member.pk).delete()
    if owned and (heir := heir_of(member.room_id, member.pk)) is not None:
        heir = _named(log, member.room_id, heir.pk)
        heir.role = Member.Role.OWNER
        _store(log, heir)
    if not people_of(member.room_id).exists():
        Link.objects.filter(room=member.room_id).delete()


def _store(log: Transaction, member: Member) -> None:
    tell(log, member)
    member.save(update_fields=["role", "removed"])
