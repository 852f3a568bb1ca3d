"""Group commit: one thread and one connection for everything this process writes to the log.

While one commit is under way the next batch gathers. A lone delta is committed at once, and batches grow when there is
load: the commit itself is the delay, and where the CPU is used up, `pace` adds a little.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from django.db import connection, connections, transaction

from .. import database, frames
from ..errors import Fenced, RoomError, Unavailable
from ..models import Delta
from .append import Change, Transaction
from .locked import LockedRoom
from .pace import Pace
from .read import note_digest

logger = logging.getLogger(__name__)

BATCH_MAX = 500  # changes in one transaction
RETRY_FOR = 10.0  # seconds that a lost database is waited for before the callers are told


@dataclass(slots=True)
class Segment:
    """Consecutive deltas of one room, as they are committed: what is published, and nothing else is."""

    room: str
    first: int
    last: int
    items: list[str]
    before: str  # the chain that the first continues
    chain: str  # of the last
    digests: dict[str, str | None]  # message: its running digest; None where it does not stream


@dataclass(slots=True)
class Batch:
    segments: list[Segment]
    starts: list[tuple[str, int]]  # (room, generation) that may be started
    stops: list[int]  # generations whose worker must let go


class Writer:
    """Takes changes from any thread; `on_commit` is called on the writer's thread with each batch after its commit."""

    def __init__(self, on_commit: Callable[[Batch], None], pace: Callable[[], Pace] = Pace):
        self._on_commit, self._pace = on_commit, pace
        self._queue: queue.SimpleQueue[tuple[Change, Future] | None] = queue.SimpleQueue()  # of the thread below
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def submit(self, change: Change) -> Future:
        """The future holds what `change.apply` returned, once it is committed, or why it is not."""
        future: Future = Future()
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                self._queue = queue.SimpleQueue()
                self._thread = threading.Thread(
                    target=self._loop, args=[self._queue], name="chatlab-writer", daemon=True
                )
                self._thread.start()
            self._queue.put((change, future))
        return future

    def close(self) -> None:
        """Commit what is waiting, end the thread and its connection. The next submit starts a new one."""
        with self._lock:
            thread, self._thread = self._thread, None
            if thread is not None:
                self._queue.put(None)
        if thread is not None:
            thread.join()

    def _loop(self, waiting: queue.SimpleQueue) -> None:
        database.quiet_connection()
        pace, began, company = self._pace(), 0.0, False
        try:
            while (first := waiting.get()) is not None:
                wait = began + pace.next() - time.monotonic()
                if company and wait > 0:  # what comes one by one, each after the one before, waits for nobody
                    time.sleep(wait)
                began = time.monotonic()
                batch, ending = [first], False
                while len(batch) < BATCH_MAX:
                    try:
                        entry = waiting.get_nowait()
                    except queue.Empty:
                        break
                    if entry is None:
                        ending = True
                        break
                    batch.append(entry)
                company = len(batch) > 1
                self._handle([entry for entry in batch if entry[1].set_running_or_notify_cancel()])
                if ending:
                    break
        finally:
            connections.close_all()

    def _handle(self, entries: list[tuple[Change, Future]]) -> None:
        if not entries:
            return
        try:
            outcomes = self._commit_through_outages([change for change, _ in entries])
        except Exception as error:
            if len(entries) > 1 and not isinstance(error, Unavailable):
                # One of them spoils the transaction for all; alone, it fails alone.
                for some in _apart(entries):
                    self._handle(some)
                return
            if not isinstance(error, (RoomError, Fenced)):
                logger.exception("a change of room %s failed", entries[0][0].room)
            for _, future in entries:
                future.set_exception(error)
            return
        for (_, future), outcome in zip(entries, outcomes, strict=True):
            if isinstance(outcome, BaseException):
                future.set_exception(outcome)
            else:
                future.set_result(outcome)

    def _commit_through_outages(self, changes: list[Change]) -> list[Any]:
        deadline = time.monotonic() + RETRY_FOR
        pause, unknown = 0.05, None
        while True:
            attempt = _Attempt(changes)
            try:
                attempt.run(unknown)
                break
            except database.CONNECTION_ERRORS as error:
                connection.close()
                unknown = attempt if attempt.batch is not None else unknown  # it came as far as its COMMIT
                several = len({change.room for change in changes}) > 1
                if several and unknown is None and database.is_contention(error):
                    raise  # a room that somebody holds does not keep the others waiting
                if time.monotonic() > deadline or database.is_sated(error):
                    logger.error("what was to be committed could not be: %s", error)
                    raise Unavailable("This could not be saved. Try again.", retry_after=5) from error
                time.sleep(pause)  # at most RETRY_FOR in all
                pause = min(pause * 2, 1.0)
        if attempt.batch is not None:
            self._on_commit(attempt.batch)
        return attempt.outcomes


class _Attempt:
    """One try at committing a batch of changes."""

    def __init__(self, changes: list[Change]):
        self.changes = changes
        self.outcomes: list[Any] = []
        self.batch: Batch | None = None
        self._last_row: tuple[str, int, str] | None = None

    def run(self, unknown: _Attempt | None) -> None:
        """`unknown`: an attempt that lost its connection in COMMIT. Whether it landed is asked under the rooms' locks:
        the server may still have been busy with it.
        """
        database.wait_for_disk(any(change.told for change in self.changes))
        with transaction.atomic():
            log = Transaction(self.changes)
            if unknown is not None and unknown.landed():
                self.outcomes, self.batch, self._last_row = unknown.outcomes, unknown.batch, unknown._last_row
                return
            for change in self.changes:
                self.outcomes.append(_apply(change, log))
            log.flush()
            segments = [_segment(room) for room in log.rooms.values() if room.rows]
            self.batch = Batch(segments, log.starts, log.stops)
            self._last_row = next(((s.room, s.last, s.chain) for s in segments), None)

    def landed(self) -> bool:
        """After a connection was lost in COMMIT: what the database holds decides whether it happened.

        The chain is a hash over place and content, so an equal chain at an equal sequence can only be this batch.
        """
        if self._last_row is None:
            return False
        room, seq, chain = self._last_row
        return Delta.objects.filter(room=room, seq=seq, chain=chain).exists()


def _apart(entries: list[tuple[Change, Future]]) -> list[list[tuple[Change, Future]]]:
    """By rooms; what is of one room already, one by one."""
    of_room: dict[str | None, list[tuple[Change, Future]]] = {}
    for entry in entries:
        of_room.setdefault(entry[0].room, []).append(entry)
    return list(of_room.values()) if len(of_room) > 1 else [[entry] for entry in entries]


def _apply(change: Change, log: Transaction) -> Any:
    staged = log.staged
    try:
        return change.apply(log)
    except (RoomError, Fenced) as refusal:
        if log.staged != staged:
            raise
        return refusal


def _segment(room: LockedRoom) -> Segment:
    digests: dict[str, str | None] = {}
    for row in room.rows:
        note_digest(digests, row.kind, row.message, row.digest)
    items = [frames.item(row.seq, row.at, row.kind, row.payload) for row in room.rows]
    return Segment(room.id, room.rows[0].seq, room.head, items, room.before.chain, room.chain, digests)
