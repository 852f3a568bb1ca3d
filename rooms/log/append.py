"""One transaction of the log: rooms locked, fences checked, sequences allocated, rows inserted, for a whole batch at
once.

A sequence is allocated under its room's row lock and becomes visible with the commit, so commit order is sequence order
(an autoincrement id is allocated before the commit, and a reader that has seen 2 may then never look for a late 1).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from django.db import connection
from django.db.backends.utils import CursorWrapper
from django.db.models import F, TextField, Value
from django.db.models.functions import Concat

from .. import bill, database, frames
from ..errors import Fenced, NotFound
from ..frames import Cursor
from ..models import Delta, Generation, Message, Room
from ..tallies import Booking
from . import index
from .gathered import Gathered
from .locked import LockedGeneration, LockedRoom, Row, lock_rooms, read_generations, table
from .tree import put_in_line


@dataclass(frozen=True, slots=True)
class Change:
    """Something to be committed in a room. `apply` runs inside the transaction, on the writer's thread.

    It must decide before it writes: after its first write it may not refuse any more. `generation` names the row whose
    status and fence it needs, `answer` the message of one; `member` is who asks for it, `client_id` what they call it,
    `address` where they are: what is named is read for the whole batch at once. `room` is None where it is only made.
    `told`: somebody is told that it is kept, so it is on the disk before. Others go there with the next that is.
    """

    room: str | None
    apply: Callable[[Transaction], Any]
    generation: int | None = None
    answer: str | None = None
    member: str | None = None
    client_id: str | None = None
    address: str = ""
    told: bool = True


def next_chain(chain: str, seq: int, kind: str, payload: str) -> str:
    """The chain of a delta: 8 bytes, as 16 hex digits, of the SHA-256 over its predecessor's chain and itself."""
    body = bytes.fromhex(chain) + seq.to_bytes(8, "big") + kind.encode() + b"\0" + payload.encode()
    return hashlib.sha256(body).hexdigest()[:16]


