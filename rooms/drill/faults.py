"""Faults on a seeded schedule: what is killed, frozen, dismissed or emptied, when, and for how long."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import socket
from collections.abc import Callable
from dataclasses import dataclass

from .deployment import Deployment, start_worker
from .history import History
from .processes import Process
from .waiting import NotInTime
from .worker import Worker

NAME = "nemesis"
CALM_BEFORE = 15.0  # seconds without a fault at the beginning, and again at the end: what is healthy is measured there
CALM_AFTER = 15.0
GOES_WITHIN = 40.0  # seconds
DENSE = 300.0  # seconds of a drill up to which one fault follows another within seconds


@dataclass(frozen=True)
class Kind:
    """`lasts`: seconds, from and to, until it is mended. `rests`: until the next of the same row."""

    name: str
    lasts: tuple[float, float]
    target: str  # web, worker, postgres or redis
    how: str
    rests: tuple[float, float] = (3, 6)


WEBS = (
    Kind("kill a web process", (0.5, 3), "web", "kill"),
    Kind("freeze a web process", (1, 5), "web", "freeze"),
    Kind("dismiss a web process", (0.5, 2), "web", "dismiss"),
)
WORKERS = (
    Kind("kill a worker", (0.5, 3), "worker", "kill", rests=(20, 22)),  # until its lease has run out
    Kind("freeze a worker", (1, 5), "worker", "freeze"),
    Kind("freeze a worker beyond its lease", (17, 20), "worker", "freeze"),
    Kind("dismiss a worker", (0.5, 2), "worker", "dismiss"),
)
STORES = (
    Kind("kill Redis", (0.5, 4), "redis", "kill"),
    Kind("freeze Redis", (1, 6), "redis", "freeze"),
    Kind("flush Redis", (0, 0), "redis", "flush"),
    Kind("kill PostgreSQL", (0, 1), "postgres", "kill"),
    Kind("freeze PostgreSQL", (0.5, 2), "postgres", "freeze"),
    Kind("restart PostgreSQL", (0, 1), "postgres", "dismiss"),
)


@dataclass(frozen=True)
class Planned:
    kind: Kind
    at: float  # seconds after the first question, at the earliest: one fault of a row waits for the one before it
    lasts: float
    number: int  # which of several targets


def plan(kinds: tuple[Kind, ...], seed: str, seconds: float) -> list[Planned]:
    """The same for the same seed: each kind once in every round, in another order each time.

    In a long drill they are further apart, so that much is asked between them.
    """
    chance, rest = random.Random(seed), max(1.0, seconds / DENSE)
    planned: list[Planned] = []
    at, ends = CALM_BEFORE + chance.uniform(0, 2), seconds - CALM_AFTER
    while True:
        for kind in chance.sample(kinds, len(kinds)):
            lasts = chance.uniform(*kind.lasts)
            if at + lasts > ends:
                return planned
            planned.append(Planned(kind, at, lasts, chance.randrange(2)))
            at += lasts + rest * chance.uniform(*kind.rests)


class Nemesis:
    """Strikes as planned, in three rows at once: web processes, workers, and what they keep their data in."""

    def __init__(self, deployment: Deployment, history: History, seed: int, seconds: float):
        self.deployment, self.history = deployment, history
        self.rows = [plan(kinds, f"{seed} {kinds[0].target}", seconds) for kinds in (WEBS, WORKERS, STORES)]

    @property
    def planned(self) -> list[str]:
        return sorted({planned.kind.name for row in self.rows for planned in row})

    async def strike(self) -> None:
        """Return after a calm that follows the last fault."""
        began = self.history.now
        await asyncio.gather(*(self._row(row, began) for row in self.rows))
        await asyncio.sleep(CALM_AFTER)

    async def _row(self, row: list[Planned], began: float) -> None:
        for planned in row:
            await asyncio.sleep(max(0.0, began + planned.at - self.history.now))
            target = self._target(planned)
            fault = {"f": planned.kind.name, "target": target}
            self.history.note(NAME, "invoke", **fault)
            process = self.deployment.processes[target]
            mend = await asyncio.to_thread(_HOW[planned.kind.how], process)
            await asyncio.sleep(planned.lasts)
            await asyncio.to_thread(mend)
            self.history.note(NAME, "ok", **fault)

    def _target(self, planned: Planned) -> str:
        several = {"web": [web.kind for web in self.deployment.webs], "worker": ["worker 1", "worker 2"]}
        choice = several.get(planned.kind.target, [planned.kind.target])
        return choice[planned.number % len(choice)]


def _start(process: Process) -> None:
    if isinstance(process, Worker):
        start_worker(process)
    else:
        process.start()


def _kill(process: Process) -> Callable[[], None]:
    process.kill()
    return lambda: _start(process)


def _dismiss(process: Process) -> Callable[[], None]:
    """As a supervisor does: told to go, and after a while made to."""
    try:
        process.terminate(GOES_WITHIN)
    except NotInTime:
        process.kill()
    return lambda: _start(process)


def _freeze(process: Process) -> Callable[[], None]:
    """With its children: PostgreSQL has a process for each connection."""
    process.freeze()
    children = process.children()
    _signal(children, signal.SIGSTOP)

    def thaw() -> None:
        _signal(children, signal.SIGCONT)
        process.thaw()

    return thaw


def _signal(pids: list[int], number: signal.Signals) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def _flush(process: Process) -> Callable[[], None]:
    with socket.create_connection(("127.0.0.1", process.port), timeout=5) as connection:
        connection.sendall(b"FLUSHALL\r\n")
        connection.recv(16)
    return lambda: None


_HOW = {"kill": _kill, "dismiss": _dismiss, "freeze": _freeze, "flush": _flush}
