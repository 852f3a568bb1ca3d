"""What a person finds again: the rooms they are a member of, and what was said in them. Of others' rooms, nothing."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from django.conf import settings
from django.db.models import Count, Exists, OuterRef, QuerySet

from . import database
from .access import Visitor, memberships
from .limits import limits
from .log import index
from .models import Generation, Member, Message, Room
from .words import composed, pattern, wanted

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

    Messages have them as they are written here, in either case, from the beginning of a word. TookTooLong after
    CHATLAB_SEARCH_WITHIN.
    """
    words = " ".join(words.replace("\0", "").split())[:LONGEST]
    if len(words) < SHORTEST or not visitor.known:
        return [], []
    limits.spend("CHATLAB_RATE_SEARCHES", visitor.name, "searches")
    with database.within(settings.CHATLAB_SEARCH_WITHIN):
        mine = rooms_of(visitor)
        searched = {room.pk: room for room in mine[:SEARCHED]}
        return list(mine.filter(title__icontains=words)[:FOUND]), list(islice(_excerpts(words, searched), FOUND))


def _excerpts(words: str, rooms: dict[str, Room]) -> Iterator[Excerpt]:
    looked_for, until = pattern(words), time.monotonic() + settings.CHATLAB_SEARCH_WITHIN
    for message in _candidates(words, rooms):
        text = composed(message.text)
        if place := looked_for.search(text):
            yield _excerpt(rooms[message.room_id], message, text, *place.span())
        if time.monotonic() > until:
            raise database.took_too_long()


def _candidates(words: str, rooms: dict[str, Room]) -> Iterator[Message]:
    """The newest first."""
    messages = Message.objects.filter(room__in=list(rooms))
    entries = wanted(words)
    if not entries or not index.is_kept():  # signs alone, or an SQLite without FTS5: the texts are read through
        yield from messages.filter(text__icontains=words).order_by("-created_at").iterator(chunk_size=FOUND)
        return
    for ids in index.newest(entries, rooms):
        found = messages.in_bulk(ids)
        yield from (found[pk] for pk in ids if pk in found)


def _excerpt(room: Room, message: Message, text: str, at: int, end: int) -> Excerpt:
    before = text[max(0, at - AROUND) : at]
    after = text[end : end + AROUND]
    return Excerpt(
        room,
        message,
        f"{'…' if at > AROUND else ''}{' '.join(before.split())}{' ' * before[-1:].isspace()}",
        " ".join(text[at:end].split()),
        f"{' ' * after[:1].isspace()}{' '.join(after.split())}{'…' if end + AROUND < len(text) else ''}",
    )
