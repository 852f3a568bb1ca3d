"""The drill's worker, with an accident where a test wants one."""

from __future__ import annotations

import signal
from pathlib import Path

from rooms.drill.worker import Worker

from .server import Server
from .waiting import eventually


class WorkerProcess(Worker):
    """On the database and channel layer of a server. `accident`: one of tests/accidents."""

    def __init__(self, server: Server, log: Path, accident: str = "", **settings: str):
        if accident:
            settings |= {"DJANGO_SETTINGS_MODULE": "tests.accidents.settings", "CHATLAB_ACCIDENT": accident}
        super().__init__(log, {**server.env, **settings})

    def terminate_soon(self) -> None:
        """SIGTERM, without waiting for what it does."""
        self.send(signal.SIGTERM)

    def is_frozen(self) -> bool:
        return Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"

    async def died(self, within: float = 10.0) -> None:
        await eventually(lambda: not self.running, within, "the worker is gone")
