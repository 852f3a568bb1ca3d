"""A PostgreSQL of our own, where the machine has the programs: a new cluster in a temporary folder, on a free port."""

from __future__ import annotations

import glob
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

from .processes import free_port

MISSING = "no PostgreSQL programs found: install them (Debian: apt install postgresql) to run these tests"


def programs() -> Path | None:
    """The folder with initdb and postgres, the newest version first."""
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb"), key=lambda path: int(path.split("/")[4]))
    on_path = shutil.which("initdb")
    return Path(found[-1]).parent if found else Path(on_path).parent if on_path else None


def require() -> Path:
    found = programs()
    return found if found is not None else pytest.skip(MISSING)


class Cluster:
    """Started empty, gone at the end. fsync is off: it is power that is not going to fail."""

    def __init__(self, binaries: Path):
        self.binaries, self.port, self.count = binaries, free_port(), 0
        self.folder = Path(tempfile.mkdtemp(prefix="chatlab-postgres-"))
        # PostgreSQL refuses to run as root, so root lends it a user.
        self.user = (
            next((name for name in ("postgres", "nobody") if _exists(name)), None) if os.geteuid() == 0 else None
        )
        if self.user:
            shutil.chown(self.folder, self.user)

    def start(self) -> None:
        data = self.folder / "data"
        self._run("initdb", "-D", str(data), "-U", "chatlab", "-A", "trust", "-E", "UTF8", "--no-sync")
        options = f"-h 127.0.0.1 -p {self.port} -k {self.folder} -c fsync=off -c max_connections=100"
        self._run("pg_ctl", "-D", str(data), "-w", "-l", str(self.folder / "log"), "-o", options, "start")

    def stop(self) -> None:
        self._run("pg_ctl", "-D", str(self.folder / "data"), "-m", "immediate", "stop")
        shutil.rmtree(self.folder)

    def new_database(self) -> str:
        """A DATABASE_URL of an empty database."""
        self.count += 1
        name = f"chatlab_{self.count}_{time.monotonic_ns()}"
        self._run("createdb", "-h", "127.0.0.1", "-p", str(self.port), "-U", "chatlab", name)
        return f"postgres://chatlab@127.0.0.1:{self.port}/{name}"

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self.binaries / program), *arguments]
        output = subprocess.DEVNULL if program == "pg_ctl" else subprocess.PIPE
        done = subprocess.run(
            command, user=self.user, extra_groups=[] if self.user else None, cwd="/", stdout=output, stderr=output
        )
        assert done.returncode == 0, f"{program}: {done.stderr}"


def _exists(name: str) -> bool:
    try:
        return bool(pwd.getpwnam(name))
    except KeyError:
        return False
