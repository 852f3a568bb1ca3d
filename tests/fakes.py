"""What the unit tests put in the place of people, providers and the channel layer. The log, its writer and its readers
are always the real ones.
"""

from __future__ import annotations

import asyncio
import json
import random
import secrets
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from channels.layers import channel_layers
from django.db import connections
from django.db.backends.utils import CursorWrapper

from rooms import actions, database, frames, log
from rooms.access import Visitor
from rooms.actions import Job, Outcome, Piece, Receipt, commit_now
from rooms.broadcast import RoomEvent
from rooms.broadcast.memory import MemoryLayer
from rooms.delivery.hub import RoomHub, hub
from rooms.delivery.subscription import Subscription
from rooms.delivery.viewer import ViewerSubscription
from rooms.fold import fold
from rooms.frames import Cursor
from rooms.limits import limits
from rooms.models import Generation, Room
from rooms.providers import Ended, Request, TextDelta
from rooms.text import EMPTY_DIGEST, digest


@contextmanager
def alone() -> Iterator[None]:
    """A test with database threads and limits of its own. The log commits on a thread, so on a connection of its own:
    a test that uses it can't run inside a transaction.
    """
    limits.__init__()
    try:
        yield
    finally:
        actions.close_writer()
        database.close()
        channel_layers.backends.clear()
        limits.__init__()


@contextmanager
def busy(writer: log.Writer) -> Iterator[None]:
    """What is submitted inside gathers: the writer is held up by a commit."""
    begun, go_on = threading.Event(), threading.Event()

    def wait(transaction: log.Transaction) -> None:
        begun.set()
        assert go_on.wait(10)

    held = writer.submit(log.Change(None, wait))
    assert begun.wait(10)
    yield
    go_on.set()
    held.result(10)


@contextmanager
def statements() -> Iterator[list[str]]:
    """What this process asks of the database meanwhile, on all its threads. An `executemany` is one statement:
    PostgreSQL gets it in one go.
    """
    sent: list[str] = []

    def noting(method: Callable) -> Callable:
        def note(cursor: CursorWrapper, sql: str, *rest: object) -> object:
            sent.append(sql)
            return method(cursor, sql, *rest)

        return note

    with pytest.MonkeyPatch.context() as patch:
        for name in ("execute", "executemany"):
            patch.setattr(CursorWrapper, name, noting(getattr(CursorWrapper, name)))
        yield sent


async def in_thread(function: Callable[..., Any], *args: object) -> Any:
    """Run what writes to the database beside the event loop; its thread's connection goes back to the pool."""

    def run() -> Any:
        try:
            return function(*args)
        finally:
            connections.close_all()

    return await asyncio.to_thread(run)


def client_id() -> str:
    return secrets.token_urlsafe(12)


# -- a room and what is said in it -------------------------------------------------------------------------------------

BESIDE = {"parent": None, "branch": True}  # fields of a question that follows nothing, so its answer waits for no other


@dataclass
class Place:
    """A room and one of its members."""

    room: str
    member: str
    visitor: Visitor

    def post(self, text: str = "Why?", *, client_id: str | None = None, **fields: object) -> Receipt:
        frame = frames.Post(client_id or secrets.token_urlsafe(12), text, **fields)
        return commit_now(actions.post(self.member, self.room, frame))

    def begin(self, text: str = "Why?", **fields: object) -> Pen:
        """A question, and the pen that holds the lease of its answer."""
        return Pen.claim(self.room, self.post(text, **fields).answer)

    def answered(self, *texts: str, **fields: object) -> Receipt:
        receipt = self.post(**fields)
        pen = Pen.claim(self.room, receipt.answer)
        pen.write(*texts)
        pen.end()
        return receipt

    def stop(self, message: str) -> None:
        commit_now(actions.stop(self.member, self.room, message))

    def join(self, name: str | None = None) -> Place:
        visitor = Visitor(guest=secrets.token_urlsafe(12))
        return Place(self.room, commit_now(actions.join(visitor, self.room, name)).member.pk, visitor)

    @property
    def head(self) -> Cursor:
        return log.head_of(self.room)


def new_place(title: str = "A place") -> Place:
    visitor = Visitor(guest=secrets.token_urlsafe(12))
    joined = commit_now(actions.create_room(visitor, title))
    return Place(joined.room.pk, joined.member.pk, visitor)


