"""Web processes that die, are told to go, freeze, stand still or run out of files, with tabs open on them."""

from __future__ import annotations

import asyncio
import resource
import signal
from collections.abc import AsyncIterator, Iterator

import pytest

from .crowds import KINDS
from .harness.raw import RawSocket
from .harness.roaming import RoamingTab
from .harness.server import Server
from .harness.upstream import Question, words
from .harness.waiting import eventually
from .harness.worker import WorkerProcess
from .stages import layer  # noqa: F401  fixture

SHORT = {"CHATLAB_HEARTBEAT": "1", "CHATLAB_HEAD_CHECK": "0.5", "CHATLAB_IDLE_TIMEOUT": "4"}
TABS = 6


@pytest.fixture(scope="module")
def shared_pair(tmp_path_factory, engines, upstream, request) -> Iterator[list[Server]]:
    """daphne and uvicorn, and a worker, on one database and one Redis."""
    folder = tmp_path_factory.mktemp("pair")
    common = engines.settings_for(folder) | {"CHATLAB_WORKER": "external", **SHORT}
    if "REDIS_URL" not in common:
        common["REDIS_URL"] = request.getfixturevalue("layer").url
    servers = []
    for kind in KINDS:
        (folder / kind).mkdir()
        servers.append(Server(folder / kind, upstream.base_url, kind, **common))
        servers[-1].start()
    worker = WorkerProcess(servers[0], folder / "worker.log")
    worker.start()
    yield servers
    for process in (worker, *servers):
        process.stop()


@pytest.fixture
async def pair(shared_pair) -> AsyncIterator[list[Server]]:
    for server in shared_pair:
        if not server.running:
            server.start()
    marks = [server.mark() for server in shared_pair]
    yield shared_pair
    for server, mark in zip(shared_pair, marks, strict=True):
        server.thaw() if server.running else server.start()
        assert not server.alarms(mark), server.alarms(mark)[0]


@pytest.fixture
async def roaming(pair, visitor) -> AsyncIterator:
    """`await roaming(first)`: (person, room, tabs that first go to that server, an answer that streams)."""
    opened: list[RoamingTab] = []

    async def make(first: Server) -> tuple:
        alice = visitor(first)
        room = await alice.create_room()
        servers = [first, *(server for server in pair if server is not first)]
        for _ in range(TABS):
            opened.append(RoamingTab(alice, room, servers))
            await opened[-1].open("")
        question = Question({"text": words(200), "rate": 100}, {"gate": Question().gate()}, {"text": words(50, 200)})
        return alice, room, opened, await opened[0].post(question), question

    yield make
    for tab in opened:
        await tab.close()
    assert [fault for tab in opened for fault in tab.faults] == []


def gate_of(question: Question) -> str:
    return question.partition('"gate": "')[2].partition('"')[0]


async def all_equal(upstream, question: Question, tabs: list[RoamingTab], answer: str, within: float = 20) -> None:
    """The answer ends, and everybody shows all of it."""
    await upstream.open(gate_of(question))
    for tab in tabs:
        assert (await tab.finished(answer, within))["text"] == "".join(words(250))


@pytest.mark.parametrize("first", [0, 1], ids=KINDS)
async def test_tabs_of_a_killed_process_go_on_elsewhere(first, upstream, pair, roaming):
    """A1"""
    _, _, tabs, answer, question = await roaming(pair[first])
    await tabs[0].until(lambda: "w50 " in tabs[0].text(answer))
    pair[first].kill()
    for tab in tabs:
        await tab.until(lambda tab=tab: tab.level and tab.url != pair[first].url, 10, "the tab is level elsewhere")
    await all_equal(upstream, question, tabs, answer)


@pytest.mark.parametrize("first", [0, 1], ids=KINDS)
async def test_sigterm_ends_a_process_soon_even_with_a_reader_that_hangs(first, upstream, pair, roaming):
    """A2"""
    server = pair[first]
    alice, room, tabs, answer, question = await roaming(server)
    await tabs[0].until(lambda: "w50 " in tabs[0].text(answer))
    stuck = await RawSocket.open(server.url, f"/ws/rooms/{room}/", alice.socket_headers, receive_buffer=4096)
    await stuck.until("welcome")
    stuck.stop_reading()
    server.send(signal.SIGTERM)
    await eventually(lambda: not server.running, 15, "it ends")
    for tab in tabs:
        await tab.until(lambda tab=tab: tab.level and tab.url != server.url, 10, "the tab is level elsewhere")
    await all_equal(upstream, question, tabs, answer)
    stuck.close()


