"""Reading the log: what comes after a cursor, the state at the head, and what a model is shown.

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
from ..models import Delta, Generation, Member, Message, Room
from ..text import EMPTY_DIGEST

PAGE_BYTES = 65_536
PAGE_ROWS = 1_000

# By hand: every reconnect asks this, and the ORM takes longer to build the query than the database to answer it.
_FIND = """
    SELECT room.head, room.chain, room.floor, room.floor_chain, delta.chain
    FROM rooms_room room LEFT JOIN rooms_delta delta ON delta.room_id = room.id AND delta.seq = %s
    WHERE room.id = %s
"""
# The chain of parents, the nearest first. (The depth is what a conversation does not reach, against a circle.)
_ANCESTORS = """
    WITH RECURSIVE ancestor(id, depth) AS (
        SELECT parent_id, 1 FROM rooms_message WHERE id = %s
        UNION ALL
        SELECT message.parent_id, ancestor.depth + 1
        FROM rooms_message message JOIN ancestor ON message.id = ancestor.id
        WHERE ancestor.depth < 100000
    )
    SELECT id FROM ancestor WHERE id IS NOT NULL ORDER BY depth
"""
ANCESTORS_AT_ONCE = 100


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


def snapshot(room_id: str) -> dict:
    """The body of a `snapshot` frame: the state at the head. The newest messages, and all that are not closed."""
    with database.consistent_read():
        room = Room.objects.filter(pk=room_id).first()
        if room is None:
            raise NotFound("There is no such room.")
        messages, earlier = _newest_messages(room_id)
        members = Member.objects.filter(room=room_id).order_by("joined_at", "pk")
        return frames.snapshot_body(
            Cursor(room.head, room.chain),
            frames.room_body(room.pk, room.title, room.model, room.locked, room.chosen),
            {member.pk: frames.member_body(member.name, member.color, member.role) for member in members},
            messages,
            earlier,
        )


def earlier_messages(room_id: str, before: int) -> tuple[list[dict], str | None]:
    """An older page: messages opened before a sequence, oldest first, and the token for the page before it."""
    with database.consistent_read():
        return _newest_messages(room_id, before)


def authors(room_id: str) -> set[str]:
    """The members who have written something."""
    said = Message.objects.filter(room=room_id, role=Message.Role.USER)
    return set(said.order_by().values_list("member_id", flat=True).distinct())


def answer_so_far(message_id: str) -> tuple[str, str]:
    """(text, its digest) of an answer that somebody else has begun."""
    with database.consistent_read():
        body = _message(Message.objects.select_related("generation").get(pk=message_id))
    return body["text"], body["digest"]


def context_of(message_id: str) -> list[tuple[str, str]]:
    """What a model is shown for an answer: (role, text) of its ancestors that have ended, oldest first.

    The newest ones that fit in CHATLAB_CONTEXT_MAX characters; the question itself is always among them.
    """
    with connection.cursor() as query:
        query.execute(_ANCESTORS, [message_id])
        ancestors = [row[0] for row in query.fetchall()]
    turns: list[tuple[str, str]] = []
    size = 0
    for start in range(0, len(ancestors), ANCESTORS_AT_ONCE):
        some = ancestors[start : start + ANCESTORS_AT_ONCE]
        ended = Message.objects.filter(pk__in=some).exclude(generation__status__in=Generation.OPEN)
        said = {pk: (role, text) for pk, role, text in ended.values_list("pk", "role", "text")}
        for role, text in (said[pk] for pk in some if pk in said):
            size += len(text)
            if turns and size > settings.CHATLAB_CONTEXT_MAX:
                return turns[::-1]
            if text:
                turns.append((role, text))
    return turns[::-1]


def _newest_messages(room_id: str, before: int | None = None) -> tuple[list[dict], str | None]:
    """The newest messages up to the limits of a snapshot. Without `before`, also every one that is still open."""
    rows = Message.objects.filter(room=room_id).select_related("generation").order_by("-opened_seq")
    if before is not None:
        rows = rows.filter(opened_seq__lt=before)
    found: list[dict] = []
    size, oldest = 0, None
    for row in rows[: settings.CHATLAB_SNAPSHOT_MESSAGES].iterator(chunk_size=8):
        body = _message(row)
        size += len(body["text"].encode()) + len(body.get("reasoning", "").encode())
        if found and size > settings.CHATLAB_SNAPSHOT_BYTES:
            break
        found.append(body)
        oldest = row.opened_seq
    if before is None and oldest is not None:
        open_rows = rows.filter(generation__status__in=Generation.OPEN, opened_seq__lt=oldest)
        found += map(_message, open_rows)
    more = oldest is not None and rows.filter(opened_seq__lt=oldest).exists()
    return found[::-1], str(oldest) if more else None


def _message(row: Message) -> dict:
    body = {
        "id": row.pk,
        "role": row.role,
        "author": row.member_id if row.role == Message.Role.USER else None,
        "text": row.text,
        "reasoning": row.reasoning,
        "digest": row.digest,
        "parent": row.parent_id,
        "client_id": row.client_id,
        "at": row.created_at,
        "seq": row.seq,
        "status": row.status,
    }
    if row.role == Message.Role.ASSISTANT:
        body |= _outcome(row.generation)
        if row.generation.status == Generation.Status.STREAMING:
            _add_tail(row, body)
    return frames.message(**body)


def _outcome(generation: Generation) -> dict:
    return {
        "model": generation.model,
        "usage": generation.usage,
        "failure": frames.failure(generation.failure_code, generation.failure_detail)
        if generation.failure_code
        else None,
        "by": generation.closed_by_id,
        "closed_at": generation.closed_at,
    }


def _add_tail(row: Message, body: dict) -> None:
    """What a streaming answer has gained since its checkpoint."""
    tail = Delta.objects.filter(message=row.pk, kind="appended", seq__gt=row.text_seq).order_by("seq")
    grown: dict[str, list[str]] = {"text": [body["text"]], "reasoning": [body["reasoning"]]}
    for seq, payload, digest in tail.values_list("seq", "payload", "digest"):
        part, text = frames.appended_text(payload)
        grown[part].append(text)
        body["seq"] = seq
        body["digest"] = digest or body["digest"]
    body |= {part: "".join(texts) for part, texts in grown.items()}
