"""A process of ours: started with its log in a file, ended in every way a process can end."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

from .waiting import wait_for

ROOT = Path(__file__).resolve().parent.parent.parent
# This machine's own settings must not reach the processes, nor a file .env beside the code.
NOT_INHERITED = (
    "CHATLAB_",
    "OPENAI_",
    "OPEN_AI_",
    "REDIS_",
    "PYTEST_",
    "DJANGO_",
    "DATABASE_",
    "SECRET_KEY",
    "DEBUG",
    "HTTPS",
    "ALLOWED_HOSTS",
    "CSRF_TRUSTED_ORIGINS",
    "LOG_LEVEL",
    "TEST_DATABASE",
)


def environment(**settings: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(NOT_INHERITED)}
    fixed = {"PYTHONUNBUFFERED": "1", "PYTHONPATH": str(ROOT), "ENV_FILE": os.devnull}
    fixed["CHATLAB_COOKIE_PORT"] = "off"  # processes of one site, on several ports: nothing balances them
    return {**kept, **fixed, **settings}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def children_of(pid: int) -> list[int]:
    """What a process has forked, from any of its threads, by process id. Linux only."""
    forked = (path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/children"))
    return [int(child) for text in forked for child in text.split()]


class Process:
    """A command with its stdout and stderr in one file, which outlives restarts."""

    def __init__(self, command: list[str], log: Path, env: dict[str, str]):
        self.command, self.log_path, self.env = command, log, env
        self.popen: subprocess.Popen | None = None

    def start(self) -> None:
        with self.log_path.open("ab") as log:
            self.popen = subprocess.Popen(
                self.command, cwd=ROOT, env=self.env, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    @property
    def pid(self) -> int:
        return self.popen.pid

    @property
    def running(self) -> bool:
        return self.popen is not None and self.popen.poll() is None

    def require_running(self, mark: int = 0) -> None:
        if not self.running:
            raise RuntimeError(f"{' '.join(self.command[:4])} did not start:\n{self.log(mark)}")

    def send(self, number: signal.Signals) -> None:
        self.popen.send_signal(number)

    def kill(self) -> None:
        """kill -9: no handler, no flush, no goodbye."""
        self.popen.kill()
        self.popen.wait(10)

    def freeze(self) -> None:
        self.send(signal.SIGSTOP)

    def thaw(self) -> None:
        self.send(signal.SIGCONT)

    def terminate(self, within: float = 15.0) -> int:
        """SIGTERM, and its exit code; NotInTime where it doesn't end."""
        self.send(signal.SIGTERM)
        wait_for(lambda: not self.running, within, f"{self.command[1:4]} ends on SIGTERM")
        return self.popen.returncode

    def children(self) -> list[int]:
        return children_of(self.pid)

    def stop(self) -> None:
        if self.running:
            with contextlib.suppress(ProcessLookupError):
                self.thaw()
                self.send(signal.SIGTERM)
            try:
                self.popen.wait(10)
            except subprocess.TimeoutExpired:
                self.kill()

    def log(self, since: int = 0) -> str:
        """What it has printed, from a byte on (see `mark`)."""
        if not self.log_path.exists():
            return ""
        with self.log_path.open("rb") as log:
            log.seek(since)
            return log.read().decode("utf-8", "replace")

    def mark(self) -> int:
        return self.log_path.stat().st_size if self.log_path.exists() else 0

    def cpu_seconds(self) -> float:
        """User and system time so far, of this process alone."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory(self) -> int:
        """Bytes that are in memory for this process alone."""
        lines = Path(f"/proc/{self.pid}/smaps_rollup").read_text().splitlines()
        return 1024 * sum(int(line.split()[1]) for line in lines if line.startswith("Private_"))

    def open_files(self) -> int:
        return len(os.listdir(f"/proc/{self.pid}/fd"))


def python(*arguments: str) -> list[str]:
    return [sys.executable, *arguments]
