"""Verbs on messages: ask, ask again, go on, stop."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from django.conf import settings

from .. import frames, providers, spending
from ..errors import Busy, Conflict, MayNotAsk, NotFound
from ..frames import Cursor
from ..log import Change, Transaction, cursor_at, head_of
from ..models import Booking, Generation, Member, Message, Room
from ..text import EMPTY_DIGEST, digest, new_id, title_of
from .generations import close_answer
from .rooms import require_member


@dataclass(frozen=True, slots=True)
class Receipt:
    """It stands in the log: the message, its sequence, its answer, and the cursor right after the answer was opened."""

    client_id: str
    message: str
    seq: int
    answer: str
    cursor: Cursor
    repeated: bool


def post(member_id: str, room_id: str, frame: frames.Post, address: str = "") -> Change:
    """A question and its answer, queued. The same client_id again gives the first receipt and starts nothing.
    `address`: where it comes from in the network.
    """

    def apply(log: Transaction) -> Receipt:
        member = require_member(log, member_id, room_id)
        if (before := _receipt_of(log, member, frame.client_id)) is not None:
            return before
        room = log.gathered.rooms[room_id]
        parent_id = frame.parent if frame.branch else log.room(room_id).tip or room.tip_id
        if frame.parent is not None and not Message.objects.filter(pk=frame.parent, room=room_id).exists():
            raise NotFound("The message that this one is to follow is not in this room.")
        if frame.model is not None and frame.model not in providers.models():
            raise Conflict(f"The model {frame.model!r} is not one of this server's.")
        bookings = _require_answer(log, member, address)
        question = _message(log, member, parent_id, Message.Role.USER, frame.client_id, text=frame.text)
        log.open(question)
        answer = _open_answer(log, member, room, question.pk, frame.model, None, bookings)
        _choose(log, room, parent_id, question.pk)
        if not room.title:
            _entitle(log, room, frame.text)
        return _receipt(log, frame.client_id, question, answer)

    return Change(room_id, apply, member=member_id, client_id=frame.client_id, address=address)


def retry(member_id: str, room_id: str, frame: frames.Retry, address: str = "") -> Change:
    """Another answer to the same question, beside the old one."""
    return _another_answer(member_id, room_id, frame, address, goes_on=False)


def continue_answer(member_id: str, room_id: str, frame: frames.Continue, address: str = "") -> Change:
    """Another answer that goes on from the text of one that was cut short."""
    return _another_answer(member_id, room_id, frame, address, goes_on=True)


def stop(member_id: str, room_id: str, message_id: str) -> Change:
    """End an answer for everyone. Of one that has ended already nothing changes.

    The fence is raised in the same transaction: whatever its worker is doing, it writes nothing any more. Returns the
    id of the provider's background response, which goes on until somebody cancels it; else None.
    """

    def apply(log: Transaction) -> str | None:
        member = require_member(log, member_id, room_id)
        generation = log.generation_of(room_id, message_id)
        if generation.status not in Generation.OPEN:
            return None
        was = generation.status
        close_answer(log, generation, Generation.Status.STOPPED, by=member.pk)
        if was == Generation.Status.QUEUED:
            return None
        background = Generation.objects.filter(pk=generation.id, background=True)
        return background.values_list("response_id", flat=True).first()

    return Change(room_id, apply, answer=message_id, member=member_id)


def _another_answer(
    member_id: str, room_id: str, frame: frames.Retry | frames.Continue, address: str, *, goes_on: bool
) -> Change:
    def apply(log: Transaction) -> Receipt:
        member = require_member(log, member_id, room_id)
        if (before := _receipt_of(log, member, frame.client_id)) is not None:
            return before
        old = Message.objects.select_related("generation").filter(pk=frame.message, room=room_id).first()
        if old is None or old.role != Message.Role.ASSISTANT:
            raise NotFound("There is no such answer in this room.")
        if old.status in Generation.OPEN:
            raise Conflict("This answer is still being written. Stop it first.")
        if goes_on and old.status == Generation.Status.COMPLETE:
            raise Conflict("This answer is complete; there is nothing to go on with.")
        bookings = _require_answer(log, member, address)
        room = log.gathered.rooms[room_id]
        answer = _open_answer(
            log, member, room, old.parent_id, None, frame.client_id, bookings, continues=old.pk if goes_on else None
        )
        _choose(log, room, old.parent_id, answer.pk)
        return _receipt(log, frame.client_id, answer, answer)

    return Change(room_id, apply, member=member_id, client_id=frame.client_id, address=address)


def _require_answer(log: Transaction, member: Member, address: str) -> list[Booking]:
    """That this member may ask, that there is a place in the queue, and that nobody's measure is full: the bookings."""
    if refusal := spending.refusal_of(member):
        raise MayNotAsk(refusal)
    if log.gathered.queued[member.room_id] >= settings.CHATLAB_ROOM_QUEUE:
        raise Busy(
            "Too many questions wait for an answer in this room. Ask again when some have theirs.", retry_after=10
        )
    return log.ledger.book(member, address)


