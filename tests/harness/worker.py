"""A worker in a process of its own, on the database and channel layer of a server."""

from __future__ import annotations

from pathlib import Path

from .processes import Process, python
from .server import ALARMS, Server


class WorkerProcess(Process):
    """`manage.py runworker generations`."""

    def __init__(self, server: Server, log: Path, **settings: str):
        super().__init__(python("manage.py", "runworker", "generations"), log, {**server.env, **settings})

    def alarms(self) -> list[str]:
        lines = self.log().splitlines()
        return ["\n".join(lines[max(n - 2, 0) : n + 40]) for n, line in enumerate(lines) if ALARMS.search(line)]
