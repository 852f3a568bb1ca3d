"""The backups of docs/operating.md, its own lines: made while an answer is written, and put back."""

from __future__ import annotations

import os
import re
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from .harness import postgres
from .harness.database import Database
from .harness.processes import ROOT, python
from .harness.server import Server
from .harness.upstream import Question, words
from .harness.waiting import eventually

DOCUMENT = (ROOT / "docs/operating.md").read_text("utf-8")


def lines_of(title: str) -> str:
    """The commands below a title."""
    return re.search(rf"^### {title}\n.*?^```sh\n(.*?)^```", DOCUMENT, re.M | re.S)[1]


def run(lines: str, server: Server, folder: Path, **names: str) -> subprocess.CompletedProcess:
    """As they stand there, but for names of files."""
    for name, own in {"/srv/backups": str(folder), "python manage.py": " ".join(python("manage.py")), **names}.items():
        assert name in lines or name == "python manage.py", name
        lines = lines.replace(name, own)
    command = ["bash", "-euc", lines]
    done = subprocess.run(command, cwd=ROOT, env=server.env, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stdout + done.stderr
    return done


def file_of(server: Server) -> str:
    return urlsplit(server.database.url).path[1:]


async def backed_up(server: Server, people, tab, upstream, back_up, put_back) -> None:
    """An answer is half written when the backup is made; after it comes more, which is lost when it is put back."""
    alice = people(server)
    room = await alice.create_room()
    here = await tab(alice, room, comes_back=True)
    receipted = [await here.post(Question({"text": words(3)})) for _ in range(3)]
    for answer in receipted:
        await here.finished(answer)
    gate = {"gate": "backed up"}
    half = await here.post(Question({"text": words(20)}, gate, {"text": words(20, 20)}))
    await here.until(lambda: here.text(half) == "".join(words(20)))
    back_up()
    await upstream.open("backed up")
    await here.finished(half)
    lost = await here.post(Question({"text": words(5)}))
    await here.finished(lost)
    assert server.terminate() == 0
    put_back()
    server.restart()
    await eventually(lambda: here.level and here.message(lost) is None, 20)
    for answer in receipted:
        assert here.text(answer) == "".join(words(3))
    assert here.text(half).startswith("".join(words(20)))
    server.database.check_room(room)
    assert "1 rooms verified." in server.manage("verify").stdout


@pytest.mark.sqlite_only("the file")
async def test_a_backup_of_sqlite_is_made_in_mid_answer_and_put_back(own_server, visitor, tab, upstream, tmp_path):
    server, folder = own_server(), tmp_path / "backups"
    folder.mkdir()

    def back_up() -> None:
        run(lines_of("SQLite"), server, folder)
        (copy,) = folder.iterdir()
        with closing(sqlite3.connect(f"file:{copy}?mode=ro&immutable=1", uri=True)) as connection:
            assert connection.execute("SELECT count(*) FROM rooms_message").fetchone() == (8,)

    def put_back() -> None:
        run(lines_of("SQLite, put back"), server, folder, **{"var/chatlab.sqlite3": file_of(server)})

    await backed_up(server, visitor, tab, upstream, back_up, put_back)


@pytest.mark.postgres_only("pg_dump and pg_restore")
async def test_a_backup_of_postgresql_is_made_in_mid_answer_and_put_back(own_server, visitor, tab, upstream, tmp_path):
    server = own_server()
    server.env["PATH"] = f"{postgres.require()}{os.pathsep}{server.env['PATH']}"  # programs as new as the server

    def back_up() -> None:
        run(lines_of("PostgreSQL"), server, tmp_path)

    def put_back() -> None:
        run(lines_of("PostgreSQL, put back"), server, tmp_path)

    await backed_up(server, visitor, tab, upstream, back_up, put_back)


@pytest.mark.sqlite_only("the file")
async def test_a_file_that_is_there_and_a_place_that_is_none_are_refused(server, alice, room, tmp_path):
    """Above all the database itself."""
    before = Database(server.database.url).rows("SELECT count(*) FROM rooms_room")
    for file in (file_of(server), f"{tmp_path}/no/such/folder/backup", f"{tmp_path}"):
        done = server.manage("backup", file, check=False)
        assert done.returncode == 1 and "Traceback" not in done.stderr and "CommandError" in done.stderr
    assert server.database.rows("SELECT count(*) FROM rooms_room") == before
    assert not list(tmp_path.rglob("*.part"))


@pytest.mark.sqlite_only("the file")
def test_a_damaged_database_is_not_called_a_backup(own_server, tmp_path):
    server = own_server()
    server.terminate()
    path = Path(file_of(server))
    with closing(sqlite3.connect(path)) as connection:
        root = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'rooms_room'").fetchone()[0]
        size = connection.execute("PRAGMA page_size").fetchone()[0]
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with path.open("r+b") as file:
        file.seek((root - 1) * size)
        file.write(b"\xff" * 64)
    done = server.manage("backup", str(tmp_path / "copy"), check=False)
    assert done.returncode == 1 and "There is no backup: " in done.stderr
    assert not (tmp_path / "copy").exists() and not (tmp_path / "copy.part").exists()


@pytest.mark.postgres_only("it names pg_dump")
def test_postgresql_is_pointed_to_its_own_command(server, tmp_path):
    done = server.manage("backup", str(tmp_path / "copy"), check=False)
    assert done.returncode == 1 and 'pg_dump --format=custom --file=chatlab.dump "$DATABASE_URL"' in done.stderr
