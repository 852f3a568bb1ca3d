"""A server that writes no answers itself, with any number of workers beside it, that live and die with a test."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

from .server import Server
from .waiting import eventually
from .worker import WorkerProcess

# Shorter than in production, so that a test takes seconds; still long for a machine that is busy with other tests.
LEASE = {"CHATLAB_LEASE": "2.5", "CHATLAB_LEASE_RENEW": "0.4"}
LOOKS = {"CHATLAB_ROOM_QUEUE": "1000", "CHATLAB_QUEUE_POLL": "0.25", "CHATLAB_HEAD_CHECK": "0.5"}


class Stage:
    def __init__(self, folder: Path, upstream: str, **settings: str):
        self.folder = folder
        self.server = Server(folder, upstream, CHATLAB_WORKER="external", **LOOKS | settings)
        self.workers: list[WorkerProcess] = []
        self._count = 0

    @property
    def database(self):
        return self.server.database

    async def workers_of(self, *settings: dict[str, str]) -> list[WorkerProcess]:
        """Start one worker for each of these settings; return when all are there."""
        started = [self._worker(**own) for own in settings]
        await asyncio.gather(*(worker.ready() for worker in started))
        return started

    async def worker(self, accident: str = "", **settings: str) -> WorkerProcess:
        (started,) = await self.workers_of({"accident": accident, **settings})
        return started

    def _worker(self, **settings: str) -> WorkerProcess:
        self._count += 1
        worker = WorkerProcess(self.server, self.folder / f"worker-{self._count}.log", **LEASE | settings)
        self.workers.append(worker)
        worker.start()
        return worker

    async def holder(self, answer: str) -> WorkerProcess:
        """The worker that writes an answer, by what the database says."""

        async def found() -> WorkerProcess | None:
            query = "SELECT holder FROM rooms_generation WHERE message_id = ?"
            holder = self.database.rows(query, answer)[0][0]
            return next((worker for worker in self.workers if f":{worker.pid}:" in holder), None)

        return await eventually(found, 10, f"somebody writes {answer}")

    def generation(self, answer: str, column: str) -> object:
        return self.database.rows(f"SELECT {column} FROM rooms_generation WHERE message_id = ?", answer)[0][0]

    async def freeze(self, worker: WorkerProcess) -> None:
        """Stop a process between two transactions: what it holds is its lease, and no lock of the database."""
        for _ in range(50):
            worker.freeze()
            if not self.locked():
                return
            worker.thaw()
            await asyncio.sleep(0.01)
        raise AssertionError("the worker is never outside a transaction")

    def locked(self) -> bool:
        """Whether somebody is inside a transaction that others must wait for."""
        if not self.database.sqlite:
            query = "SELECT count(*) FROM pg_stat_activity WHERE state ~ ? AND datname = current_database()"
            return self.database.rows(query, "^idle in transaction")[0][0] > 0
        path = self.server.folder / "chatlab.sqlite3"
        with closing(sqlite3.connect(path, timeout=0.2, isolation_level=None)) as connection:
            try:
                connection.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError:
                return True
            connection.execute("ROLLBACK")
            return False

    def clear(self) -> list[str]:
        """End the workers of a test; what their logs hold that must not be there."""
        alarms = []
        for worker in self.workers:
            if worker.running:
                worker.kill()
            alarms += worker.alarms()
        self.workers = []
        return alarms
