"""Verbs on generations: what a worker does with the answer it writes, and how an answer ends.

A worker's verbs carry its fence and raise Fenced when it is old, or when the answer has ended: the worker lets go.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

from django.conf import settings
from django.db.models import F

from .. import bill, frames, lease, providers, spending
from ..frames import Cursor
from ..log import Change, Transaction
from ..log.locked import LockedGeneration
from ..models import Delta, Generation, Member, Message
from ..providers import Resume
from ..text import EMPTY_DIGEST, digest

Status = Generation.Status

INTERRUPTED = "The server that was writing this answer went away, and it could not be resumed."
EXPIRED = "No worker took this question in time."
NOT_ALLOWED = "Whoever asked for this answer may not ask the model any more."


@dataclass(slots=True)
class Job:
    """A claimed generation: what its worker needs to know.

    `written`: how far the room's log was when this worker last wrote there; it moves with each `record`. `resume`:
    somebody else has begun it, and the provider goes on with it. `spent`: seconds since it was started.
    """

    generation: int
    fence: int
    room: str
    message: str
    model: str
    continues: str | None
    attempts: int
    written: Cursor
    resume: Resume | None = None
    spent: float = 0.0


@dataclass(frozen=True, slots=True)
class Piece:
    """Text of one part, as it is appended: cleaned, never empty. `digest` is the running one (part `text` only)."""

    part: str
    text: str
    digest: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Place:
    """Where the provider's stream stands, to go on from: stored in the same transaction as the text up to there."""

    response_id: str
    seq: int | None
    background: bool


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an answer ended. `error` is for staff only; readers see `failure_detail`."""

    status: str
    failure_code: str = ""
    failure_detail: str = ""
    error: str = ""
    usage: dict | None = field(default=None)


def claim(room_id: str, generation_id: int, holder: str) -> Change:
    """Become the one who writes a generation. None where somebody else is, it has ended, an answer before it has not,
    or the room is at its limit.

    One whose worker let its lease run out is taken over: the provider's response is resumed where it can be; an answer
    that has no text yet is begun again; any other ends `interrupted`, with all its text.
    """

    def apply(log: Transaction) -> Job | None:
        generation = log.generation(generation_id)
        was = generation.status
        if was == Status.QUEUED and lease.crowded(room_id):
            return None
        if was == Status.QUEUED and spending.is_restricted() and not spending.may_ask(_asker(generation)):
            outcome = Outcome(Status.FAILED, "not_allowed", NOT_ALLOWED)
            close_answer(log, generation, outcome.status, outcome=outcome)
            return None
        if not lease.take(generation_id, holder, log.now):
            return None
        generation.status, generation.fence = Status.STREAMING, generation.fence + 1
        return _begin(log, generation) if was == Status.QUEUED else _take_over(log, generation)

    return Change(room_id, apply, generation=generation_id)


def _asker(generation: LockedGeneration) -> Member:
    return Message.objects.select_related("member__user").get(pk=generation.message).member


def attempt(job: Job, tokens: int = 0, left_out: bool = False) -> Change:
    """Count a request of so many tokens before it is made: an attempt that nobody remembers could be billed without
    end.
    """

    def apply(log: Transaction) -> None:
        log.fenced(job.generation, job.fence, job.written)
        Generation.objects.filter(pk=job.generation).update(attempts=F("attempts") + 1)
        bill.note_request(job.generation, tokens, left_out)

    return Change(job.room, apply, generation=job.generation)


def record(job: Job, pieces: list[Piece], *, renew: bool, checkpoint: bool, place: Place | None = None) -> Change:
    """Append what has arrived, and remember the provider's place that belongs to it. Returns the new `written`.

    To wait for the disk with each would double the time that words take: they wait with each renewal.
    """

    def apply(log: Transaction) -> Cursor:
        log.fenced(job.generation, job.fence, job.written)
        _append(log, job.room, job.message, pieces)
        if checkpoint:
            log.checkpoint(job.message)
        if renew:
            lease.renew(job.generation, log.now)
        _note_place(job, place)
        return log.room(job.room).place

    return Change(job.room, apply, generation=job.generation, told=renew)


def renew(job: Job) -> Change:
    """Keep the lease while the provider is silent."""

    def apply(log: Transaction) -> None:
        log.fenced(job.generation, job.fence, job.written)
        lease.renew(job.generation, log.now)

    return Change(job.room, apply, generation=job.generation)


def finish(job: Job, pieces: list[Piece], outcome: Outcome, place: Place | None = None) -> Change:
    """Append the last text, and end."""

    def apply(log: Transaction) -> None:
        generation = log.fenced(job.generation, job.fence, job.written)
        _append(log, job.room, job.message, pieces)
        _note_place(job, place)
        close_answer(log, generation, outcome.status, outcome=outcome, by_worker=True)

    return Change(job.room, apply, generation=job.generation)


def hand_over(job: Job, pieces: list[Piece], place: Place | None) -> Change:
    """Record the last, and give the lease back: any worker may take over at once."""
    recording = record(job, pieces, renew=False, checkpoint=False, place=place)

    def apply(log: Transaction) -> None:
        recording.apply(log)
        lease.give_back(job.generation, log.now)
        log.starts.append((job.room, job.generation))

    return Change(job.room, apply, generation=job.generation)


def expire(room_id: str, generation_id: int) -> Change:
    """End an answer that no worker took: queued for CHATLAB_QUEUE_TTL seconds, or orphaned for CHATLAB_ORPHAN_TTL."""

    def apply(log: Transaction) -> None:
        generation = log.generation(generation_id)
        if not lease.has_expired(generation_id, log.now):
            return
        outcome = Outcome(Status.FAILED, "expired", EXPIRED)
        if generation.status == Status.STREAMING:
            outcome = Outcome(Status.INTERRUPTED, "worker_lost", INTERRUPTED)
        close_answer(log, generation, outcome.status, outcome=outcome)

    return Change(room_id, apply, generation=generation_id)


def close_answer(
    log: Transaction,
    generation: LockedGeneration,
    status: str,
    *,
    by: str | None = None,
    outcome: Outcome | None = None,
    by_worker: bool = False,
) -> None:
    """The terminal delta, exactly once: the caller has seen that the generation is open, under its room's lock.

    The fence is raised with it, so that a worker that does not know yet is refused; unless it is the worker itself that
    ends the answer, it is also told.
    """
    outcome = outcome or Outcome(status)
    at = datetime.now(UTC)
    final = EMPTY_DIGEST
    if generation.status != Status.QUEUED:  # it has no text before that
        log.checkpoint(generation.message)
        log.complete(generation.message)
        final = Message.objects.values_list("digest", flat=True).get(pk=generation.message)
    usage = bill.settle(generation.id, generation.message, outcome.usage)
    failure = frames.failure(outcome.failure_code, outcome.failure_detail) if outcome.failure_code else None
    payload = frames.closed(generation.message, status, final, usage=usage, failure=failure, by=by)
    seq = log.append(generation.room, "closed", payload, message=generation.message, at=at)
    Message.objects.filter(pk=generation.message).update(seq=seq, text_seq=seq)
    Generation.objects.filter(pk=generation.id).update(
        status=status,
        fence=F("fence") + 1,
        holder="",
        lease_until=None,
        failure_code=outcome.failure_code,
        failure_detail=outcome.failure_detail,
        error=outcome.error,
        usage=usage,
        closed_by=by,
        closed_at=at,
    )
    lease.release(generation.message, log.now, begun=generation.status != Status.QUEUED)
    generation.status = status
    if not by_worker:
        log.stops.append(generation.id)
    log.starts += [(generation.room, waiting) for waiting in lease.startable(generation.room)]


def _begin(log: Transaction, generation: LockedGeneration) -> Job:
    row = Generation.objects.select_related("continues").get(pk=generation.id)
    at = datetime.now(UTC)
    model = row.model or providers.models()[0]
    started = frames.started(generation.message, model)
    seq = log.append(generation.room, "started", started, message=generation.message, at=at)
    Message.objects.filter(pk=generation.message).update(seq=seq)
    Generation.objects.filter(pk=generation.id).update(model=model, started_at=log.now, context_seq=seq)
    if row.continues is not None and row.continues.text:
        begun = row.continues.text
        _append(log, generation.room, generation.message, [Piece("text", begun, digest(begun), at)])
    return _job(log, generation, model, row)


def _take_over(log: Transaction, generation: LockedGeneration) -> Job | None:
    row = Generation.objects.select_related("continues").get(pk=generation.id)
    spent = max((log.now - row.started_at).total_seconds(), 0.0)
    if row.background and row.response_id:
        return _job(log, generation, row.model, row, Resume(row.response_id, row.upstream_seq), spent)
    has_time = spent < settings.CHATLAB_TOTAL_TIMEOUT
    begun = row.continues is not None and bool(row.continues.text)  # copied, not said by the provider
    has_text = Delta.objects.filter(message=generation.message, kind="appended").count() > begun
    if not has_text and has_time and row.attempts < settings.CHATLAB_ATTEMPTS:
        return _job(log, generation, row.model, row, None, spent)
    close_answer(log, generation, Status.INTERRUPTED, outcome=Outcome(Status.INTERRUPTED, "worker_lost", INTERRUPTED))
    return None


def _job(
    log: Transaction,
    generation: LockedGeneration,
    model: str,
    row: Generation,
    resume: Resume | None = None,
    spent: float = 0.0,
) -> Job:
    return Job(
        generation.id,
        generation.fence,
        generation.room,
        generation.message,
        model,
        row.continues_id,
        row.attempts,
        log.room(generation.room).place,
        resume,
        spent,
    )


def _append(log: Transaction, room_id: str, message_id: str, pieces: list[Piece]) -> None:
    for piece in pieces:
        payload = frames.appended(message_id, piece.text, piece.part)
        log.append(room_id, "appended", payload, message=message_id, digest=piece.digest, at=piece.at)


def _note_place(job: Job, place: Place | None) -> None:
    if place is not None:
        Generation.objects.filter(pk=job.generation).update(
            response_id=place.response_id, upstream_seq=place.seq, background=place.background
        )
