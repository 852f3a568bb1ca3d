"""chatlab as a process: the command that people run, on a database of its own, restarted on it at will."""

from __future__ import annotations

import re
import subprocess
import urllib.error
import urllib.request
from pathlib import Path

from .database import Database
from .processes import ROOT, Process, environment, free_port, python
from .waiting import wait_for

# What must never be in a log: an exception nobody handled, in whatever words the frameworks say it.
ALARMS = re.compile(
    r"Traceback|Task exception was never retrieved|Task was destroyed|Exception in callback|Exception ignored"
    r"|never awaited|Unhandled|(?<=\d )(ERROR|CRITICAL) ",
)


def manage(*arguments: str, env: dict[str, str], check: bool = True) -> subprocess.CompletedProcess:
    """A management command, run to its end."""
    command = python("manage.py", *arguments)
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=120)
    assert not check or done.returncode == 0, f"{arguments}: {done.stdout}{done.stderr}"
    return done


class Server(Process):
    """`manage.py runserver`, or uvicorn; SQLite in `folder` unless another DATABASE_URL is given."""

    def __init__(self, folder: Path, upstream: str = "", kind: str = "daphne", **settings: str):
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.folder, self.kind = folder, kind
        chosen = {
            "DATABASE_URL": f"sqlite:///{folder / 'chatlab.sqlite3'}",
            "CHATLAB_LIMITS": "off",
            "SECRET_KEY": "only-for-tests-" + "x" * 40,
            "DEBUG": "1",
            **(self._openai(upstream) if upstream else {}),
            **settings,
        }
        super().__init__(self._command(), folder / "server.log", environment(**chosen))
        self.database = Database(chosen["DATABASE_URL"])

    @staticmethod
    def _openai(upstream: str) -> dict[str, str]:
        return {"OPENAI_BASE_URL": upstream, "OPENAI_API_KEY": "test-key", "CHATLAB_MODEL": "scripted"}

    def _command(self) -> list[str]:
        if self.kind == "uvicorn":
            options = ["--ws", "websockets-sansio", "--ws-per-message-deflate", "false", "--no-access-log"]
            return python("-m", "uvicorn", "chatlab.asgi:application", "--port", str(self.port), *options)
        return python("manage.py", "runserver", "--noreload", f"127.0.0.1:{self.port}")

    def migrate(self) -> None:
        self.manage("migrate", "--verbosity", "0")

    def manage(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess:
        return manage(*arguments, env=self.env, check=check)

    def start(self, within: float = 30.0) -> None:
        mark = self.mark()
        super().start()
        wait_for(lambda: not self.running or self.answers(), within, "the server answers")
        assert self.running, f"the server did not start:\n{self.log(mark)}"

    def restart(self) -> None:
        """The same port and database again, so that open tabs come back by themselves."""
        assert not self.running
        self.start()

    def answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/healthz", timeout=2) as response:
                return response.status == 200
        except urllib.error.HTTPError:
            return False
        except OSError:
            return False

    def alarms(self, since: int = 0) -> list[str]:
        """Lines of the log that must not be there, each with what follows it."""
        lines = self.log(since).splitlines()
        return ["\n".join(lines[max(n - 2, 0) : n + 40]) for n, line in enumerate(lines) if ALARMS.search(line)]
