"""The proof that a room's log fits: sequences, chain, digests, texts and ends, checked against each other."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

from .. import database, frames
from ..models import Delta, Generation, Message, Room
from ..text import EMPTY_DIGEST, digest
from .append import next_chain

CHUNK = 2_000


@dataclass(slots=True)
class _Answer:
    """What the deltas say about one message."""

    role: str
    text: list[str]
    reasoning: list[str]
    digest: str
    status: str
    seq: int


def verify(room_id: str) -> list[str]:
    """What is wrong with a room, a sentence each; empty where all is well. Reads the whole log, in one consistent
    view.
    """
    with database.consistent_read():
        room = Room.objects.get(pk=room_id)
        answers: dict[str, _Answer] = {}
        problems = list(_check_deltas(room, answers))
        return problems + list(_check_messages(room, answers))


def _check_deltas(room: Room, answers: dict[str, _Answer]) -> Iterator[str]:
    expected, chain = room.floor, room.floor_chain
    columns = ("seq", "kind", "payload", "chain", "digest", "message_id")
    rows = Delta.objects.filter(room=room.pk).order_by("seq").values_list(*columns)
    for seq, kind, payload, stored_chain, stored_digest, message_id in rows.iterator(chunk_size=CHUNK):
        if seq != expected:
            yield f"sequence {expected} is missing: {seq} follows {expected - 1}"
        elif stored_chain != next_chain(chain, seq, kind, payload):
            yield f"the chain breaks at {seq}: this row, or one before it, is not what was committed"
        expected, chain = seq + 1, stored_chain
        try:
            yield from _apply(answers, seq, kind, json.loads(payload), stored_digest, message_id)
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            yield f"the payload at {seq} can't be read: {error!r}"
    if expected != room.head + 1:
        yield f"the room's head is {room.head}, its newest delta {expected - 1}"
    elif chain != room.chain:
        yield f"the room's chain {room.chain} is not that of its newest delta, {chain}"


def _apply(
    answers: dict[str, _Answer], seq: int, kind: str, body: dict, stored_digest: str, message_id: str | None
) -> Iterator[str]:
    if kind == "opened":
        said = body["message"]
        answers[message_id] = _Answer(said["role"], [said["text"]], [], said["digest"], said["status"], seq)
    if kind not in ("started", "appended", "closed"):
        return
    answer = answers.get(message_id)
    if answer is None:
        return  # opened below the floor: only its row can be looked at
    if answer.status in frames.TERMINAL:
        yield f"delta {seq} ({kind}) of message {message_id} comes after its end"
    answer.seq = seq
    if kind == "started":
        answer.status = "streaming"
    elif kind == "appended":
        getattr(answer, body["part"]).append(body["text"])
        if body["part"] == "text":
            answer.digest = digest(body["text"], answer.digest)
            if stored_digest != answer.digest:
                yield f"the digest at {seq} is {stored_digest}, its text's is {answer.digest}"
    else:
        answer.status = body["status"]
        if body["digest"] != answer.digest:
            yield f"message {message_id} was closed with digest {body['digest']}, its text's is {answer.digest}"


def _check_messages(room: Room, answers: dict[str, _Answer]) -> Iterator[str]:
    lost = dict(answers)
    rows = Message.objects.filter(room=room.pk).select_related("generation").order_by("opened_seq")
    for row in rows.iterator(chunk_size=100):
        answer = lost.pop(row.pk, None)
        if answer is None:
            if row.opened_seq >= room.floor:
                yield f"message {row.pk} says it was opened at {row.opened_seq}; there is no such delta"
            else:
                yield from _check_digest(row)
            continue
        if row.status != answer.status:
            yield f"message {row.pk} is {row.status}, its deltas say {answer.status}"
        yield from _check_text(row, answer)
    for message_id, answer in lost.items():
        yield f"message {message_id} has deltas up to {answer.seq}, but no row"


def _check_text(row: Message, answer: _Answer) -> Iterator[str]:
    whole = {"text": "".join(answer.text), "reasoning": "".join(answer.reasoning)}
    open_ = row.status == Generation.Status.STREAMING
    for part, text in whole.items():
        stored = getattr(row, part)
        if not (text.startswith(stored) if open_ else stored == text):
            yield f"the {part} of message {row.pk} is not what its deltas add up to"
    if not open_:
        yield from _check_digest(row)


def _check_digest(row: Message) -> Iterator[str]:
    if row.digest != digest(row.text, EMPTY_DIGEST):
        yield f"message {row.pk} has the digest {row.digest}, its text's is {digest(row.text)}"
