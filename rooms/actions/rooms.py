"""Verbs on rooms and members."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth import get_user_model
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from .. import frames, providers
from ..access import Visitor, member_of, was_removed
from ..errors import Conflict, NotAllowed, NotFound
from ..frames import Cursor
from ..log import PRUNED_AT_ONCE, Change, Transaction, Tree, prunable, raise_floor
from ..models import Member, Message, Room


@dataclass(frozen=True, slots=True)
class Joined:
    """Who came in, where, and the cursor right after it."""

    member: Member
    room: Room
    cursor: Cursor


def create_room(visitor: Visitor, title: str = "", name: str | None = None) -> Change:
    """A new room; the visitor is its owner."""
    guest = _guest()

    def apply(log: Transaction) -> Joined:
        _require_person(visitor)
        room = log.create_room(title=title)
        member = _add_member(log, room, visitor, name, Member.Role.OWNER, guest)
        return Joined(member, room, _cursor(log, room.pk))

    return Change(None, apply)


def join(visitor: Visitor, room_id: str, name: str | None = None) -> Change:
    """Become a member. Locked rooms take nobody new; members stay what they are, and may give themselves a name."""
    guest = _guest()

    def apply(log: Transaction) -> Joined:
        log.room(room_id)
        room = Room.objects.get(pk=room_id)
        member = member_of(visitor, room_id)
        if member is not None:
            if name and name != member.name:
                member.name = name
                tell(log, member)
                member.save(update_fields=["name"])
                log.gathered.members[member.pk] = member
            return Joined(member, room, _cursor(log, room_id))
        if was_removed(visitor, room_id):
            raise NotAllowed("You were removed from this room. Its owner can let you back in.")
        if room.locked:
            raise NotAllowed("This room is locked: nobody new can join it.")
        _require_person(visitor)
        role = Member.Role.MEMBER if people_of(room_id).exists() else Member.Role.OWNER
        member = _add_member(log, room, visitor, name, role, guest)
        return Joined(member, room, _cursor(log, room_id))

    return Change(room_id, apply)


def change_room(member_id: str | None, room_id: str, change: frames.ChangeRoom) -> Change:
    """Title, model or chosen branches, by any member and for everyone; the lock by the owner. None: by staff.

    Where a branch is chosen this reads the room: not for the event loop, nor for the writer's thread.
    """
    ahead = Tree(room_id) if change.chosen is not None else None

    def apply(log: Transaction) -> None:
        if change.locked is None and member_id is not None:
            require_member(log, member_id, room_id)
        else:
            require_owner(log, member_id, room_id)
        if change.model is not None and change.model not in providers.models():
            raise Conflict(f"The model {change.model!r} is not one of this server's.")
        if change.chosen is not None:
            log.flush()  # what this batch has opened can be chosen, and is shown
            _check_branches(room_id, change.chosen)
        room = log.gathered.room(room_id)
        changed: dict = {}
        if change.locked is not None:
            changed["locked"] = room.locked = change.locked
        if change.title is not None:
            changed["title"] = room.title = change.title
        if change.model is not None:
            changed["model"] = room.model = change.model
        if change.chosen is not None:
            changed["chosen"] = change.chosen
            room.chosen |= change.chosen
            tree = ahead if log.holds(room_id, ahead.read_at) else Tree(room_id)  # of a history that was lost
            changed["tip"] = log.room(room_id).tip = tree.leaf(room.chosen)
        log.append(room_id, "room", frames.room_changed(changed))
        Room.objects.filter(pk=room_id).update(
            title=room.title, model=room.model, chosen=room.chosen, locked=room.locked
        )

    return Change(room_id, apply, member=member_id)


def prune(room_id: str, before: datetime) -> Change:
    """Let the oldest deltas of a room go, those from before a time. Returns how many went: one transaction takes
    PRUNED_AT_ONCE of them at most, so again until none does.
    """

    def apply(log: Transaction) -> int:
        log.room(room_id)
        newest = prunable(room_id, before, PRUNED_AT_ONCE)
        return 0 if newest is None else raise_floor(room_id, newest)

    return Change(room_id, apply)


def require_member(log: Transaction, member_id: str, room_id: str) -> Member:
    """Rights are looked up with every command, in its own transaction."""
    log.room(room_id)
    member = log.gathered.members.get(member_id)
    if member is None or member.room_id != room_id or member.role == Member.Role.LEFT:
        raise NotAllowed("You are not a member of this room any more.")
    return member


def require_owner(log: Transaction, member_id: str | None, room_id: str) -> Member | None:
    """None is staff, who has shown elsewhere that they may."""
    log.room(room_id)
    if member_id is None:
        return None
    member = require_member(log, member_id, room_id)
    if member.role != Member.Role.OWNER:
        raise NotAllowed("Only the owner of this room can do that.")
    return member


def people_of(room_id: str) -> QuerySet[Member]:
    """Who is a member and can come: not programs, nor members whose account was deleted."""
    here = Member.objects.filter(room=room_id).exclude(role=Member.Role.LEFT)
    return here.exclude(user=None, guest=None).exclude(guest__startswith=Member.PROGRAM)


def tell(log: Transaction, member: Member) -> None:
    """Say in the log what has become of a member."""
    payload = frames.member(member.pk, member.name, member.color, member.role, member.removed)
    log.append(member.room_id, "member", payload)


def _check_branches(room_id: str, chosen: dict[str, str]) -> None:
    rows = Message.objects.filter(room=room_id, pk__in=chosen.values()).values_list("parent_id", "pk")
    if set(chosen.items()) - {(parent or frames.BEGINNING, child) for parent, child in rows}:
        raise NotFound("A chosen branch does not follow the message it is chosen for.")


def _require_person(visitor: Visitor) -> None:
    if not visitor.user_id and not visitor.guest:
        raise NotAllowed("Only an account or a guest session can come in; a token belongs to one member of one room.")


def _add_member(log: Transaction, room: Room, visitor: Visitor, name: str | None, role: str, guest: str) -> Member:
    who = {"user_id": visitor.user_id} if visitor.user_id else {"guest": visitor.guest}
    member = Member.objects.filter(room=room, **who).first()  # one that has left comes back as itself
    if member is None:
        color = Member.objects.filter(room=room).count() % Member.COLORS + 1
        member = Member(room=room, name=_default_name(visitor, room, guest), color=color, **who)
    member.name, member.role = name or member.name, role
    tell(log, member)
    member.save()
    log.gathered.members[member.pk] = member
    return member


def _guest() -> str:
    """How a guest is called, in the language of who comes in: a transaction runs on a thread that has none."""
    return _("Guest %(number)d")


def _default_name(visitor: Visitor, room: Room, guest: str) -> str:
    if visitor.called:
        return visitor.called
    if visitor.user_id:
        user = get_user_model().objects.get(pk=visitor.user_id)
        return (user.get_full_name() or user.get_username())[:60]
    return guest % {"number": Member.objects.filter(room=room, guest__isnull=False).count() + 1}


def _cursor(log: Transaction, room_id: str) -> Cursor:
    room = log.room(room_id)
    return Cursor(room.head, room.chain)
