"""What a client may cost before anybody knows who it is: bodies, time and sockets have an end, under both servers."""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
from collections.abc import AsyncIterator, Iterator
from urllib.parse import urlsplit

import pytest

from .crowds import KINDS
from .harness.engines import PostgreSQL, SQLite
from .harness.raw import RawSocket
from .harness.server import Server
from .harness.waiting import eventually

MIB = 2**20
BODY_MAX = 300_000
PATHS = ("/", "/admin/", "/admin/login/", "/static/rooms/main.js", "/nowhere/", "/api/rooms", "/ws/x", "/healthz")
HEAD, BODY, TAKE = 1.0, 2.0, 1.5  # seconds
SOON = 8.0  # on a busy machine
PAGE = 24 * MIB  # more than kernels take for a client that does not
BOUNDS = {
    "CHATLAB_BODY_MAX": str(BODY_MAX),
    "CHATLAB_HEAD_TIMEOUT": str(HEAD),
    "CHATLAB_BODY_TIMEOUT": str(BODY),
    "CHATLAB_TAKE_TIMEOUT": str(TAKE),
    "CHATLAB_SOCKETS_PER_PERSON": "3",
    "CHATLAB_SOCKETS_PER_LINK": "2",
    "CHATLAB_SOCKETS_PER_ADDRESS": "5",
    "CHATLAB_RATE_SOCKETS": "6/600",
    "CHATLAB_RATE_GUESTS": "12/600",
}


@pytest.fixture(scope="module", params=KINDS)
def shared_bounded(request, tmp_path_factory, engines: SQLite | PostgreSQL) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp(request.param)
    (folder / "page").write_bytes(bytes(PAGE))
    (folder / "staticfiles.json").write_text('{"paths": {"page": "page"}, "version": "1.1", "hash": ""}')
    settings = engines.settings_for(folder) | BOUNDS | {"CHATLAB_LIMITS": "on", "CHATLAB_PROVIDER": "demo"}
    process = Server(folder, "", request.param, DEBUG="0", STATIC_ROOT=str(folder), **settings)
    process.start()
    yield process
    process.stop()


@pytest.fixture
async def bounded(shared_bounded: Server) -> AsyncIterator[Server]:
    mark, sockets = shared_bounded.mark(), shared_bounded.open_sockets()
    yield shared_bounded
    await eventually(lambda: shared_bounded.open_sockets() <= sockets, SOON, "all connections are gone")
    assert not shared_bounded.alarms(mark), shared_bounded.alarms(mark)[0]


@pytest.fixture
async def connect(bounded: Server):
    """`await connect(receive_buffer=0)`: (reader, writer) of a connection to the server."""
    opened: list[asyncio.StreamWriter] = []

    async def make(receive_buffer: int = 0) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        place, plain = urlsplit(bounded.url), socket.socket()
        if receive_buffer:
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        plain.setblocking(False)
        await asyncio.get_running_loop().sock_connect(plain, (place.hostname, place.port))
        reader, writer = await asyncio.open_connection(sock=plain)
        opened.append(writer)
        return reader, writer

    yield make
    for writer in opened:
        writer.transport.abort()


def head(path: str, *lines: str, method: str = "POST") -> bytes:
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: localhost", *lines, "", ""]).encode()


async def all_of(reader: asyncio.StreamReader) -> bytes:
    """Until the server ends it, in whatever way."""
    said = b""
    async with asyncio.timeout(SOON):
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65_536):
                said += data
    return said


# -- bodies ------------------------------------------------------------------------------------------------------------


async def test_a_body_without_end_is_refused_while_it_comes_on_every_path(bounded, connect):
    memory = []
    for path in PATHS * 2:
        reader, writer = await connect()
        answered = asyncio.create_task(reader.readuntil(b"\r\n\r\n"))
        writer.write(head(path, "Transfer-Encoding: chunked"))
        sent, chunk = 0, b"10000\r\n" + b"x" * 65_536 + b"\r\n"
        with contextlib.suppress(ConnectionError):
            while not answered.done() and sent < 300 * MIB:
                writer.write(chunk)
                sent += len(chunk)
                await writer.drain()
        said = await asyncio.wait_for(answered, SOON)
        assert said.startswith(b"HTTP/1.1 413 "), path
        assert sent < 40 * MIB, "what is thrown away, until the client has seen the answer"
        assert (b"application/problem+json" in said) == path.startswith("/api/")
        writer.transport.abort()
        memory.append(bounded.memory())
    assert max(memory[len(PATHS) :]) - memory[len(PATHS) - 1] < 4 * MIB, memory


async def test_a_body_that_says_to_be_too_long_is_not_waited_for(bounded, connect):
    for lines in ((f"Content-Length: {300 * MIB}",), (f"Content-Length: {BODY_MAX + 1}", "Expect: 100-continue")):
        reader, writer = await connect()
        writer.write(head("/api/rooms", *lines))
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 413 ")


