from __future__ import annotations

import asyncio
import random
import signal
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo
from importlib import import_module
from pathlib import Path

from django.apps import AppConfig
from django.conf import settings

from .lies import LIES

WINDOW = 20  # later events that may come before one
HOLD_FOR = 60.0  # seconds: a test that went wrong must not leave a process waiting for ever


class Accidents(AppConfig):
    name = "tests.accidents"

    def ready(self) -> None:
        name, _, argument = settings.CHATLAB_ACCIDENT.partition(":")
        _ACCIDENTS[name](argument)


def die() -> None:
    _signal(signal.SIGKILL)


def freeze() -> None:
    _signal(signal.SIGSTOP)


def _signal(number: signal.Signals) -> None:
    """To this thread, which then gets no further: one for the process may be taken by another thread, later."""
    signal.pthread_kill(threading.get_ident(), number)


def dies_before_it_claims(_: str) -> None:
    from rooms import generation

    generation.claim = lambda *args: die()


def dies_before_it_commits(text: str) -> None:
    """Killed when the rows are written and the transaction is not committed yet; whoever was told of them too early
    has had half a second to tell others.
    """
    from django.db.backends.base.base import BaseDatabaseWrapper

    staged = _when_staged(text, lambda: None)
    commit = BaseDatabaseWrapper.commit

    def dying_commit(self: BaseDatabaseWrapper) -> None:
        if staged:
            time.sleep(0.5)
            die()
        commit(self)

    BaseDatabaseWrapper.commit = dying_commit


def dies_before_it_publishes(text: str) -> None:
    """Killed when the text is committed and nobody has been told."""
    writer = import_module("rooms.actions.commit")._writer
    publish = writer._on_commit

    def dying_publish(batch) -> None:
        if any(text in item for segment in batch.segments for item in segment.items):
            die()
        publish(batch)

    writer._on_commit = dying_publish


def dies_before_it_ends_an_answer(_: str) -> None:
    """Killed when the provider has said that it is over, and the log does not have it yet."""
    from rooms.generation import recorder

    recorder.finish = lambda *args: die()


def freezes_in_a_transaction(text: str) -> None:
    """Stopped with the room's row locked."""
    _when_staged(text, freeze)


def holds_its_claims(path: str) -> None:
    """Everything that is to be claimed waits until a file appears; then all of it goes at once. Another file grows by
    a byte for each that waits.
    """
    from rooms import worker

    run, may_go = worker.run, Path(path).exists

    async def held(*args, **kwargs) -> None:
        _note(Path(f"{path}.waiting"))
        ends = time.monotonic() + HOLD_FOR
        while not may_go() and time.monotonic() < ends:
            await asyncio.sleep(0.001)
        await run(*args, **kwargs)

    worker.run = held


def hears_nothing(times: str) -> None:
    """The listener of the worker's channel fails this often, then works."""
    from rooms import process

    listen, failures = process.listen, iter(range(int(times)))

    async def failing() -> None:
        if next(failures, None) is not None:
            raise ConnectionError("on purpose")
        await listen()

    process.listen = failing


def gives_up_after(seconds: str) -> None:
    """A database that is away, or that somebody holds (SQLite), is waited for no longer than this."""
    from rooms.log import writer

    writer.RETRY_FOR = float(seconds)
    if settings.DATABASES["default"]["ENGINE"].endswith("sqlite3"):
        settings.DATABASES["default"]["OPTIONS"]["timeout"] = float(seconds)


def hears_badly(path: str) -> None:
    """Of what comes from Redis, events are lost, come twice, or come after up to WINDOW later ones. A file holds these
    three shares, also while it runs; another one, `PATH.lost`, grows by a byte for each that is lost.
    """
    from rooms.broadcast.redis import _LoopLayer

    chance, hear, held, count = random.Random(Path(sys.argv[0]).name), _LoopLayer.deliver, [], 0

    def hearing(self: _LoopLayer, topic: str, data: bytes) -> None:
        nonlocal count
        count += 1
        loss, twice, late = map(float, Path(path).read_text().split())
        fate = chance.random()
        if fate < loss:
            _note(Path(f"{path}.lost"))
        elif fate < loss + late:
            held.append((count + chance.randint(1, WINDOW), topic, data))
        else:
            hear(self, topic, data)
            if chance.random() < twice:
                hear(self, topic, data)
        for entry in [entry for entry in held if entry[0] <= count]:
            held.remove(entry)
            hear(self, *entry[1:])

    _LoopLayer.deliver = hearing


def has_another_clock(seconds: str) -> None:
    """Its own clock differs from everybody else's by so much."""
    from rooms import database
    from rooms.actions import generations, messages
    from rooms.generation import recorder
    from rooms.log import append

    class Shifted(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = UTC) -> datetime:
            return datetime.now(tz) + timedelta(seconds=float(seconds))

    for module in (database, generations, messages, recorder, append):
        module.datetime = Shifted


def blocks_its_loop(seconds: str) -> None:
    """SIGUSR2 makes the event loop's thread sleep for so long."""
    signal.signal(signal.SIGUSR2, lambda *_: time.sleep(float(seconds)))


def joins_late(seconds: str) -> None:
    """A fresh socket waits before it joins its room's group."""
    _wait_before("rooms.broadcast", "Mailbox", "join", float(seconds))


def reads_late(seconds: str) -> None:
    """A fresh socket has joined its room's group, and waits before it reads."""
    _wait_before("rooms.delivery.subscription", "Subscription", "open", float(seconds))


def _wait_before(module: str, kind: str, method: str, seconds: float) -> None:
    owner = getattr(import_module(module), kind)
    done = getattr(owner, method)

    async def late(self, *args) -> None:
        await asyncio.sleep(seconds)
        await done(self, *args)

    setattr(owner, method, late)


def _note(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b".")


def _when_staged(text: str, happens: Callable[[], None]) -> list[bool]:
    """Once, when rows with this text are written inside their transaction. The list is filled then."""
    from rooms.log.append import Transaction

    flush, seen = Transaction.flush, []

    def watching(self: Transaction) -> None:
        fresh = [row for room in self.rooms.values() for row in room.rows[room.flushed :]]
        flush(self)
        if not seen and any(row.kind == "appended" and text in row.payload for row in fresh):
            seen.append(True)
            happens()

    Transaction.flush = watching
    return seen


def finds_nothing_but_faults(words: str) -> None:
    """Every search fails, with these words."""
    from rooms import search

    def find(*args) -> None:
        raise ArithmeticError(words)

    search.find = find


_ACCIDENTS = {
    accident.__name__: accident
    for accident in (
        dies_before_it_claims,
        dies_before_it_commits,
        dies_before_it_publishes,
        dies_before_it_ends_an_answer,
        freezes_in_a_transaction,
        holds_its_claims,
        hears_nothing,
        hears_badly,
        has_another_clock,
        blocks_its_loop,
        joins_late,
        reads_late,
        *LIES,
        gives_up_after,
        finds_nothing_but_faults,
    )
}
