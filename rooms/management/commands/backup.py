"""`manage.py backup FILE`: the SQLite database as one whole file, while it is in use."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError
from django.db import connection

POSTGRES = 'PostgreSQL has a command of its own: pg_dump --format=custom --file=chatlab.dump "$DATABASE_URL"'


class Command(BaseCommand):
    help = (
        "Copy the SQLite database to a new file, while servers and workers go on. (Copied by `cp` it lacks what was "
        "written last: that is in the file beside it.)"
    )

    def add_arguments(self, parser):
        parser.add_argument("file", type=Path, help="where to; there must be none of that name")

    def handle(self, *, file, **options):
        if connection.vendor != "sqlite":
            raise CommandError(POSTGRES)
        if file.exists():
            raise CommandError(f"{file} is there already. A backup replaces none: give each a name of its own.")
        part = file.with_name(f"{file.name}.part")
        try:
            part.unlink(missing_ok=True)
            self._copy(part)
            os.replace(part, file)  # a name without .part is a whole backup
        except (OSError, sqlite3.Error) as error:
            raise CommandError(f"There is no backup: {error}.") from error
        finally:
            part.unlink(missing_ok=True)
        self.stdout.write(f"{file}: {file.stat().st_size:,} bytes, and whole.")

    def _copy(self, part: Path) -> None:
        """All of it as it was at one moment. Nobody waits for this: in WAL mode a reader stops no writer."""
        connection.ensure_connection()
        with closing(sqlite3.connect(part)) as copy:
            connection.connection.backup(copy)
            copy.execute("PRAGMA journal_mode = DELETE")  # one file, to be copied and read on its own
            ((verdict, *_), *_) = copy.execute("PRAGMA integrity_check(1)").fetchall()
            if verdict != "ok":
                raise sqlite3.DatabaseError(f"the database is damaged ({verdict})")
