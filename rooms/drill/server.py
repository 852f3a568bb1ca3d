"""chatlab as a process: the commands that people run, on a port of its own, restarted on it at will."""

from __future__ import annotations

import re
import subprocess
import urllib.error
import urllib.request
from pathlib import Path

from .processes import ROOT, Process, environment, free_port, python
from .waiting import wait_for

# What must never be in a log: an exception nobody handled, in whatever words the frameworks say it.
UNHANDLED = (
    r"Traceback|Task exception was never retrieved|Task was destroyed|Exception in callback|Exception ignored"
    r"|never awaited|Unhandled"
)
# A 503 is the answer of a process that says itself that it can't: not ready, draining, or used up.
ALARMS = re.compile(UNHANDLED + r"|(?<=\d )(ERROR|CRITICAL) (?!django\.channels\.server HTTP [A-Z]+ \S+ 503 )")
HELD = ("01", "08")  # ESTABLISHED and CLOSE_WAIT of /proc/net/tcp: the process has not closed its end
EXCERPT = 40  # lines that follow an alarm, and belong to it


def manage(*arguments: str, env: dict[str, str], check: bool = True) -> subprocess.CompletedProcess:
    """A management command, run to its end."""
    command = python("manage.py", *arguments)
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=120)
    if check and done.returncode:
        raise RuntimeError(f"manage.py {' '.join(arguments)} failed:\n{done.stdout}{done.stderr}")
    return done


class Server(Process):
    """`manage.py runserver` (daphne), or uvicorn."""

    def __init__(self, log: Path, kind: str = "daphne", **settings: str):
        self.port, self.kind = free_port(), kind
        self.url = f"http://127.0.0.1:{self.port}"
        super().__init__(self._command(), log, environment(**settings))

    def _command(self) -> list[str]:
        if self.kind == "uvicorn":
            options = ["--ws", "websockets-sansio", "--ws-per-message-deflate", "false", "--ws-max-size", "1048576"]
            options += ["--timeout-graceful-shutdown", "10", "--no-proxy-headers", "--no-access-log"]
            return python("-m", "uvicorn", "chatlab.asgi:application", "--port", str(self.port), *options)
        return python("manage.py", "runserver", "--noreload", f"127.0.0.1:{self.port}")

    def open_sockets(self) -> int:
        """Connections that clients have to it. (Those that it has to its database and to Redis come and go.)"""
        return len(self.peers())

    def peers(self) -> list[int]:
        """The ports that they come from."""
        here, found = f":{self.port:04X}", []
        for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
            _, local, remote, state, *_ = line.split()
            if local.endswith(here) and state in HELD:
                found.append(int(remote.rpartition(":")[2], 16))
        return found

    def migrate(self) -> None:
        self.manage("migrate", "--verbosity", "0")

    def manage(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess:
        return manage(*arguments, env=self.env, check=check)

    def start(self, within: float = 30.0) -> None:
        mark = self.mark()
        super().start()
        wait_for(lambda: not self.running or self.answers(), within, "the server answers")
        self.require_running(mark)

    def restart(self) -> None:
        """The same port and database again, so that open tabs come back by themselves."""
        if self.running:
            raise RuntimeError("the server runs still")
        self.start()

    def answers(self, path: str = "/healthz") -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}{path}", timeout=2) as response:
                return response.status == 200
        except urllib.error.HTTPError:
            return False
        except OSError:
            return False

    def alarms(self, since: int = 0) -> list[str]:
        return alarms_in(self.log(since))


def alarms_in(log: str, alarms: re.Pattern = ALARMS) -> list[str]:
    """Lines of a log that must not be there, each with what follows it."""
    lines, found, quiet_until = log.splitlines(), [], 0
    for number, line in enumerate(lines):
        if number >= quiet_until and alarms.search(line):
            found.append("\n".join(lines[max(number - 2, 0) : number + EXCERPT]))
            quiet_until = number + EXCERPT
    return found