@dataclass
class Pen:
    """A worker's hand: appends to one answer, with the fence it was given and the running digest."""

    job: Job
    digest: str = EMPTY_DIGEST
    written: str = ""
    thought: str = ""

    @classmethod
    def claim(cls, room: str, answer: str, holder: str = "worker") -> Pen | None:
        """None where the answer is not to be had. It may have text already: it goes on from another one."""
        job = commit_now(actions.claim(room, generation_of(answer), holder))
        if job is None:
            return None
        held = next(body for body in log.snapshot(room)["messages"] if body["id"] == answer)
        return cls(job, held["digest"], held["text"], held.get("reasoning", ""))

    def piece(self, text: str, part: str = "text") -> Piece:
        if part == "text":
            self.written += text
            self.digest = digest(text, self.digest)
            return Piece(part, text, self.digest, datetime.now(UTC))
        self.thought += text
        return Piece(part, text, "", datetime.now(UTC))

    def record(self, *texts: str, part: str = "text", renew: bool = False, checkpoint: bool = False) -> log.Change:
        pieces = [self.piece(text, part) for text in texts]
        return actions.record(self.job, pieces, renew=renew, checkpoint=checkpoint)

    def write(self, *texts: str, **options: object) -> None:
        """One commit for each text."""
        for text in texts:
            self.job.written = commit_now(self.record(text, **options))

    def end(self, status: str = "complete", *last: str, **outcome: object) -> None:
        commit_now(actions.finish(self.job, [self.piece(text) for text in last], Outcome(status, **outcome)))


def shown_to_the_model(answer: str) -> list[tuple[str, str]]:
    """What the conversation before an answer says, whoever says it."""
    return [turn[:2] for turn in log.context_of(answer).turns]


def generation_of(answer: str) -> int:
    return Generation.objects.values_list("pk", flat=True).get(message=answer)


def items_after(room: str, after: Cursor) -> Iterator[str]:
    """Everything that follows a cursor, page by page."""
    while (page := log.page_after(room, after)).items:
        yield from page.items
        after = page.cursor


def start_of(room: str) -> Cursor:
    """The cursor before the first delta that the log holds."""
    floor, chain = Room.objects.values_list("floor", "floor_chain").get(pk=room)
    return Cursor(floor - 1, chain)


# -- a provider that follows a script ----------------------------------------------------------------------------------


@dataclass
class ScriptedProvider:
    """Yields what it was given: strings are text, `("reasoning", ...)` is reasoning, an exception is raised, a
    function is awaited, an Ended ends.
    """

    script: Iterable[object]
    asked: list[Request] = field(default_factory=list)
    closed: int = 0

    background = False

    async def stream(self, request: Request) -> AsyncIterator[TextDelta | Ended]:
        self.asked.append(request)
        try:
            for step in self.script:
                if isinstance(step, str):
                    yield TextDelta("text", step)
                elif isinstance(step, tuple):
                    yield TextDelta(*step)
                elif callable(step):
                    await step()
                elif isinstance(step, BaseException):
                    raise step
                else:
                    yield step
        finally:
            self.closed += 1

    async def close(self) -> None:
        pass


# -- a channel layer that does what it may -----------------------------------------------------------------------------


class LossyLayer(MemoryLayer):
    """Loses every n-th event of each receiver, and by its seed repeats and holds back others, which then arrive after
    later ones. `every=1` loses all. Only events of rooms are touched.
    """

    def __init__(self, *, every: int = 0, repeat: float = 0.0, hold: float = 0.0, seed: int = 0, **kwargs):
        super().__init__(**kwargs)
        self._every, self._repeat, self._hold = every, repeat, hold
        self._random = random.Random(seed)
        self._count = 0
        self._held: deque[tuple[int, str, dict]] = deque()
        self.lost = self.repeated = self.late = 0

    async def group_send(self, group: str, message: dict) -> None:
        if message["type"] != "room.deltas":
            await super().group_send(group, message)
            return
        for channel in list(self._groups.get(group, ())):
            self._count += 1
            if self._every and self._count % self._every == 0:
                self.lost += 1
            elif self._random.random() < self._hold:
                self.late += 1
                self._held.append((self._count + self._random.randint(1, 9), channel, message))
            else:
                self._put(channel, message)
                if self._random.random() < self._repeat:
                    self.repeated += 1
                    self._put(channel, message)
        for _ in range(len(self._held)):
            due, channel, held = self._held.popleft()
            if due <= self._count:
                self._put(channel, held)
            else:
                self._held.append((due, channel, held))

    def _put(self, channel: str, message: dict) -> None:
        if channel in self._queues and not self._queues[channel].full():
            self._queues[channel].put_nowait(message)


# -- what a server process runs ----------------------------------------------------------------------------------------


