"""nginx in front of servers, with whatever configuration a test gives it."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path

import httpx2

from .processes import Process, environment, free_port
from .programs import Missing, or_skip
from .waiting import wait_for

TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


def program() -> str:
    found = shutil.which("nginx") or next((path for path in ("/usr/sbin/nginx",) if Path(path).exists()), None)
    if found is None:
        raise Missing("nginx", "apt install nginx-light")
    return found


class Nginx(Process):
    """`configure` writes what stands in its `http` block, and may do so again before a reload (SIGHUP)."""

    def __init__(self, folder: Path):
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.folder, self.config = folder, folder / "nginx.conf"
        super().__init__([or_skip(program), "-c", str(self.config)], folder / "nginx.log", environment())

    def configure(self, http: str) -> None:
        kept = "".join(f"{kind}_temp_path {self.folder}; " for kind in TEMPORARY)
        user = "user root;" if os.geteuid() == 0 else ""
        self.config.write_text(
            f"daemon off; {user} pid {self.folder}/pid; error_log stderr; events {{}}\n"
            f"http {{ include /etc/nginx/mime.types; access_log off; {kept}\n{http}}}"
        )

    def start(self) -> None:
        super().start()
        wait_for(lambda: not self.running or self.answers(), 10, "nginx answers")
        assert self.running, self.log()

    def answers(self) -> bool:
        """Anything at all."""
        try:
            httpx2.get(self.url, timeout=5, trust_env=False, verify=False)
        except httpx2.TransportError:
            return False
        return True

    def reload(self) -> None:
        """With a new configuration; returns when the old workers take no connection any more."""
        before = set(self.children())
        self.send(signal.SIGHUP)
        wait_for(lambda: self.children() and not before & set(self.children()), 10, "nginx has reloaded")