class Transaction:
    """What a change may do. Lives inside one database transaction of the writer."""

    def __init__(self, changes: Iterable[Change]):
        changes = list(changes)
        self.rooms = lock_rooms(sorted({change.room for change in changes if change.room is not None}))
        wanted = {change.generation for change in changes if change.generation is not None}
        self._generations = {row.id: row for row in read_generations("id", wanted)}
        self._wanted_answers = {change.answer for change in changes if change.answer is not None}
        self.gathered = Gathered(changes)
        self._messages: list[Message] = []
        self._queue: list[Generation] = []
        self._bookings: list[Booking] = []
        self._complete: list[str] = []
        self._created = 0
        self.starts: list[tuple[str, int]] = []
        self.stops: list[int] = []

    @cached_property
    def now(self) -> datetime:
        return database.clock()

    @cached_property
    def ledger(self) -> bill.Ledger:
        return bill.Ledger(self.now, self.gathered.askers)

    @property
    def staged(self) -> int:
        """How much this transaction has to write already."""
        return self._created + sum(len(room.rows) for room in self.rooms.values())

    def create_room(self, **fields: Any) -> Room:
        room = Room(**fields)
        room.floor_chain = room.chain
        room.save(force_insert=True)
        self._created += 1
        self.rooms[room.pk] = LockedRoom(room.pk, 0, room.chain)
        return room

    def room(self, room_id: str) -> LockedRoom:
        try:
            return self.rooms[room_id]
        except KeyError:
            raise NotFound("There is no such room.") from None

    def generation(self, generation_id: int) -> LockedGeneration:
        try:
            return self._generations[generation_id]
        except KeyError:
            raise NotFound("There is no such generation.") from None

    def generation_of(self, room_id: str, message_id: str) -> LockedGeneration:
        """The generation of an answer that the change has named: the same object for everybody in this batch."""
        generation = self._answers.get(message_id)
        if generation is None or generation.room != room_id:
            raise NotFound("There is no such answer in this room.")
        return generation

    @cached_property
    def _answers(self) -> dict[str, LockedGeneration]:
        rows = read_generations("message_id", self._wanted_answers)
        return {row.message: self._generations.setdefault(row.id, row) for row in rows}

    def fenced(self, generation_id: int, fence: int, written: Cursor) -> LockedGeneration:
        """The generation, if `fence` still is the right to write it, and the log still holds what its worker has
        written: a database that was restored, or lost its last commits, has given out old fences again.
        """
        generation = self.generation(generation_id)
        if generation.status != Generation.Status.STREAMING or generation.fence != fence:
            raise Fenced(
                f"generation {generation_id} is {generation.status} with fence {generation.fence}, not {fence}"
            )
        if not self.holds(generation.room, written):
            raise Fenced(f"generation {generation_id} was written in a history that this database does not hold")
        return generation

    def holds(self, room_id: str, cursor: Cursor) -> bool:
        """Whether this place was in the log when the room was locked. Costs a query where others have written since."""
        head = self.room(room_id).before
        if cursor.seq >= head.seq:
            return cursor == head
        return Delta.objects.filter(room=room_id, seq=cursor.seq, chain=cursor.chain).exists()

    def append(
        self,
        room_id: str,
        kind: str,
        payload: str,
        *,
        message: str | None = None,
        digest: str = "",
        at: datetime | None = None,
    ) -> int:
        """Give the next sequence of the room to a delta, and return it."""
        room = self.room(room_id)
        room.head += 1
        room.chain = next_chain(room.chain, room.head, kind, payload)
        room.rows.append(Row(room.head, kind, payload, room.chain, message, digest, at or datetime.now(UTC)))
        return room.head

    def open(self, message: Message, generation: Generation | None = None, bookings: Iterable[Booking] = ()) -> None:
        """Store a message, what is to write it and what that may cost, with what else this batch opens."""
        self._messages.append(message)
        if message.client_id is not None:
            self.gathered.said[message.room_id, message.member_id, message.client_id] = message
        if generation is not None:
            self._queue.append(generation)
            self._bookings += bill.of_generation(generation, bookings)
            self.gathered.queued[message.room_id] += 1
            self.room(message.room_id).tip = message.pk

    def checkpoint(self, message_id: str) -> None:
        """Move the tail of a message's deltas into its text, so that a snapshot reads little more than one row."""
        self.flush()
        message = Message.objects.filter(pk=message_id).values("room_id", "text_seq").get()
        deltas = Delta.objects.filter(message=message_id, kind="appended", seq__gt=message["text_seq"])
        tail = list(deltas.order_by("seq").values_list("seq", "payload", "digest"))
        changes: dict[str, Any] = {"text_seq": self.room(message["room_id"]).head}
        parts: dict[str, list[str]] = {"text": [], "reasoning": []}
        for seq, payload, digest in tail:
            part, text = frames.appended_text(payload)
            parts[part].append(text)
            changes["seq"] = seq
            changes["digest"] = digest or changes.get("digest", F("digest"))
        for part, texts in parts.items():
            if texts:
                changes[part] = Concat(F(part), Value("".join(texts)), output_field=TextField())
        Message.objects.filter(pk=message_id).update(**changes)

    def complete(self, message_id: str) -> None:
        """The text of this answer is in its row, and is all there will be."""
        self._complete.append(message_id)

    def flush(self) -> None:
        """Write what is staged: messages, generations, what finds them, deltas, and the rooms' heads."""
        said = self._store_opened()
        index.add([(message.pk, message.room_id, message.text) for message in said if message.text])
        self._index_complete()
        fresh = [(room, row) for room in self.rooms.values() for row in room.rows[room.flushed :]]
        if not fresh:
            return
        to_database = connection.ops.adapt_datetimefield_value
        with connection.cursor() as cursor:
            cursor.executemany(
                f"INSERT INTO {table(Delta)} (room_id, seq, kind, message_id, payload, chain, digest, at)"
                " VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
                [
                    (room.id, row.seq, row.kind, row.message, row.payload, row.chain, row.digest, to_database(row.at))
                    for room, row in fresh
                ],
            )
            changed = {room.id: room for room, _ in fresh}
            # Last, and not by executemany: behind that (psycopg makes it a pipeline) PostgreSQL does not count the idle
            # seconds of a transaction, and a worker that froze here would hold its rooms for ever.
            _move_heads(cursor, list(changed.values()))
        for room in changed.values():
            room.flushed = len(room.rows)

    def _index_complete(self) -> None:
        complete, self._complete = self._complete, []
        if complete:
            rows = Message.objects.filter(pk__in=complete).exclude(text="")
            index.add(rows.values_list("pk", "room_id", "text"))

    def _store_opened(self) -> list[Message]:
        messages, self._messages = self._messages, []
        queue, self._queue = self._queue, []
        if queue:
            put_in_line(queue, {message.pk: message for message in messages})
        if messages:
            Message.objects.bulk_create(messages)
        if queue:
            Generation.objects.bulk_create(queue)
            bookings, self._bookings = self._bookings, []
            bill.store(bookings)
            self.starts += [(generation.room_id, generation.pk) for generation in queue]
        return messages


def _move_heads(cursor: CursorWrapper, rooms: list[LockedRoom]) -> None:
    """In one statement: a round trip for each room would be most of what a commit for many rooms costs."""
    rows, at = table(Room), connection.ops.adapt_datetimefield_value
    values = [value for room in rooms for value in (room.id, room.head, room.chain, at(room.rows[-1].at), room.tip)]
    cursor.execute(
        f"WITH moved (id, head, chain, active_at, tip) AS (VALUES {', '.join(['(%s, %s, %s, %s, %s)'] * len(rooms))})"
        f" UPDATE {rows} SET head = moved.head, chain = moved.chain, active_at = moved.active_at,"
        f" tip_id = COALESCE(moved.tip, {rows}.tip_id) FROM moved WHERE {rows}.id = moved.id",
        values,
    )
