"""Machines that are not the one it was written on: terminals that are not UTF-8, pipes that close, folders with odd
names, Windows.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess

import pytest

from .harness.processes import ROOT, environment, python
from .harness.server import Server, manage
from .harness.upstream import Question
from .harness.waiting import eventually, wait_for

pytestmark = pytest.mark.sqlite_only("commands and files, not the log")

SAID = "Grüße: “naïve” … 漢字 😀"
WINDOWS = {"PYTHONPATH": f"{ROOT / 'tests/accidents/windows'}{os.pathsep}{ROOT}"}


# -- terminals and pipes -----------------------------------------------------------------------------------------------


def command(server: Server, *arguments: str, **env: str) -> subprocess.CompletedProcess:
    return ran(python("manage.py", *arguments), server, **env)


def shell(server: Server, line: str, **env: str) -> subprocess.CompletedProcess:
    return ran(["bash", "-c", f"{' '.join(python('manage.py'))} {line}"], server, **env)


def ran(line: list[str], server: Server, **env: str) -> subprocess.CompletedProcess:
    return subprocess.run(line, cwd=ROOT, env=server.env | env, capture_output=True, timeout=60)


@pytest.fixture
async def said(server, alice, tab) -> str:
    """A room with all kinds of letters in its title, and an answer of such."""
    room = await alice.create_room(SAID)
    here = await tab(alice, room)
    await here.finished(await here.post(Question({"text": SAID})))
    return room


# Of which Python itself makes ASCII, with errors: PYTHONUTF8 is its own way out.
BARE = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": "ascii:strict"}


async def test_ask_answers_on_a_terminal_that_lacks_letters(server, room, upstream):
    done = command(server, "ask", room, Question({"text": SAID}), "--name", "Zoë", PYTHONIOENCODING="cp1252")
    assert done.returncode == 0, done.stderr
    assert done.stdout.decode("cp1252").strip() == SAID.encode("cp1252", "backslashreplace").decode("cp1252")


async def test_what_is_asked_in_a_bare_environment_arrives_as_it_was_typed(server, alice, room, upstream):
    done = command(server, "ask", room, SAID, "--name", "Zoë", **BARE)
    assert done.returncode == 0 and b"Gr\\xfc\\xdfe" in done.stdout, done.stderr
    snapshot = await alice.api("GET", f"/rooms/{room}")
    assert snapshot["messages"][0]["text"] == SAID
    assert "Zoë" in [member["name"] for member in snapshot["members"].values()]


async def test_an_export_is_the_same_file_whatever_the_terminal_is(server, said, tmp_path):
    piped, file = command(server, "export_room", said, **BARE), tmp_path / "room.json"
    assert piped.returncode == 0 and piped.stdout.decode().count(SAID) == 2, piped.stderr
    done = command(server, "export_room", said, "--form", "json", "--output", str(file), **BARE)
    assert done.returncode == 0 and done.stdout == b"", done.stderr
    assert json.loads(file.read_bytes())["messages"][1]["text"] == SAID


@pytest.mark.parametrize(
    "arguments", [("demo", "--no-server"), ("export_room", "–nowhere–"), ("token", "ROOM", "--name", "\udcff" * 3)]
)
async def test_no_command_fails_for_what_it_is_told_or_has_to_print(server, room, arguments):
    done = command(server, *(room if argument == "ROOM" else argument for argument in arguments), **BARE)
    assert b"Traceback" not in done.stderr, done.stderr.decode()
    assert done.returncode == (1 if "–nowhere–" in arguments else 0)


@pytest.mark.parametrize("printing", ["export_room {}", "verify"])
async def test_a_reader_that_has_enough_ends_a_command_without_a_word(server, said, printing):
    done = shell(server, f"{printing.format(said)} | true; echo ${{PIPESTATUS[0]}}", CHATLAB_LIMITS="on")
    assert (done.stderr, done.stdout.strip()) == (b"", b"141")


async def test_a_command_without_an_output_works(server):
    assert shell(server, "verify >&-").returncode == 0


@pytest.mark.parametrize("name", ["c++", "what?", "#50%25 Zoë"])
def test_a_folder_may_have_any_name(tmp_path, name):
    """The database of a fresh clone is found where it lies."""
    clone = tmp_path / name
    clone.mkdir()
    for part in ("manage.py", "chatlab"):
        (shutil.copytree if (ROOT / part).is_dir() else shutil.copy)(ROOT / part, clone / part)
    (clone / "rooms").symlink_to(ROOT / "rooms")
    env = environment(PYTHONPATH=str(clone))
    shown = subprocess.run(
        python("-c", "from chatlab import settings; print(ascii(settings.DATABASES['default']['NAME']))"),
        cwd=clone, env=env, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert shown.stdout.strip() == ascii(str(clone / "var" / "chatlab.sqlite3")), shown.stderr


# -- Windows -----------------------------------------------------------------------------------------------------------


@pytest.mark.e2e
@pytest.mark.parametrize("kind", ["daphne", "uvicorn"])
async def test_a_server_runs_without_what_windows_lacks(own_server, visitor, tab, kind):
    server = own_server(kind, **WINDOWS)
    alice = visitor(server)
    room = await alice.create_room()
    here = await tab(alice, room)
    answer = await here.post(Question({"text": SAID}))
    await here.finished(answer)
    assert here.text(answer) == SAID
    if kind == "daphne":  # with DEBUG it serves the files, and asks the registry what they are
        for file, kind_of in (("main.js", "text/javascript"), ("base.css", "text/css"), ("icons.svg", "image/svg+xml")):
            response = await alice.request("GET", f"/static/rooms/{file}")
            assert response.headers["content-type"].partition(";")[0] == kind_of
    server.send(signal.SIGINT)
    await eventually(lambda: not server.running, 15, "Ctrl+C ends it")


@pytest.mark.e2e
def test_a_worker_runs_without_what_windows_lacks_and_ends_on_ctrl_c(tmp_path):
    env = environment(DATABASE_URL=f"sqlite:///{tmp_path / 'db'}", SECRET_KEY="x", DEBUG="1", **WINDOWS)
    manage("migrate", "--verbosity", "0", env=env)
    with (tmp_path / "log").open("wb") as log:
        worker = subprocess.Popen(python("manage.py", "runworker", "generations"), cwd=ROOT, env=env, stderr=log)
    try:
        wait_for(lambda: "takes generations" in (tmp_path / "log").read_text(), 30, "the worker is there")
        worker.send_signal(signal.SIGINT)
        assert worker.wait(20) == 0
    finally:
        worker.kill()
    assert "Traceback" not in (tmp_path / "log").read_text()


def test_the_largest_command_starts_without_what_windows_lacks():
    assert "--faults" in manage("drill", "--help", env=environment(SECRET_KEY="x", DEBUG="1", **WINDOWS)).stdout
