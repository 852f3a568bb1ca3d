"""Verbs on generations: what a worker does with the answer it writes, and how an answer ends.

A worker's verbs carry its fence and raise Fenced when it is old, or when the answer has ended: the worker lets go.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db.models import F

from .. import frames, lease
from ..log import Change, Transaction
from ..log.append import LockedGeneration
from ..models import Generation, Message

Status = Generation.Status

INTERRUPTED = "The server that was writing this answer went away, and it could not be resumed."
EXPIRED = "No worker took this question in time."


@dataclass(frozen=True, slots=True)
class Job:
    """A claimed generation: what its worker needs to know."""

    generation: int
    fence: int
    room: str
    message: str
    model: str
    continues: str | None
    context_seq: int


@dataclass(frozen=True, slots=True)
class Piece:
    """Text of one part, as it is appended: cleaned, never empty. `digest` is the running one (part `text` only)."""

    part: str
    text: str
    digest: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an answer ended. `error` is for staff only; readers see `failure_detail`."""

    status: str
    failure_code: str = ""
    failure_detail: str = ""
    error: str = ""
    usage: dict | None = field(default=None)


def claim(room_id: str, generation_id: int, holder: str) -> Change:
    """Become the one who writes a generation. None where somebody else is, or it has ended.

    One that was being written, and whose worker let its lease run out, is taken over; as its provider can't be resumed,
    it ends here, with all its text.
    """

    def apply(log: Transaction) -> Job | None:
        generation = log.generation(generation_id)
        was = generation.status
        if not lease.take(generation_id, holder, log.now):
            return None
        generation.status, generation.fence = Status.STREAMING, generation.fence + 1
        if was == Status.STREAMING:
            lost = Outcome(Status.INTERRUPTED, "worker_lost", INTERRUPTED)
            return close_answer(log, generation, lost.status, outcome=lost)
        return _begin(log, generation)

    return Change(room_id, apply, generation=generation_id)


def record(job: Job, pieces: list[Piece], *, renew: bool, checkpoint: bool) -> Change:
    """Append what has arrived."""

    def apply(log: Transaction) -> None:
        log.fenced(job.generation, job.fence)
        _append(log, job, pieces)
        if checkpoint:
            log.checkpoint(job.message)
        if renew:
            lease.renew(job.generation, log.now)

    return Change(job.room, apply, generation=job.generation)


def renew(job: Job) -> Change:
    """Keep the lease while the provider is silent."""

    def apply(log: Transaction) -> None:
        log.fenced(job.generation, job.fence)
        lease.renew(job.generation, log.now)

    return Change(job.room, apply, generation=job.generation)


def finish(job: Job, pieces: list[Piece], outcome: Outcome) -> Change:
    """Append the last text, and end."""

    def apply(log: Transaction) -> None:
        generation = log.fenced(job.generation, job.fence)
        _append(log, job, pieces)
        close_answer(log, generation, outcome.status, outcome=outcome)

    return Change(job.room, apply, generation=job.generation)


def expire(room_id: str, generation_id: int) -> Change:
    """End a question that no worker took for CHATLAB_QUEUE_TTL seconds."""

    def apply(log: Transaction) -> None:
        generation = log.generation(generation_id)
        old = log.now - timedelta(seconds=settings.CHATLAB_QUEUE_TTL)
        waiting = Generation.objects.filter(pk=generation_id, status=Status.QUEUED, queued_at__lt=old)
        if generation.status == Status.QUEUED and waiting.exists():
            close_answer(log, generation, Status.FAILED, outcome=Outcome(Status.FAILED, "expired", EXPIRED))

    return Change(room_id, apply, generation=generation_id)


def close_answer(
    log: Transaction,
    generation: LockedGeneration,
    status: str,
    *,
    by: str | None = None,
    outcome: Outcome | None = None,
) -> None:
    """The terminal delta, exactly once: the caller has seen that the generation is open, under its room's lock.

    The fence is raised with it, so that a worker that does not know yet is refused.
    """
    outcome = outcome or Outcome(status)
    at = datetime.now(UTC)
    log.checkpoint(generation.message)
    digest = Message.objects.values_list("digest", flat=True).get(pk=generation.message)
    failure = frames.failure(outcome.failure_code, outcome.failure_detail) if outcome.failure_code else None
    payload = frames.closed(generation.message, status, digest, usage=outcome.usage, failure=failure, by=by)
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
        usage=outcome.usage,
        closed_by=by,
        closed_at=at,
    )
    generation.status = status
    log.stops.append(generation.id)


def _begin(log: Transaction, generation: LockedGeneration) -> Job:
    row = Generation.objects.values("model", "continues_id").get(pk=generation.id)
    at = datetime.now(UTC)
    model = row["model"] or settings.CHATLAB_MODEL or "demo-model"
    seq = log.append(
        generation.room, "started", frames.started(generation.message, model), message=generation.message, at=at
    )
    Message.objects.filter(pk=generation.message).update(seq=seq)
    Generation.objects.filter(pk=generation.id).update(model=model, started_at=at, context_seq=seq)
    return Job(generation.id, generation.fence, generation.room, generation.message, model, row["continues_id"], seq)


def _append(log: Transaction, job: Job, pieces: list[Piece]) -> None:
    for piece in pieces:
        log.append(
            job.room,
            "appended",
            frames.appended(job.message, piece.text, piece.part),
            message=job.message,
            digest=piece.digest,
            at=piece.at,
        )
