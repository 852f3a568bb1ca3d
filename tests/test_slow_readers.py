"""A reader that takes little or nothing costs little or nothing, and misses nothing: the log is the buffer."""

from __future__ import annotations

import asyncio
import json
import secrets

import pytest

from .crowds import *  # noqa: F403
from .crowds import KINDS, ROOM, TIMES
from .harness.raw import RawSocket
from .harness.upstream import Question, words
from .harness.waiting import eventually

MIB = 2**20
STUCK = 50
SMALL = 4096  # bytes that the kernel takes for a reader: what it does not read stays with the server
PIECE = "x" * 20_000


def megabytes(count: int) -> Question:
    """An answer of so many million characters, in rows that are smaller than a window."""
    return Question({"text": [PIECE], "repeat": count * 50, "rate": 250})


@pytest.fixture
async def stuck():
    """`await stuck(person, room, count)`: sockets that have stopped reading."""
    opened: list[RawSocket] = []

    async def make(person, room: str, count: int = 1) -> list[RawSocket]:
        path, fresh = f"/ws/rooms/{room}/", []
        for _ in range(count):
            socket = await RawSocket.open(person.server.url, path, person.socket_headers, receive_buffer=SMALL)
            opened.append(socket)
            fresh.append(socket)
            await socket.until("synced")
            socket.stop_reading()
        return fresh

    yield make
    for socket in opened:
        socket.close()


@pytest.mark.parametrize("kind", KINDS)
async def test_fifty_stuck_readers_cost_a_window_each_and_their_neighbour_nothing(
    kind, upstream, own_server, visitor, stuck, tab
):
    """They stay for as long as this takes."""
    server = own_server(kind, CHATLAB_LIMITS="on", **TIMES | ROOM | {"CHATLAB_WINDOW_TIMEOUT": "300"})
    alice = visitor(server)
    room = await alice.create_room()
    here = await tab(alice, room)
    await stuck(alice, room, STUCK)
    memory = []
    for _ in range(4):
        answer = await here.post(megabytes(4))
        text = (await here.finished(answer, within=60))["text"]
        assert text == server.database.text(answer) and len(text) == 200 * len(PIECE)
        memory.append(server.memory() / MIB)
    assert len(here.received("welcome")) == 1, "the neighbour was disturbed"
    assert server.open_sockets() > STUCK, "they are still there"
    # Their windows are full after the first answer; each of the others would cost 200 MiB. From the second one on it
    # goes up and down by 40, which is what allocators keep.
    assert memory[-1] - memory[1] < 80, f"{memory} MiB beside {STUCK} readers that do not read"


async def test_a_stuck_reader_is_sent_away_and_loses_nothing(upstream, crowded, visitor, stuck, tab):
    alice = visitor(crowded)
    room = await alice.create_room()
    here = await tab(alice, room)
    sockets = crowded.open_sockets()
    readers = await stuck(alice, room, 3)
    answer = await here.post(megabytes(2))
    await here.finished(answer, within=30)
    await eventually(lambda: crowded.open_sockets() <= sockets, 30, "the server has let go of their connections")
    for reader in readers:
        reader.read_on()
        seen = [frame async for frame in until_closed(reader)]
        assert reader.close_code in (4499, 1006), "4499, where that still got through"
        cursors = [frame["cursor"] for frame in seen if frame["type"] == "deltas"]
        late = await tab(alice, room, cursor=cursors[-1] if cursors else here.frames[1][1]["cursor"])
        assert late.cursor == here.cursor


async def test_a_snapshot_may_be_larger_than_what_a_client_may_send(upstream, crowded, visitor, tab):
    alice = visitor(crowded)
    room = await alice.create_room()
    here = await tab(alice, room)
    answer = await here.post(megabytes(2))
    await here.finished(answer, within=30)
    late = await tab(alice, room)
    assert late.text(answer) == here.text(answer) and len(late.received("welcome")) == 1


