"""A PgBouncer of our own, in front of a PostgreSQL of our own."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from .postgres import Cluster
from .processes import Process, environment, free_port
from .programs import Missing, or_skip
from .waiting import wait_for

CONNECTIONS = 3  # to PostgreSQL, for any number of clients: nobody has one for itself by chance


def program() -> str:
    found = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")
    if found is None:
        raise Missing("PgBouncer", "apt install pgbouncer")
    return found


class PgBouncer(Process):
    def __init__(self, cluster: Cluster, mode: str, size: int = CONNECTIONS):
        self.port = free_port()
        self.folder = Path(tempfile.mkdtemp(prefix="chatlab-pgbouncer-"))
        config = self.folder / "pgbouncer.ini"
        config.write_text(
            f"[databases]\n* = host=127.0.0.1 port={cluster.port} user=chatlab\n"
            f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {self.port}\nunix_socket_dir =\n"
            f"auth_type = any\npool_mode = {mode}\ndefault_pool_size = {size}\nmax_client_conn = 200\n"
        )
        command = [or_skip(program), str(config)]
        if os.geteuid() == 0:  # it refuses to run as root
            command[1:1] = ["-u", cluster.user]
            for path in (self.folder, config):
                shutil.chown(path, cluster.user)
        super().__init__(command, self.folder / "log", environment())

    def start(self) -> None:
        super().start()
        wait_for(lambda: not self.running or "listening on 127.0.0.1" in self.log(), 15, "PgBouncer answers")
        self.require_running()

    def stop(self) -> None:
        super().stop()
        shutil.rmtree(self.folder)

    def url(self, database_url: str) -> str:
        """The way to the same database through here."""
        return f"postgres://chatlab@127.0.0.1:{self.port}/{database_url.rpartition('/')[2]}"
