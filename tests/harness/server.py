"""The drill's server, on a database of its own that a test may look into, with the scripted provider behind it."""

from __future__ import annotations

from pathlib import Path

from rooms.drill import server
from rooms.drill.server import ALARMS, manage

from .database import Database

__all__ = ["ALARMS", "Server", "manage"]


class Server(server.Server):
    """SQLite in `folder` unless another DATABASE_URL is given."""

    def __init__(self, folder: Path, upstream: str = "", kind: str = "daphne", **settings: str):
        self.folder = folder
        chosen = {
            "DATABASE_URL": f"sqlite:///{folder / 'chatlab.sqlite3'}",
            "CHATLAB_LIMITS": "off",
            "SECRET_KEY": "only-for-tests-" + "x" * 40,
            "DEBUG": "1",
            **(self._openai(upstream) if upstream else {}),
            **settings,
        }
        super().__init__(folder / "server.log", kind, **chosen)
        self.database = Database(chosen["DATABASE_URL"])

    @staticmethod
    def _openai(upstream: str) -> dict[str, str]:
        model = {"OPENAI_BASE_URL": upstream, "OPENAI_API_KEY": "test-key", "CHATLAB_MODEL": "scripted"}
        return model | {"CHATLAB_ACCESS": "open"}  # its guests ask, also with DEBUG off