@asynccontextmanager
async def serving(layer: MemoryLayer | None = None) -> AsyncIterator[None]:
    """Publishing, hearing and the watch over the heads, on this event loop and over this layer."""
    channel_layers.set("default", layer or MemoryLayer())
    actions.start_publishing()
    tasks = [asyncio.create_task(hub.watch()), asyncio.create_task(hub.listen())]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        await actions.stop_publishing()


# -- a tab -------------------------------------------------------------------------------------------------------------


async def hear(room: RoomHub, *events: RoomEvent) -> None:
    """Events of the layer, and all that the room's subscriptions do about them."""
    for event in events:
        room.hear(event)
    await settled(*room.subscriptions)


async def settled(*subscriptions: Subscription) -> None:
    for subscription in subscriptions:
        await asyncio.gather(*subscription._tasks.values())


def subscribed(room: RoomHub, screen: Screen, link: str = "") -> Subscription:
    """`link`: of somebody who has shown a read-only link."""
    subscription = ViewerSubscription(room, screen, link) if link else Subscription(room, screen)
    room.subscriptions.add(subscription)
    return subscription


class Screen:
    """What one tab shows: takes frames as docs/protocol.md section 6 says, notes what should never come, and what a
    client says to them.
    """

    def __init__(self, state: dict | None = None, cursor: str = "") -> None:
        self.state: dict = state or {"room": {}, "members": {}, "messages": []}
        self.cursor = cursor
        self.frames: list[dict] = []
        self.says: list[dict] = []  # what a client sends in answer
        self.applied: list[int] = []
        self.faults: list[str] = []
        self.level = False
        self.busy_since: float | None = None  # its transport takes everything
        self.dismissed: list[int] = []  # the codes with which it was to be closed
        self._repairing = False
        self._unconfirmed = 0

    @property
    def seq(self) -> int:
        return int(self.cursor.partition(".")[0] or 0)

    async def send(self, text: str) -> None:
        self.take(text)

    def write(self, text: str) -> None:
        self.take(text)

    def dismiss(self, code: int) -> None:
        self.dismissed.append(code)

    def take(self, text: str) -> None:
        frame = json.loads(text)
        self.frames.append(frame)
        handler = getattr(self, f"_take_{frame['type']}", None)
        if handler is not None:
            handler(frame)
        self._unconfirmed += len(text.encode())
        if self._unconfirmed >= 65_536:
            self.say_sync()

    def say_sync(self, **fields: object) -> None:
        self._unconfirmed = 0
        self.says.append({"type": "sync", "cursor": self.cursor, **fields})

    def kinds(self, since: int = 0) -> list[str]:
        """The types of what came, in order: what moves the cursor, and that it is level."""
        moving = ("snapshot", "deltas", "synced")
        return [frame["type"] for frame in self.frames[since:] if frame["type"] in moving]

    def of(self, kind: str) -> list[dict]:
        return [frame for frame in self.frames if frame["type"] == kind]

    def text_of(self, message: str) -> str | None:
        return next((held["text"] for held in self.state["messages"] if held["id"] == message), None)

    def _take_snapshot(self, frame: dict) -> None:
        self.state = {part: value for part, value in frame.items() if part not in ("type", "cursor")}
        self.cursor = frame["cursor"]
        self.applied = []
        self._repairing = False

    def _take_deltas(self, frame: dict) -> None:
        sequences = [item["seq"] for item in frame["items"]]
        last = int(frame["cursor"].partition(".")[0])
        if sequences != list(range(sequences[0], last + 1)):
            self.faults.append(f"a torn frame: {sequences}, {frame['cursor']}")
        if sequences[0] > self.seq + 1:
            self.faults.append(f"a gap: {sequences[0]} after {self.seq}")
            self.level = False
            if not self._repairing:
                self._repairing = True
                self.say_sync(repair=True)
            return
        fresh = [item for item in frame["items"] if item["seq"] > self.seq]
        if len(fresh) < len(sequences):
            self.faults.append(f"sent again: {sequences[0]} when at {self.seq}")
        if fresh:
            self._repairing = False
            self.state = fold(self.state, fresh)
            self.applied += [item["seq"] for item in fresh]
            self.cursor = frame["cursor"]

    def _take_synced(self, frame: dict) -> None:
        self.level = not self._repairing
        if frame["cursor"] == self.cursor:
            for message in self.state["messages"]:
                expected, found = frame["digests"].get(message["id"]), None
                if message["status"] == "streaming":
                    found = digest(message["text"])
                if expected != found:
                    self.faults.append(f"the digest of {message['id']} is {found}, not {expected}")
