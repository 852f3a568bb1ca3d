"""What a person finds again: the rooms they are a member of, and what was said in them. Of others' rooms, nothing."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Count, Exists, OuterRef, QuerySet

from .access import Visitor, memberships
from .models import Generation, Member, Message, Room

ROOMS = 50  # in the sidebar
SEARCHED = 200  # rooms that are looked through, the newest first
FOUND = 20  # of rooms, and of messages
SHORTEST, LONGEST = 2, 100  # characters of what is looked for
AROUND = 60  # characters that are shown on each side of what was found


@dataclass(frozen=True, slots=True)
class Excerpt:
    """A place in a message. `found` is what was looked for, as it stands there."""

    room: Room
    message: Message
    before: str
    found: str
    after: str


def rooms_of(visitor: Visitor) -> QuerySet[Room]:
    """The rooms of a visitor, the newest activity first; `live` where an answer is being written right now."""
    mine = Member.objects.filter(memberships(visitor)).values("room")
    writing = Generation.objects.filter(room=OuterRef("pk"), status__in=Generation.OPEN)
    return Room.objects.filter(pk__in=mine).annotate(live=Exists(writing)).order_by("-active_at")


def newest_rooms(visitor: Visitor) -> list[Room]:
    return list(rooms_of(visitor)[:ROOMS]) if visitor.known else []


def counted_rooms(visitor: Visitor) -> list[Room]:
    """The same, each with how many messages it has."""
    return list(rooms_of(visitor).annotate(said=Count("messages"))[:ROOMS]) if visitor.known else []


def find(visitor: Visitor, words: str) -> tuple[list[Room], list[Excerpt]]:
    """Rooms whose title has these words in it, and messages that have. Both are bounded, and empty for too short ones.

    Letters match in either case; in SQLite only those of ASCII do.
    """
    words = " ".join(words.replace("\0", "").split())[:LONGEST]
    if len(words) < SHORTEST or not visitor.known:
        return [], []
    mine = rooms_of(visitor)
    searched = {room.pk: room for room in mine[:SEARCHED]}
    said = Message.objects.filter(room__in=list(searched), text__icontains=words)
    messages = said.order_by("-created_at")[:FOUND]
    return list(mine.filter(title__icontains=words)[:FOUND]), [
        _excerpt(searched[message.room_id], message, words) for message in messages
    ]


def _excerpt(room: Room, message: Message, words: str) -> Excerpt:
    text = message.text
    at = max(text.lower().find(words.lower()), 0)
    end = at + len(words)
    before = text[max(0, at - AROUND) : at]
    after = text[end : end + AROUND]
    return Excerpt(
        room,
        message,
        f"{'…' if at > AROUND else ''}{' '.join(before.split())}{' ' * before[-1:].isspace()}",
        " ".join(text[at:end].split()),
        f"{' ' * after[:1].isspace()}{' '.join(after.split())}{'…' if end + AROUND < len(text) else ''}",
    )
