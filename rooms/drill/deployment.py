"""A deployment of our own, for faults: PostgreSQL, Redis, two web processes and two workers, all of them to be hurt."""

from __future__ import annotations

import asyncio
import re
import secrets
import shutil
import tempfile
from pathlib import Path

from . import postgres, redis
from .processes import Process
from .server import UNHANDLED, Server, alarms_in
from .waiting import wait_for
from .worker import Worker

# As in production, except for what bounds load: many questions from one address, short prompts, a quick demo model.
SETTINGS = {
    "DEBUG": "0",
    "CHATLAB_LIMITS": "off",
    "CHATLAB_WORKER": "external",
    "CHATLAB_ROOM_QUEUE": "1000",
    "CHATLAB_CONTEXT_TOKENS": "500",
    "CHATLAB_DEMO_RATE": "400",
    "CHATLAB_DRAIN": "5",
}


# Of a request that ends with its process Django leaves the task alone that listens for its end.
DJANGOS = "ASGIHandler.listen_for_disconnect"


class Deployment:
    """`logs`: a folder in which the logs of its processes are kept. They keep their addresses over restarts."""

    def __init__(self, logs: Path | None = None, **settings: str):
        self._kept = logs is not None
        self.folder = logs or Path(tempfile.mkdtemp(prefix="chatlab-drill-"))
        self.folder.mkdir(parents=True, exist_ok=True)
        self.cluster = postgres.Cluster(postgres.require())
        self.redis = redis.Redis(redis.require(), self.folder)
        self._settings = {"SECRET_KEY": secrets.token_urlsafe(40), "REDIS_URL": self.redis.url, **SETTINGS, **settings}
        self.webs: list[Server] = []
        self.workers: list[Worker] = []

    def start(self) -> None:
        self.cluster.start()
        self.redis.start()
        env = {**self._settings, "DATABASE_URL": self.cluster.new_database()}
        self.webs = [Server(self.folder / f"{kind}.log", kind, **env) for kind in ("uvicorn", "daphne")]
        self.webs[0].migrate()
        self.workers = [Worker(self.folder / f"worker-{n}.log", self.webs[0].env) for n in (1, 2)]
        for web in self.webs:
            web.start()
        for worker in self.workers:
            start_worker(worker)

    @property
    def urls(self) -> list[str]:
        return [web.url for web in self.webs]

    @property
    def processes(self) -> dict[str, Process]:
        names = {web.kind: web for web in self.webs}
        names |= {f"worker {number}": worker for number, worker in enumerate(self.workers, 1)}
        return {**names, "postgres": self.cluster, "redis": self.redis}

    def verify(self) -> str:
        """What `manage.py verify` finds wrong; empty where it finds nothing."""
        done = self.webs[0].manage("verify", check=False)
        return "" if done.returncode == 0 else done.stdout + done.stderr

    def alarms(self) -> dict[str, list[str]]:
        """What the logs of our own processes hold that must not be there. A line that says what is broken may be."""
        ours = {name: process for name, process in self.processes.items() if name not in ("postgres", "redis")}
        found = {name: alarms_in(process.log(), re.compile(UNHANDLED)) for name, process in ours.items()}
        return {name: [alarm for alarm in alarms if DJANGOS not in alarm] for name, alarms in found.items()}

    async def stop(self) -> None:
        await asyncio.to_thread(self._stop)

    def _stop(self) -> None:
        for process in (*self.workers, *self.webs):
            if process.running:
                process.kill()
        self.redis.stop()
        self.cluster.stop()
        if not self._kept:
            shutil.rmtree(self.folder, ignore_errors=True)


def start_worker(worker: Worker) -> None:
    mark = worker.mark()
    worker.start()
    wait_for(lambda: "takes generations" in worker.log(mark) or not worker.running, 60, "the worker is there")
    worker.require_running(mark)
