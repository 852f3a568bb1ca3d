"""Reading the log: where its head is, whether a cursor belongs to it, and what comes after one.

A reader that is in doubt asks for more than it needs; nothing here ever returns a part of a history as if it were
whole.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.conf import settings
from django.db import connection

from .. import database, frames
from ..errors import NotFound
from ..frames import Cursor
from ..models import Delta, Generation, Room
from ..text import EMPTY_DIGEST

PAGE_BYTES = 65_536
PAGE_ROWS = 1_000

# By hand: every reconnect asks this, and the ORM takes longer to build the query than the database to answer it.
_FIND = """
    SELECT room.head, room.chain, room.floor, room.floor_chain, delta.chain
    FROM rooms_room room LEFT JOIN rooms_delta delta ON delta.room_id = room.id AND delta.seq = %s
    WHERE room.id = %s
"""


@dataclass(frozen=True, slots=True)
class Page:
    """Consecutive deltas as wire items; empty where nothing follows. `head` is the room's head when it was read."""

    items: list[str]
    cursor: Cursor
    digests: dict[str, str | None]  # as in `Segment`
    head: int

    @property
    def up_to_date(self) -> bool:
        return self.cursor.seq >= self.head


def head_of(room_id: str) -> Cursor:
    found = Room.objects.filter(pk=room_id).values_list("head", "chain").first()
    if found is None:
        raise NotFound("There is no such room.")
    return Cursor(*found)


def heads(room_ids: Iterable[str]) -> dict[str, int]:
    """The heads of many rooms, in one query."""
    return dict(Room.objects.filter(pk__in=list(room_ids)).values_list("pk", "head"))


def streaming(room_id: str) -> tuple[Cursor, dict[str, str]]:
    """The head, and the digest there of every message that streams."""
    with database.consistent_read():
        head = head_of(room_id)
        rows = Generation.objects.filter(room=room_id, status=Generation.Status.STREAMING)
        digests = {}
        for message in rows.values_list("message_id", flat=True):
            of_text = Delta.objects.filter(message=message).exclude(digest="").order_by("-seq")
            digests[message] = of_text.values_list("digest", flat=True).first() or EMPTY_DIGEST
        return head, digests


def cursor_at(room_id: str, seq: int) -> Cursor | None:
    """The cursor of a reader that has applied `seq`; None below the floor."""
    chain = Delta.objects.filter(room=room_id, seq=seq).values_list("chain", flat=True).first()
    return None if chain is None else Cursor(seq, chain)


def find(room_id: str, cursor: Cursor | None) -> int | None:
    """The head, where the log goes on from exactly this cursor; None where only a snapshot helps.

    That is: garbage, another room's cursor, one from the future or from a history that this database does not hold (it
    was restored), one below the floor, or one that is further behind than it is worth.
    """
    seq = cursor.seq if cursor is not None else 0
    with connection.cursor() as query:
        query.execute(_FIND, [seq, room_id])
        row = query.fetchone()
    if row is None:
        raise NotFound("There is no such room.")
    head, chain, floor, floor_chain, chain_there = row
    if cursor is None or not floor - 1 <= seq <= head or head - seq > settings.CHATLAB_REPLAY_MAX:
        return None
    known = chain if seq == head else floor_chain if seq == floor - 1 else chain_there
    return head if known == cursor.chain else None


def page_after(room_id: str, after: Cursor) -> Page:
    """What follows a cursor that is known to be good: at most PAGE_ROWS rows or about PAGE_BYTES."""
    rows = Delta.objects.filter(room=room_id, seq__gt=after.seq).order_by("seq")
    columns = ("seq", "at", "kind", "payload", "message_id", "digest", "chain")
    items, size, digests, cursor = [], 0, {}, after
    for seq, at, kind, payload, message, digest, chain in rows.values_list(*columns)[:PAGE_ROWS]:
        items.append(frames.item(seq, at, kind, payload))
        size += len(payload)
        cursor = Cursor(seq, chain)
        if kind == "closed":
            digests[message] = None
        elif digest:
            digests[message] = digest
        if size >= PAGE_BYTES:
            break
    full = len(items) == PAGE_ROWS or size >= PAGE_BYTES
    return Page(items, cursor, digests, head_of(room_id).seq if full else cursor.seq)
