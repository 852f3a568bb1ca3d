"""The drill finds a healthy deployment healthy, and a lying one out; and nothing passes that proves nothing."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from rooms.drill import history
from rooms.drill.processes import children_of

from .harness import postgres, redis
from .harness.engines import PostgreSQL, SQLite
from .harness.processes import ROOT, environment, python
from .harness.server import Server
from .harness.waiting import wait_for

pytestmark = pytest.mark.e2e
QUICK = ("--tabs", "4", "--rooms", "2", "--seconds", "4", "--sends", "30", "--pace", "8", "--seed", "1")


def drill(*arguments: str) -> subprocess.CompletedProcess:
    command = python("manage.py", "drill", *arguments)
    env = environment(SECRET_KEY="x", DATABASE_URL="sqlite:///:memory:")
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=110)


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory, engines: SQLite | PostgreSQL) -> Iterator:
    """`start(**settings)`: a server with the demo model."""
    started: list[Server] = []

    def make(**settings: str) -> Server:
        folder = tmp_path_factory.mktemp("drilled")
        started.append(Server(folder, CHATLAB_DEMO_RATE="400", **engines.settings_for(folder) | settings))
        started[-1].start()
        return started[-1]

    yield make
    for server in started:
        server.stop()


@pytest.fixture(scope="module")
def drilled(start, tmp_path_factory: pytest.TempPathFactory) -> tuple[subprocess.CompletedProcess, Path, Server]:
    """A drill of a server that limits how often one may ask."""
    server = start(CHATLAB_LIMITS="on", CHATLAB_RATE_POSTS="4/4")
    folder = tmp_path_factory.mktemp("drill")
    files = ("--history", str(folder / "history"), "--json", str(folder / "verdict"))
    return drill("--url", server.url, *QUICK, *files), folder, server


def test_a_healthy_server_keeps_every_promise(drilled) -> None:
    done, folder, server = drilled
    assert done.returncode == 0, done.stdout + done.stderr
    assert "acknowledged, and there" in done.stdout and "every promise was kept" in done.stdout
    verdict = json.loads((folder / "verdict").read_text())
    assert verdict["ok"] and verdict["acknowledged"] >= 30 and verdict["unknown"] == 0
    assert [found["promise"] for found in verdict["promises"] if not found["checked"]] == [
        "answers go on when a worker is gone"
    ], "only what needs --faults was not looked at"
    assert server.alarms() == []


def test_it_waits_when_it_is_told_to(drilled) -> None:
    _, folder, _ = drilled
    entries = list(history.read(folder / "history"))
    told = [entry for entry in entries if entry["f"] == "told to wait"]
    assert told and {entry["code"] for entry in told} == {"rate_limited"}
    assert not [entry for entry in entries if entry["f"] == "post" and entry["type"] == "fail"]


def test_its_history_is_judged_again_and_a_doctored_one_is_found_out(drilled, tmp_path) -> None:
    _, folder, _ = drilled
    assert drill("--check", str(folder / "history")).returncode == 0
    doctored = tmp_path / "doctored"
    lines = (folder / "history").read_text().splitlines()
    lost = next(line for line in lines if '"type":"ok","f":"post"' in line and '"tab' in line)
    message = json.loads(lost)["message"]
    doctored.write_text("\n".join(line.replace(f'["{message}"', '["another"') for line in lines))
    found = drill("--check", str(doctored))
    assert found.returncode == 1
    assert f"{message} was acknowledged; the room does not show it" in found.stdout


def test_a_history_without_sends_proves_nothing(drilled, tmp_path) -> None:
    _, folder, _ = drilled
    empty = tmp_path / "empty"
    lines = (folder / "history").read_text().splitlines()
    empty.write_text("\n".join(line for line in lines if '"f":"start"' in line))
    found = drill("--check", str(empty))
    assert found.returncode == 1
    assert "0 sends were acknowledged, 30 were asked for" in found.stdout


@pytest.mark.sqlite_only("judge the drill")
def test_in_a_room_that_is_there_with_a_token(drilled) -> None:
    """What was said there before is none of its business."""
    _, folder, server = drilled
    room = next(history.read(folder / "history"))["room"]
    token = server.manage("token", room).stdout.strip()
    server.kill()
    server.env["CHATLAB_LIMITS"] = "off"
    server.restart()
    done = drill("--url", server.url, *QUICK, "--room", room, "--token", token)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_real_model_is_not_asked_without_leave(server) -> None:
    done = drill("--url", server.url, *QUICK)
    assert done.returncode == 1
    assert "'scripted' would answer, and may cost money" in done.stderr
    assert server.database.rows("SELECT count(*) FROM rooms_generation WHERE status = 'streaming'") == [(0,)]


def test_what_it_has_started_ends_with_it() -> None:
    """Interrupted in the middle, by a terminal or by whoever runs it."""
    postgres.require(), redis.require()
    command = python("manage.py", "drill", "--faults", "--tabs", "2", "--rooms", "1", "--seconds", "60")
    env = environment(SECRET_KEY="x", DATABASE_URL="sqlite:///:memory:")
    run = subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    wait_for(lambda: len(children_of(run.pid)) >= 3 or run.poll() is not None, 60, "it has started some processes")
    started = children_of(run.pid)
    run.terminate()
    _, said = run.communicate(timeout=60)
    assert (run.returncode, said.strip()) == (130, "CommandError: Interrupted: nothing is judged.")
    wait_for(lambda: not any(Path(f"/proc/{pid}").exists() for pid in started), 10, "they are gone")


def test_what_it_can_not_do_it_says(tmp_path) -> None:
    nobody = drill("--url", "http://127.0.0.1:1")
    assert nobody.returncode == 1 and "http://127.0.0.1:1 does not answer" in nobody.stderr
    (tmp_path / "history").write_text("no history\n")
    nothing = drill("--check", str(tmp_path / "history"))
    assert nothing.returncode == 1 and "is not the history of a drill" in nothing.stderr


def test_faults_are_for_processes_of_its_own() -> None:
    done = drill("--faults", "--url", "https://chat.example.org")
    assert done.returncode == 1
    assert "--faults kills processes" in done.stderr


@pytest.mark.sqlite_only("judge the drill")
@pytest.mark.parametrize(
    ("accident", "promise"),
    [
        ("loses_what_it_acknowledges:10", "acknowledged, and there"),
        ("tells_before_it_commits:10", "every tab saw the log, delta for delta"),
        ("writes_it_twice:10", "refused or never asked, and not there"),
        ("tells_something_else:10", "every tab saw the log, delta for delta"),
    ],
)
def test_a_server_that_breaks_a_promise_is_found_out(start, accident: str, promise: str) -> None:
    server = start(DJANGO_SETTINGS_MODULE="tests.accidents.settings", CHATLAB_ACCIDENT=accident)
    done = drill("--url", server.url, *QUICK)
    assert done.returncode == 1, done.stdout + done.stderr
    row = next(line for line in done.stdout.splitlines() if line.startswith(promise))
    assert int(row.split()[-1]) > 0, done.stdout