async def test_a_rolling_restart_is_a_blip(upstream, pair, roaming):
    """A3: each process is drained, ended and started again while an answer streams."""
    _, _, tabs, answer, question = await roaming(pair[0])
    for server in pair:
        server.send(signal.SIGUSR1)
        await eventually(lambda server=server: not server.answers("/readyz"), 5, "/readyz is red")
        assert server.answers(), "a process that drains lives on"
        await eventually(lambda server=server: not on(server, tabs), 15, "its tabs have left")
        server.send(signal.SIGTERM)
        await eventually(lambda server=server: not server.running, 15, "it ends")
        await asyncio.to_thread(server.start)
    for tab in tabs:
        await tab.until(lambda tab=tab: tab.level, 10)
        assert {frame["type"] for frame in tab.received("error")} == set()
        assert len(tab.received("snapshot")) == 1, "it went on from its cursor"
    await all_equal(upstream, question, tabs, answer)


def on(server: Server, tabs: list[RoamingTab]) -> list[RoamingTab]:
    return [tab for tab in tabs if tab.level and tab.url == server.url]


async def test_a_process_that_was_frozen_is_left_and_takes_up_again(upstream, pair, roaming, tab):
    """A4: longer than a client's patience, and longer than the server's own."""
    server = pair[0]
    alice, room, tabs, answer, question = await roaming(server)
    stays = await tab(alice, room, comes_back=True)
    await stays.until(lambda: "w50 " in stays.text(answer))
    mark = server.mark()
    server.freeze()
    for one in tabs:
        await one.until(lambda one=one: one.level and one.url != server.url, 15, "it went elsewhere")
        await one.until(lambda one=one: "w199 " in one.text(answer), 15)
    assert not stays.text(answer).endswith("w199 ")
    server.thaw()
    await all_equal(upstream, question, [*tabs, stays], answer)
    assert "stood still" in server.log(mark)


@pytest.mark.sqlite_only("block a process")
@pytest.mark.parametrize("kind", KINDS)
async def test_an_event_loop_that_was_blocked_says_so_and_everybody_recovers(kind, upstream, own_server, visitor, tab):
    """A5"""
    accident = {"DJANGO_SETTINGS_MODULE": "tests.accidents.settings", "CHATLAB_ACCIDENT": "blocks_its_loop:2"}
    server = own_server(kind, **accident)
    alice = visitor(server)
    room = await alice.create_room()
    tabs = [await tab(alice, room) for _ in range(3)]
    answer = await tabs[0].post(Question({"text": words(400), "rate": 200}))
    await tabs[0].until(lambda: "w50 " in tabs[0].text(answer))
    server.send(signal.SIGUSR2)
    for one in tabs:
        assert (await one.finished(answer))["text"] == "".join(words(400))
        assert len(one.received("welcome")) == 1
    assert "stood still" in server.log()


@pytest.mark.sqlite_only("starve a process")
@pytest.mark.parametrize("kind", KINDS)
async def test_without_file_descriptors_new_sockets_are_refused_and_old_ones_live(
    kind, upstream, tmp_path, engines, visitor, tab
):
    """A6"""
    # One thread that reads: of four, some might have had no reason yet to open the database.
    settings = engines.settings_for(tmp_path) | {"CHATLAB_DATABASE_THREADS": "1"}
    server = Server(tmp_path, upstream.base_url, kind, **settings)
    server.start()
    try:
        alice = visitor(server)
        room = await alice.create_room()
        here = await tab(alice, room)
        await here.finished(await here.post(Question({"text": words(5)})))  # all of its own files are open now
        soft, hard = resource.prlimit(server.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(server.pid, resource.RLIMIT_NOFILE, (server.open_files() + 3, hard))
        refused = await asyncio.gather(*(could_open(alice, room) for _ in range(10)))
        assert refused.count(False) >= 5
        answer = await here.post(Question({"text": words(20)}))
        assert (await here.finished(answer, within=20))["text"] == "".join(words(20))
        assert len(here.received("welcome")) == 1
        resource.prlimit(server.pid, resource.RLIMIT_NOFILE, (soft, hard))
        await eventually(lambda: could_open(alice, room), 15, "new sockets are taken again")
        said = ("Too many open files", "unable to open database file")  # by SQLite, in a thread that had none open
        assert [alarm for alarm in server.alarms() if not any(words in alarm for words in said)] == []
    finally:
        server.stop()


async def could_open(person, room: str) -> bool:
    try:
        async with asyncio.timeout(2):
            path = f"/ws/rooms/{room}/"
            socket = await RawSocket.open(person.server.url, path, person.socket_headers)
            await socket.until("synced")
    except (OSError, AssertionError, asyncio.IncompleteReadError):
        return False
    KEPT.append(socket)
    return True


KEPT: list[RawSocket] = []  # sockets that are not closed by being forgotten
