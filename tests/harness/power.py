"""A machine whose power may be cut: what of a SQLite database is on the disk, a library in front of libc knows."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from .programs import Missing, or_skip
from .server import Server


def _compiler() -> str:
    if (found := shutil.which("cc")) is None:
        raise Missing("cc", "apt install gcc")
    return found


class Power:
    """`settings` are for a server on it."""

    def __init__(self, folder: Path):
        self._disk = folder / "disk"
        self._disk.mkdir()
        library = folder / "power.so"
        source = Path(__file__).with_suffix(".c")
        subprocess.run([or_skip(_compiler), "-shared", "-fPIC", "-O1", "-o", library, source, "-ldl"], check=True)
        self.settings = {"LD_PRELOAD": str(library), "POWER_CUT": str(self._disk)}

    def cut(self, server: Server) -> None:
        """Every process has ended, and what was not on the disk is gone."""
        server.kill()
        database = server.folder / "chatlab.sqlite3"
        for ending in ("-wal", "-shm"):
            Path(f"{database}{ending}").unlink(missing_ok=True)
        for kept in self._disk.glob("*.sqlite3*"):
            if not kept.name.endswith(".part"):
                shutil.copy(kept, server.folder)