async def test_a_reader_that_confirms_nothing_is_told_so(upstream, crowded, visitor, tab):
    """It takes what it is sent, so the close code reaches it."""
    alice = visitor(crowded)
    room = await alice.create_room()
    here = await tab(alice, room)
    silent = await RawSocket.open(crowded.url, f"/ws/rooms/{room}/", alice.socket_headers)
    sizes = asyncio.create_task(sizes_until_closed(silent))  # the snapshot at the beginning counts, too
    await here.finished(await here.post(megabytes(2)), within=30)
    *earlier, last = await asyncio.wait_for(sizes, 30)
    window = here.received("welcome")[0]["limits"]["window"]
    assert sum(earlier) < window <= sum(earlier) + last
    assert silent.close_code == 4499


@pytest.mark.sqlite_only("throttle a socket")
@pytest.mark.parametrize("kind", KINDS)
async def test_slow_readers_get_everything_on_their_first_socket(kind, upstream, own_server, visitor):
    """1 KB/s and 64 KB/s. The times of this server are a fifteenth of the usual ones, so the rates are fifteen times
    what they stand for; the window is a third of what is sent.
    """
    server = own_server(kind, CHATLAB_LIMITS="on", CHATLAB_WINDOW="32768", **TIMES)
    alice = visitor(server)
    room = await alice.create_room()
    await answered(alice, room, Question({"text": ["s" * 500], "repeat": 70}))
    slow = [SlowTab(server.url, room, alice.socket_headers, rate) for rate in (15_000, 960_000)]
    reading = [asyncio.create_task(one.read()) for one in slow]
    answer = await answered(alice, room, Question({"text": words(200), "rate": 1_000}, {"text": ["y" * 20_000]}))
    head = (await alice.snapshot(room))["cursor"]
    for one, task in zip(slow, reading, strict=True):
        await eventually(lambda one=one, task=task: task.done() or one.cursor == head, 60, "it is level")
        assert not task.done(), f"at {one.rate} B/s it was closed with {one.socket.close_code}"
        assert one.texts[answer] == server.database.text(answer)
        task.cancel()
        one.socket.close()


async def answered(person, room: str, question: Question) -> str:
    """The answer to a question that was asked over HTTP, once it is complete."""
    path, client_id = f"/rooms/{room}/messages", secrets.token_urlsafe(12)
    answer = (await person.api("POST", path, {"client_id": client_id, "text": question}))["answer"]
    await eventually(lambda: person.server.database.status(answer) == "complete", 30)
    return answer


class SlowTab:
    """Reads so many bytes a second, and says every heartbeat how far it has got."""

    def __init__(self, url: str, room: str, headers: dict[str, str], rate: int):
        self.url, self.room, self.headers, self.rate = url, room, headers, rate
        self.cursor, self.texts = "", {}

    async def read(self) -> None:
        path = f"/ws/rooms/{self.room}/"
        self.socket = await RawSocket.open(self.url, path, self.headers, receive_buffer=SMALL)
        self.socket.reader.readexactly = self.slowly(self.socket.reader.readexactly)
        beat = asyncio.create_task(self.beat())
        try:
            while (frame := await self.socket.receive(120)) is not None:
                self.take(frame)
        finally:
            beat.cancel()

    def slowly(self, readexactly):
        async def read(size: int) -> bytes:
            taken = bytearray()
            while len(taken) < size:
                piece = await readexactly(min(size - len(taken), max(1, self.rate // 20)))
                taken += piece
                await asyncio.sleep(len(piece) / self.rate)
            return bytes(taken)

        return read

    async def beat(self) -> None:
        while True:
            await asyncio.sleep(0.7)
            if self.cursor:
                await self.socket.send(json.dumps({"type": "sync", "cursor": self.cursor}))

    def take(self, frame: dict) -> None:
        self.cursor = frame.get("cursor", self.cursor)
        for item in frame.get("items", ()):
            if item["kind"] == "appended":
                self.texts[item["message"]] = self.texts.get(item["message"], "") + item["text"]


async def until_closed(socket: RawSocket):
    while (frame := await socket.receive(20)) is not None:
        yield frame


async def sizes_until_closed(socket: RawSocket) -> list[int]:
    """Of the frames that count against the window."""
    frames = [frame async for frame in until_closed(socket)]
    counted = [frame for frame in frames if frame["type"] in ("snapshot", "deltas", "rendered")]
    return [len(json.dumps(frame, separators=(",", ":"))) for frame in counted]