async def test_a_body_that_is_just_not_too_long_comes_through(bounded, connect):
    for framing in (f"Content-Length: {BODY_MAX}", "Transfer-Encoding: chunked"):
        body = b"{" + b" " * (BODY_MAX - 2) + b"}"
        reader, writer = await connect()
        chunk = b"%x\r\n%s\r\n0\r\n\r\n" % (BODY_MAX, body)
        writer.write(head("/api/reach", framing, "Connection: close") + (body if "Length" in framing else chunk))
        assert (await all_of(reader)).startswith(b"HTTP/1.1 200 ")


# -- time --------------------------------------------------------------------------------------------------------------


async def trickle(writer: asyncio.StreamWriter, data: bytes) -> None:
    """A byte now and then, for as long as they are taken: no silence is ever long."""
    with contextlib.suppress(ConnectionError):
        for byte in data:
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(0.1)


SLOW = {
    "nothing at all": (b"", b"", b""),
    "a head": (b"", b"GET / HTTP/1.1\r\nX: " + b"x" * 900, b"408"),
    "a body": (head("/api/reach", "Content-Length: 1000"), b"x" * 900, b"408"),
    "a chunked body": (head("/api/reach", "Transfer-Encoding: chunked"), b"1\r\nx\r\n" * 150, b"408"),
    "a second head": (head("/healthz", method="GET"), b"GET / HTTP/1.1\r\nX: " + b"x" * 900, b"200"),
}


@pytest.mark.parametrize("what", SLOW)
async def test_who_sends_slowly_is_not_waited_for(what, bounded, connect):
    at_once, slowly, status = SLOW[what]
    reader, writer = await connect()
    writer.write(at_once)
    trickling = asyncio.create_task(trickle(writer, slowly))
    said = await all_of(reader)
    trickling.cancel()
    assert said[9:12] == status and bounded.answers()


async def test_who_takes_nothing_of_a_page_is_cut_and_who_takes_it_slowly_is_not(bounded, connect):
    asked = head("/static/page", "Connection: close", method="GET")
    stuck_reader, stuck = await connect(receive_buffer=4096)
    stuck.write(asked)
    stuck.transport.pause_reading()
    reader, writer = await connect(receive_buffer=65_536)
    writer.write(asked)
    got, began = 0, asyncio.get_running_loop().time()
    while data := await asyncio.wait_for(reader.read(400_000), SOON):
        got += len(data)
        await asyncio.sleep(0.05)
    assert got > PAGE and asyncio.get_running_loop().time() - began > TAKE
    here = stuck.get_extra_info("sockname")[1]
    await eventually(lambda: here not in bounded.peers(), SOON, "the one that hangs is gone")
    assert "takes nothing of its answer" in bounded.log()


# -- sockets -----------------------------------------------------------------------------------------------------------


@pytest.fixture
async def sockets():
    """`await sockets(person, path)`: (socket, its close code, None where it stays)"""
    opened: list[RawSocket] = []

    async def make(person, path: str) -> tuple[RawSocket, int | None]:
        made = await RawSocket.open(person.server.url, path, person.socket_headers)
        opened.append(made)
        while frame := await made.receive():
            if frame["type"] == "synced":
                return made, None
        return made, made.close_code

    yield make
    for made in opened:
        made.close()


async def closed(server: Server, made: list[RawSocket]) -> None:
    before = server.open_sockets()
    for socket_ in made:
        socket_.close()
    await eventually(lambda: server.open_sockets() <= before - len(made), SOON, "they are closed")


async def test_sockets_are_bounded_for_a_person_and_an_address_and_in_their_rate(bounded, visitor, sockets):
    alice, bob = visitor(bounded), visitor(bounded)
    room = await alice.create_room()
    await bob.join(room, "Bob")
    path = f"/ws/rooms/{room}/"
    first = [await sockets(alice, path) for _ in range(4)]
    assert [code for _, code in first] == [None, None, None, 4429], "three of one person"
    second = [await sockets(bob, path) for _ in range(3)]
    assert [code for _, code in second] == [None, None, 4429], "five of one address"
    await closed(bounded, [made for made, code in (*first, *second) if code is None])
    again = [await sockets(alice, path) for _ in range(4)]
    assert [code for _, code in again] == [None, None, 4429, 4429], "six in ten minutes: the seventh is one too many"
    assert "CHATLAB_SOCKETS_PER_ADDRESS: 5 are taken" in bounded.log()


async def test_readers_of_a_link_are_bounded_and_so_are_their_sessions(bounded, visitor, sockets):
    alice = visitor(bounded)
    room = await alice.create_room()
    headers = {"X-CSRFToken": alice.client.cookies["csrftoken"]}
    page = (await alice.client.post(f"/rooms/{room}/links/", data={"lasts": ""}, headers=headers)).text
    link, token = re.search(r"/shared/([\w-]+)/#([\w-]+)", page).groups()
    readers, statuses = [visitor(bounded) for _ in range(14)], []
    for reader in readers:
        await reader.client.get(f"/shared/{link}/")
        shown = {"token": token, "csrfmiddlewaretoken": reader.client.cookies["csrftoken"]}
        statuses.append((await reader.client.post(f"/shared/{link}/", data=shown)).status_code)
    assert statuses[0] == 302 and statuses[-1] == 429 and statuses == sorted(statuses)
    found = [(await sockets(reader, f"/ws/shared/{link}/"))[1] for reader in readers[:3]]
    assert found == [None, None, 4429]
