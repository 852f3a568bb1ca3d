"""The processes that are measured, on a fresh database, and the words that results are printed in."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.harness.people import Person
from tests.harness.redis import Redis, require
from tests.harness.server import Server
from tests.harness.upstream import UpstreamProcess

from .sockets import Socket

WIDTH = 20  # characters of a stamped delta


@dataclass
class Stack:
    upstream: UpstreamProcess
    server: Server
    person: Person

    async def rooms(self, count: int) -> list[str]:
        return [await self.person.create_room(f"Room {number}") for number in range(count)]

    async def tab(self, room: str, cursor: str = "") -> Socket:
        path = f"/ws/rooms/{room}/" + (f"?cursor={cursor}" if cursor else "")
        return await Socket.open(self.server.url, path, self.person.socket_headers)


@asynccontextmanager
async def stack(
    kind: str = "daphne", layer: str = "memory", *, static: bool = False, **settings: str
) -> AsyncIterator[Stack]:
    """A provider and a server as they run in production: DEBUG off, no limits of rate. `static`: with its files."""
    folder = Path(tempfile.mkdtemp(prefix="chatlab-bench-"))
    upstream = UpstreamProcess(folder)
    upstream.start()
    redis = Redis(require(), folder) if layer == "redis" else None
    if redis is not None:
        redis.start()
        settings = {"REDIS_URL": redis.url, **settings}
    server = Server(folder, upstream.base_url, kind, DEBUG="0", STATIC_ROOT=str(folder / "static"), **settings)
    server.migrate()
    if static:
        server.manage("collectstatic", "--no-input", "--verbosity", "0")
    server.start()
    person = Person(server)
    try:
        yield Stack(upstream, server, person)
        assert not server.alarms(), server.alarms()[0]
    finally:
        await person.close()
        server.stop()
        upstream.stop()
        if redis is not None:
            redis.stop()
        shutil.rmtree(folder)


def quantiles(values: list[float]) -> str:
    """p50, p95, p99 and the worst, for one line."""
    ordered = sorted(values)
    marks = {name: ordered[min(int(len(ordered) * share), len(ordered) - 1)] for name, share in _SHARES.items()}
    return "  ".join(f"{name} {value:.1f}" for name, value in marks.items())


_SHARES = {"p50": 0.50, "p95": 0.95, "p99": 0.99, "max": 1.0}


def line(name: str, value: str) -> None:
    print(f"  {name:<34} {value}", flush=True)