def _message(
    log: Transaction, member: Member, parent_id: str | None, role: str, client_id: str | None, text: str = "", model=""
) -> Message:
    """Its `opened` delta is appended; its row is not stored yet."""
    at = datetime.now(UTC)
    body = frames.message(
        id=(message_id := new_id()),
        role=role,
        author=member.pk if role == Message.Role.USER else None,
        text=text,
        status=Generation.Status.COMPLETE if role == Message.Role.USER else Generation.Status.QUEUED,
        digest=digest(text) if text else EMPTY_DIGEST,
        parent=parent_id,
        at=at,
        client_id=client_id,
        asker=member.pk if client_id and role == Message.Role.ASSISTANT else None,
        model=model,
    )
    seq = log.append(member.room_id, "opened", frames.opened(body), message=message_id, at=at)
    return Message(
        id=message_id,
        room_id=member.room_id,
        role=role,
        member=member,
        client_id=client_id,
        parent_id=parent_id,
        opened_seq=seq,
        seq=seq,
        text_seq=seq,
        digest=body["digest"],
        created_at=at,
        text=text,
    )


def _open_answer(
    log: Transaction,
    member: Member,
    room: Room,
    question_id: str | None,
    model: str | None,
    client_id: str | None,
    bookings: list[Booking],
    continues: str | None = None,
) -> Message:
    model = model or room.model or providers.models()[0]
    answer = _message(log, member, question_id, Message.Role.ASSISTANT, client_id, model=model)
    log.open(
        answer,
        Generation(message=answer, room_id=room.pk, model=model, continues_id=continues, queued_at=log.now),
        bookings,
    )
    return answer


def _choose(log: Transaction, room: Room, parent_id: str | None, child_id: str) -> None:
    """Where somebody had picked a branch before, the newest one is picked now; elsewhere the newest is shown anyway."""
    fork = parent_id or frames.BEGINNING
    if fork in room.chosen:
        room.chosen[fork] = child_id
        log.append(room.pk, "room", frames.room_changed({"chosen": {fork: child_id}}))
        Room.objects.filter(pk=room.pk).update(chosen=room.chosen)


def _entitle(log: Transaction, room: Room, question: str) -> None:
    """A room that nobody has given a title gets the first words of what is asked in it."""
    if title := title_of(question):
        room.title = title
        log.append(room.pk, "room", frames.room_changed({"title": title}))
        Room.objects.filter(pk=room.pk).update(title=title)


def _receipt_of(log: Transaction, member: Member, client_id: str) -> Receipt | None:
    """The receipt of a client_id that stands in the log, or in this very batch, already."""
    message = log.gathered.said.get((member.room_id, member.pk, client_id))
    if message is None:
        return None
    log.flush()
    answer = message
    if message.role == Message.Role.USER:
        answer = message.children.filter(role=Message.Role.ASSISTANT).order_by("opened_seq").first()
    cursor = cursor_at(member.room_id, answer.opened_seq) or head_of(member.room_id)
    return Receipt(client_id, message.pk, message.opened_seq, answer.pk, cursor, repeated=True)


def _receipt(log: Transaction, client_id: str, message: Message, answer: Message) -> Receipt:
    rows = reversed(log.room(message.room_id).rows)
    chain = next(row.chain for row in rows if row.seq == answer.opened_seq)
    return Receipt(
        client_id, message.pk, message.opened_seq, answer.pk, Cursor(answer.opened_seq, chain), repeated=False
    )
