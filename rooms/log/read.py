"""Reading the log: where its head is, whether a cursor belongs to it, and what comes after one.

A reader that is in doubt asks for more than it needs; nothing here ever returns a part of a history as if it were
whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from django.conf import settings
from django.db import connection

from .. import database, frames
from ..errors import NotFound
from ..frames import Cursor
from ..models import Delta, Generation, Room
from ..text import EMPTY_DIGEST
from .append import next_chain

PAGE_BYTES = 65_536
PAGE_ROWS = 1_000

# By hand: every reconnect asks this, and the ORM takes longer to build the query than the database to answer it.
_FIND = """
    SELECT room.head, room.chain, room.floor, room.floor_chain, delta.chain
    FROM rooms_room room LEFT JOIN rooms_delta delta ON delta.room_id = room.id AND delta.seq = %s
    WHERE room.id = %s
"""
_HEADS = """
    WITH known (room_id, seq) AS (VALUES {places})
    SELECT known.seq, room.head, room.chain, room.floor, room.floor_chain, delta.chain, room.id
    FROM known JOIN rooms_room room ON room.id = known.room_id
    LEFT JOIN rooms_delta delta ON delta.room_id = known.room_id AND delta.seq = known.seq
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


def heads(known: Mapping[str, Cursor]) -> dict[str, int | None]:
    """The heads of many rooms, in one query. None for a room whose log does not hold the cursor that is known of it:
    the database was restored, and may have gone past that place since. (A cursor without a chain is not compared.)
    """
    places = [value for room_id, cursor in known.items() for value in (room_id, cursor.seq)]
    found: dict[str, int | None] = {}
    if not places:
        return found
    with connection.cursor() as query:
        query.execute(_HEADS.format(places=", ".join(["(%s, %s)"] * len(known))), places)
        for seq, head, chain, floor, floor_chain, chain_there, room_id in query.fetchall():
            cursor = known[room_id]
            there = _chain_at(seq, head, chain, floor, floor_chain, chain_there)
            unknown = not cursor.chain or seq < floor - 1
            found[room_id] = head if unknown or there == cursor.chain else None
    return found


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


def note_digest(digests: dict[str, str | None], kind: str, message: str | None, digest: str) -> None:
    """What a delta changes of what streams, and with which digest. (An empty one: it does not change the text.)"""
    if kind in ("opened", "closed"):
        digests[message] = None
    elif kind == "started":
        digests[message] = EMPTY_DIGEST
    elif digest:
        digests[message] = digest


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
    return head if _chain_at(seq, *row) == cursor.chain else None


def _chain_at(seq: int, head: int, chain: str, floor: int, floor_chain: str, chain_there: str | None) -> str | None:
    """The chain at a place, as `_FIND` and `_HEADS` bring it. The row below the floor is gone, its chain is kept."""
    return chain if seq == head else floor_chain if seq == floor - 1 else chain_there


def page_after(room_id: str, after: Cursor) -> Page | None:
    """What follows a cursor: at most PAGE_ROWS rows or about PAGE_BYTES.

    None where the log does not go on from it, though it may have when somebody asked: the floor has risen above it, or
    the database was restored. The first row proves it, by its chain.
    """
    columns = ("seq", "at", "kind", "payload", "message_id", "digest", "chain", "room__head")
    rows = Delta.objects.filter(room=room_id, seq__gt=after.seq).order_by("seq").values_list(*columns)[:PAGE_ROWS]
    if not rows:
        return _nothing_after(room_id, after)
    seq, _, kind, payload, _, _, chain, head_seq = rows[0]
    if seq != after.seq + 1 or chain != next_chain(after.chain, seq, kind, payload):
        return None
    items, size, digests, cursor = [], 0, {}, after
    for seq, at, kind, payload, message, digest, chain, _ in rows:
        items.append(frames.item(seq, at, kind, payload))
        size += len(payload)
        cursor = Cursor(seq, chain)
        note_digest(digests, kind, message, digest)
        if size >= PAGE_BYTES:
            break
    return Page(items, cursor, digests, head_seq)


def _nothing_after(room_id: str, after: Cursor) -> Page | None:
    """An empty page, where the reader is level or something has been committed just now."""
    found = Room.objects.filter(pk=room_id).values_list("head", "chain", "floor").first()
    if found is None:
        raise NotFound("There is no such room.")
    head, chain, floor = found
    follows = (head, chain) == (after.seq, after.chain) or floor - 1 <= after.seq < head
    return Page([], after, {}, head) if follows else None
