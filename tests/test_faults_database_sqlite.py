"""Faults of SQLite: another process holds the file, the disk is full."""

from __future__ import annotations

import asyncio
import resource
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import pytest

from .harness.engines import SQLite
from .harness.server import Server
from .harness.upstream import Question, UpstreamProcess, words
from .harness.waiting import wait_for
from .sending import answered, insist, refused

pytestmark = [pytest.mark.e2e, pytest.mark.sqlite_only("faults of a file")]

HELD = 6.0  # seconds that somebody else holds the database, longer than a lease goes unrenewed; SQLite waits for 20
LEASE = {"CHATLAB_LEASE": "4", "CHATLAB_LEASE_RENEW": "1"}
IMPATIENT = {"DJANGO_SETTINGS_MODULE": "tests.accidents.settings", "CHATLAB_ACCIDENT": "gives_up_after:1"}

HOLDER = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=10)
connection.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.read()
connection.execute("ROLLBACK")
"""


@pytest.fixture(scope="module")
def starting(
    tmp_path_factory: pytest.TempPathFactory, engines: SQLite, upstream: UpstreamProcess
) -> Iterator[Callable[..., Server]]:
    servers: list[Server] = []

    def start(**settings: str) -> Server:
        folder = tmp_path_factory.mktemp("server")
        servers.append(Server(folder, upstream.base_url, **engines.settings_for(folder) | settings))
        servers[-1].start()
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


@pytest.fixture(scope="module")
def impatient_server(starting) -> Server:
    """It gives up after a second, and its leases are short."""
    return starting(**LEASE, **IMPATIENT)


@pytest.fixture
def impatient(impatient_server: Server) -> Iterator[Server]:
    """It says in a line what could not be committed, and there is no traceback."""
    mark = impatient_server.mark()
    yield impatient_server
    assert impatient_server.running
    assert "Traceback" not in impatient_server.log(mark), impatient_server.log(mark)
    assert "could not be" in impatient_server.log(mark)


@contextmanager
def held(server: Server) -> Iterator[None]:
    """Another process is in a transaction that writes."""
    command = [sys.executable, "-c", HOLDER, str(server.folder / "chatlab.sqlite3")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout.readline() == "held\n"
        yield


@contextmanager
def full(server: Server) -> Iterator[None]:
    """No file of the server grows any more: what a full disk is to SQLite, which adds to its log with each commit."""
    log = server.folder / "chatlab.sqlite3-wal"
    wait_for(lambda: log.stat().st_size > server.mark(), 10, "the server's own log is the smaller one")
    limits = resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (log.stat().st_size, resource.RLIM_INFINITY))
    try:
        yield
    finally:
        resource.prlimit(server.pid, resource.RLIMIT_FSIZE, limits)


def check_file(server: Server) -> None:
    with closing(sqlite3.connect(server.folder / "chatlab.sqlite3")) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []


async def test_c8_a_database_that_is_busy_for_seconds_is_waited_for(upstream, starting, visitor, tab):
    """Nothing fails meanwhile: the stream is read on, readers come and see what is committed, what is sent waits."""
    server = starting()
    alice = visitor(server)
    here = await tab(alice, await alice.create_room(), comes_back=True)
    gate = Question().gate()
    question = Question({"text": words(10)}, {"gate": gate}, {"text": words(200, 10), "rate": 100})
    answer = await here.post(question)
    await here.until(lambda: here.text(answer) == "".join(words(10)))
    with held(server):
        since = time.monotonic()
        sent = asyncio.create_task(insist(here, "Meanwhile", "while-it-is-busy", 30))
        await upstream.open(gate)
        await upstream.closed(question, 8)
        there = await tab(alice, here.room)
        assert there.text(answer) == "".join(words(10)) and not sent.done()
        await asyncio.sleep(HELD - (time.monotonic() - since))  # this long it is
    receipt = await sent
    for each in (here, there):
        assert (await each.finished(answer, 10))["text"] == "".join(words(210))
        assert each.status(answer) == "complete"
        await answered(each, receipt)
    assert len(server.database.appended(answer)) < 10, "what gathered meanwhile is one commit"
    server.database.check_room(here.room)
    assert server.alarms() == []


async def test_c9_a_full_disk_is_told_at_once(upstream, starting, visitor, tab):
    """By a server of default patience, also to whoever asks while another one is being told."""
    server = starting()
    alice = visitor(server)
    here = await tab(alice, await alice.create_room())
    there = await tab(alice, await alice.create_room())
    with full(server):
        since = time.monotonic()
        await asyncio.gather(*(refused(each, "?", "told-at-once", 5) for each in (here, there)))
        body = {"client_id": "by-http-too", "text": "?"}
        response = await alice.request("POST", f"/api/rooms/{here.room}/messages", body)
        assert (response.status_code, response.json()["code"]) == (503, "unavailable")
        assert time.monotonic() - since < 5
    await answered(here, await insist(here, Question({"text": ["Now."]}), "told-at-once", 15))
    server.database.check_room(here.room)
    assert server.running and "Traceback" not in server.log()


@pytest.mark.parametrize("fault", [held, full])
async def test_c8_c9_a_database_that_takes_nothing_refuses_and_goes_on_afterwards(
    upstream, impatient, visitor, tab, fault
):
    """Held for longer than anybody waits, or full. A send is refused, reading works, and the answer under way ends as
    soon as it can be written down that it has.
    """
    alice = visitor(impatient)
    here = await tab(alice, await alice.create_room(), comes_back=True)
    gate = Question().gate()
    answer = await here.post(
        Question({"text": words(10)}, {"gate": gate}, {"text": words(50, 10)}, {"wait": "forever"})
    )
    await here.until(lambda: here.text(answer) == "".join(words(10)))
    again = Question({"text": ["Now."]})
    with fault(impatient):
        await upstream.open(gate)
        await refused(here, "?", "refused-at-first", 15)
        response = await alice.request(
            "POST", f"/api/rooms/{here.room}/messages", {"client_id": "by-http-too", "text": "?"}
        )
        assert (response.status_code, response.json()["code"]) == (503, "unavailable")
        assert int(response.headers["Retry-After"]) > 0
        there = await tab(alice, here.room)
        assert there.text(answer) == here.text(answer) == "".join(words(10))
    receipt = await insist(here, again, "refused-at-first", 15)
    for each in (here, there):
        message = await each.finished(answer, 15)
        assert (message["status"], message["text"]) == ("interrupted", "".join(words(10)))
        await answered(each, receipt)
    assert len(impatient.database.answers(here.room)) == 2
    impatient.database.check_room(here.room)
    check_file(impatient)
