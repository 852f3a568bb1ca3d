"""Workers in processes of their own, on the database and channel layer of a server."""

from __future__ import annotations

import signal
from pathlib import Path

from .processes import Process, python
from .server import ALARMS, Server
from .waiting import eventually


class WorkerProcess(Process):
    """`manage.py runworker generations`. `accident`: one of tests/accidents."""

    def __init__(self, server: Server, log: Path, accident: str = "", **settings: str):
        if accident:
            settings |= {"DJANGO_SETTINGS_MODULE": "tests.accidents.settings", "CHATLAB_ACCIDENT": accident}
        super().__init__(python("manage.py", "runworker", "generations"), log, {**server.env, **settings})

    async def ready(self) -> None:
        await eventually(lambda: "takes generations" in self.log() or not self.running, 30, "the worker is there")
        assert self.running, self.log()

    def terminate_soon(self) -> None:
        """SIGTERM, without waiting for what it does."""
        self.send(signal.SIGTERM)

    def is_frozen(self) -> bool:
        return Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"

    async def died(self, within: float = 10.0) -> None:
        await eventually(lambda: not self.running, within, "the worker is gone")

    def alarms(self) -> list[str]:
        lines = self.log().splitlines()
        return ["\n".join(lines[max(n - 2, 0) : n + 40]) for n, line in enumerate(lines) if ALARMS.search(line)]
