"""The state of a room at its head: what a reader is given that has nothing yet, and pages of what came before."""

from __future__ import annotations

from django.conf import settings
from django.db.models import Q, QuerySet

from .. import database, frames
from ..errors import NotFound
from ..frames import Cursor
from ..models import Delta, Generation, Member, Message, Room
from .tree import ancestors


def snapshot(room_id: str) -> dict:
    """The body of a `snapshot` frame: the state at the head. The newest messages, all that are not closed with their
    questions, and the end of the branch that is shown, with the other versions beside it.
    """
    with database.consistent_read():
        room = Room.objects.filter(pk=room_id).first()
        if room is None:
            raise NotFound("There is no such room.")
        rows, earlier = _newest_messages(room_id)
        rows += _open_before(room_id, rows)
        rows += _beside(room, rows)
        members = Member.objects.filter(room=room_id).order_by("joined_at", "pk")
        return frames.snapshot_body(
            Cursor(room.head, room.chain),
            frames.room_body(room.pk, room.title, room.model, room.locked, room.chosen, room.tip_id),
            {one.pk: frames.member_body(one.name, one.color, one.role, one.removed) for one in members},
            [_message(row) for row in sorted(rows, key=lambda row: row.opened_seq)],
            earlier,
        )


def earlier_messages(room_id: str, before: int) -> tuple[list[dict], str | None]:
    """An older page: messages opened before a sequence, oldest first, and the token for the page before it."""
    with database.consistent_read():
        rows, earlier = _newest_messages(room_id, before)
        return [_message(row) for row in reversed(rows)], earlier


def messages(ids: list[str]) -> list[dict]:
    """These messages, in this order, as they are now. One that is gone is left out."""
    with database.consistent_read():
        rows = Message.objects.select_related("generation").in_bulk(ids)
        return [_message(rows[id]) for id in ids if id in rows]


def answer_so_far(message_id: str) -> tuple[str, str]:
    """(text, its digest) of an answer that somebody else has begun."""
    with database.consistent_read():
        body = _message(Message.objects.select_related("generation").get(pk=message_id))
    return body["text"], body["digest"]


def _newest_messages(room_id: str, before: int | None = None) -> tuple[list[Message], str | None]:
    """The newest messages up to the limits of a snapshot, newest first, and the token of the page before them."""
    rows = _messages(room_id).order_by("-opened_seq")
    if before is not None:
        rows = rows.filter(opened_seq__lt=before)
    found = _within_limits(rows)
    more = bool(found) and rows.filter(opened_seq__lt=found[-1].opened_seq).exists()
    return found, str(found[-1].opened_seq) if more else None


def _messages(room_id: str) -> QuerySet[Message]:
    return Message.objects.filter(room=room_id).select_related("generation")


def _within_limits(rows: QuerySet[Message]) -> list[Message]:
    """As many rows as a snapshot may have, but at least one."""
    found: list[Message] = []
    size = 0
    for row in rows[: settings.CHATLAB_SNAPSHOT_MESSAGES].iterator(chunk_size=8):
        size += len(row.text.encode()) + len(row.reasoning.encode())
        if found and size > settings.CHATLAB_SNAPSHOT_BYTES:
            break
        found.append(row)
    return found


def _open_before(room_id: str, found: list[Message]) -> list[Message]:
    """Older ones that have not ended, and the questions of all such: who asked is what one may stop by Esc."""
    if not found:
        return []
    before = _messages(room_id).filter(opened_seq__lt=found[-1].opened_seq)
    rows = list(before.filter(generation__status__in=Generation.OPEN))
    asked = {row.parent_id for row in found + rows if row.status in Generation.OPEN} - {None}
    asked -= {row.pk for row in found + rows}
    return rows + (list(before.filter(pk__in=asked)) if asked else [])


def _beside(room: Room, found: list[Message]) -> list[Message]:
    """What is shown but not among the newest messages, as another branch is; and the versions beside what is shown."""
    held = {row.pk: row for row in found}
    path, at = [], held.get(room.tip_id)
    while at is not None:
        path.append(at)
        at = held.get(at.parent_id)
    rows = []
    if room.chosen and len(path) < len(found):
        wanted = {room.tip_id, *ancestors(room.tip_id, settings.CHATLAB_SNAPSHOT_MESSAGES)} - held.keys()
        rows = _within_limits(_messages(room.pk).filter(pk__in=wanted).order_by("-opened_seq"))
        path += rows
    follows = {row.parent_id for row in path}
    same = Q(parent__in=follows - {None}) | (Q(parent=None) if None in follows else Q(pk__in=[]))
    others = _messages(room.pk).filter(same).exclude(pk__in=[*held, *(row.pk for row in rows)])
    return rows + _within_limits(others.order_by("-opened_seq"))


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
        body |= {"asker": row.member_id if row.client_id else None, **_outcome(row.generation)}
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
