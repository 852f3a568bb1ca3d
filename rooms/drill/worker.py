"""Workers in processes of their own, on the database and channel layer of a server."""

from __future__ import annotations

from pathlib import Path

from .processes import Process, python
from .server import alarms_in
from .waiting import eventually


class Worker(Process):
    """`manage.py runworker generations`, with the environment of a server."""

    def __init__(self, log: Path, env: dict[str, str]):
        super().__init__(python("manage.py", "runworker", "generations"), log, env)

    async def ready(self, since: int = 0) -> None:
        await eventually(lambda: "takes generations" in self.log(since) or not self.running, 30, "the worker is there")
        self.require_running(since)

    def alarms(self, since: int = 0) -> list[str]:
        return alarms_in(self.log(since))
