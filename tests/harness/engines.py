"""What a run of the tests stands on, and a place there for each server: SQLite, or the PostgreSQL and Redis of the run.

Which of both it is, `tests/engines.py` has put into the environment, for the settings and for us.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from .processes import environment
from .server import manage

SQLITE, POSTGRES = "sqlite", "postgres"


class SQLite:
    """A file and the in-memory layer for each server. Migrating takes longer than most tests, so files are copied."""

    name = SQLITE

    def __init__(self, folder: Path):
        self._empty = folder / "chatlab.sqlite3"
        _migrate(f"sqlite:///{self._empty}")

    def settings_for(self, folder: Path) -> dict[str, str]:
        """Settings of a server that finds a database without a row, and a channel layer of its own."""
        path = shutil.copy(self._empty, folder)
        return {"DATABASE_URL": f"sqlite:///{path}"}


class PostgreSQL:
    """A database of the one PostgreSQL and a prefix on the one Redis for each server."""

    name = POSTGRES

    def __init__(self) -> None:
        self._url, self._redis = os.environ["DATABASE_URL"].rpartition("/")[0], os.environ["REDIS_URL"]
        self._own = os.environ.get("PYTEST_XDIST_WORKER", "alone")
        self._count = 0
        self._empty = self._create("template1")
        _migrate(f"{self._url}/{self._empty}")

    def settings_for(self, folder: Path) -> dict[str, str]:
        name = self._create(self._empty)
        return {"DATABASE_URL": f"{self._url}/{name}", "REDIS_URL": self._redis, "REDIS_PREFIX": name}

    def _create(self, template: str) -> str:
        import psycopg

        self._count += 1
        name = f"server_{self._own}_{self._count}"
        with psycopg.connect(f"{self._url}/postgres", autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        return name


def _migrate(url: str) -> None:
    manage("migrate", "--verbosity", "0", env=environment(DATABASE_URL=url, SECRET_KEY="only-for-tests", DEBUG="1"))
