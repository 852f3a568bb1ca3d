"""The wire of the fault tests does what it says: the faults that other tests stand on are real."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager

import pytest

from .harness.waiting import eventually
from .harness.wire import DOWN, UP, Wire, wire_to


class Echo:
    """A server that gives back what it gets, and keeps it."""

    def __init__(self) -> None:
        self.got = bytearray()
        self.ends: list[str] = []
        self.connections = 0
        self.greeting = b""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        writer.write(self.greeting)
        try:
            while data := await reader.read(65536):
                self.got += data
                writer.write(data)
            self.ends.append("end")
        except ConnectionResetError:
            self.ends.append("reset")
        writer.close()


@asynccontextmanager
async def echoing() -> AsyncIterator[tuple[Echo, Wire]]:
    echo = Echo()
    server = await asyncio.start_server(echo.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with wire_to(f"127.0.0.1:{port}") as wire:
        yield echo, wire
    await eventually(lambda: len(echo.ends) == echo.connections, 5, "nothing of the wire stays open")
    server.close()


@pytest.fixture
async def far() -> AsyncIterator[tuple[Echo, Wire]]:
    async with echoing() as both:
        yield both


@pytest.fixture
async def dial(far) -> AsyncIterator[Callable]:
    """`await dial()`: (reader, writer) of a new connection through the wire."""
    writers = []

    async def connect() -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection("127.0.0.1", far[1].port)
        writers.append(writer)
        return reader, writer

    yield connect
    for writer in writers:
        writer.transport.abort()


async def said(reader: asyncio.StreamReader, data: bytes, within: float = 5.0) -> None:
    assert await asyncio.wait_for(reader.readexactly(len(data)), within) == data


async def silent(reader: asyncio.StreamReader) -> None:
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(reader.read(1), 0.2)


@pytest.mark.parametrize(
    ("target", "url"),
    [
        ("http://127.0.0.1:80", "http://127.0.0.1:{}"),
        ("http://localhost:80/v1", "http://127.0.0.1:{}/v1"),
        ("redis://localhost:6379/0", "redis://127.0.0.1:{}/0"),
        ("postgres://chatlab:p@h:5432/name?x=1", "postgres://chatlab:p@127.0.0.1:{}/name?x=1"),
        ("localhost:9", "127.0.0.1:{}"),
    ],
)
async def test_its_url_stands_in_for_the_target_s(target, url):
    async with wire_to(target) as wire:
        assert wire.url == url.format(wire.port)


async def test_bytes_and_ends_pass_in_both_directions(far, dial):
    echo, wire = far
    reader, writer = await dial()
    data = bytes(range(256)) * 4096
    writer.write(data)
    await said(reader, data)
    writer.write_eof()
    assert await reader.read() == b"" and echo.ends == ["end"]
    await eventually(lambda: wire.connections == 0)


async def test_a_target_that_refuses_ends_the_connection_and_not_the_wire(far, dial):
    _, wire = far
    target, wire.target = wire.target, ("127.0.0.1", 1)
    reader, _ = await dial()
    assert await asyncio.wait_for(reader.read(), 5) == b""
    wire.target = target
    reader, writer = await dial()
    writer.write(b"again")
    await said(reader, b"again")


async def test_cut_it_drops_what_is_open_and_refuses_what_is_new(far, dial):
    _, wire = far
    reader, writer = await dial()
    writer.write(b"one")
    await said(reader, b"one")
    wire.cut()
    assert wire.connections == 0
    with contextlib.suppress(ConnectionResetError):
        assert await asyncio.wait_for(reader.read(), 5) == b""
    with pytest.raises(ConnectionRefusedError):
        await dial()
    wire.plug()
    reader, writer = await dial()
    writer.write(b"two")
    await said(reader, b"two")


async def test_frozen_it_holds_everything_and_loses_nothing(far, dial):
    echo, wire = far
    reader, writer = await dial()
    writer.write(b"one")
    await said(reader, b"one")
    _, leaving = await dial()
    await eventually(lambda: echo.connections == 2)
    wire.freeze()
    writer.write(b"two")
    writer.write_eof()
    leaving.write_eof()
    late_reader, late_writer = await dial()
    late_writer.write(b"three")
    await silent(reader)
    await silent(late_reader)
    assert bytes(echo.got) == b"one" and echo.ends == [] and echo.connections == 2
    wire.thaw()
    await said(reader, b"two")
    await said(late_reader, b"three")
    assert await asyncio.wait_for(reader.read(), 5) == b""
    await eventually(lambda: echo.ends == ["end", "end"])


async def test_reset_is_a_reset_at_both_ends(far, dial):
    echo, wire = far
    reader, writer = await dial()
    writer.write(b"one")
    await said(reader, b"one")
    wire.reset()
    with pytest.raises(ConnectionResetError):
        await asyncio.wait_for(reader.read(), 5)
    await eventually(lambda: echo.ends == ["reset"])
    reader, writer = await dial()
    writer.write(b"two")
    await said(reader, b"two")


async def test_a_reset_of_one_end_reaches_the_other(far, dial):
    echo, wire = far
    near = socket.create_connection(("127.0.0.1", wire.port))
    near.sendall(b"one")
    await eventually(lambda: echo.got == b"one")
    near.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    near.close()
    await eventually(lambda: echo.ends == ["reset"])


async def test_delay_goes_both_ways_keeps_the_order_and_is_no_bottleneck(far, dial):
    _, wire = far
    wire.delay(0.15, jitter=0.1)
    reader, writer = await dial()
    started = time.monotonic()
    for number in range(200):
        writer.write(b"%03d" % number)
        await asyncio.sleep(0)
    await said(reader, b"".join(b"%03d" % number for number in range(200)))
    assert time.monotonic() - started >= 0.1
    wire.delay(0)


async def test_throttled_it_takes_its_time_and_holds_the_sender_up(far, dial):
    echo, wire = far
    wire.throttle(20_000)
    reader, writer = await dial()
    writer.write(b"x" * 5_000)
    started = time.monotonic()
    await said(reader, b"x" * 5_000)
    assert time.monotonic() - started >= 0.25
    wire.throttle(1_000)
    writer.transport.set_write_buffer_limits(0)
    writer.write(b"y" * 20_000_000)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(writer.drain(), 0.3)
    assert len(echo.got) < 6_000


@pytest.mark.parametrize("pieces", [[b"..COMMIT.."], [b"..COM", b"MIT.."], [b".", b"C", b"OMMI", b"T"]])
async def test_a_connection_ends_by_what_it_carries_and_the_target_never_gets_it(far, dial, pieces):
    echo, wire = far
    wire.reset_when(b"COMMIT", forwarded=False)
    reader, writer = await dial()
    for piece in pieces:
        writer.write(piece)
        with contextlib.suppress(TimeoutError):  # each piece arrives alone
            await asyncio.wait_for(_echoed(echo, piece), 0.1)
    with pytest.raises(ConnectionResetError):
        await asyncio.wait_for(_to_the_end(reader), 5)
    await eventually(lambda: echo.ends == ["reset"])
    assert b"COMMIT" not in echo.got and wire.resets == 1
    _, writer = await dial()
    writer.write(b"COMMIT")
    await eventually(lambda: b"COMMIT" in echo.got, 5, "it happens once")


@pytest.mark.parametrize("direction", [UP, DOWN])
async def test_or_the_target_has_it_and_its_answer_never_arrives(far, dial, direction):
    echo, wire = far
    wire.reset_when(b"COMMIT", forwarded=True, direction=direction)
    reader, writer = await dial()
    writer.write(b"..COMMIT..")
    if direction == UP:
        with pytest.raises(ConnectionResetError):
            await asyncio.wait_for(_to_the_end(reader), 5)
        await eventually(lambda: echo.got == b"..COMMIT.." and echo.ends == ["end"])
    else:
        await said(reader, b"..COMMIT..")
        assert await asyncio.wait_for(reader.read(), 5) == b""
        await eventually(lambda: echo.ends == ["reset"])
    assert wire.resets == 1


async def test_whose_answer_is_on_its_way_is_not_reset_by_it(far, dial):
    """To close a socket that holds unread bytes resets the other side."""
    echo, wire = far
    echo.greeting = b"." * 2**24
    wire.reset_when(b"COMMIT", forwarded=True)
    reader, writer = await dial()
    await eventually(lambda: echo.connections)
    writer.write(b"COMMIT")
    with pytest.raises(ConnectionResetError):
        await asyncio.wait_for(_to_the_end(reader), 5)
    await eventually(lambda: echo.got == b"COMMIT" and echo.ends == ["end"])


async def test_what_passed_before_is_not_what_is_waited_for(far, dial):
    echo, wire = far
    reader, writer = await dial()
    writer.write(b"COMMIT")
    await said(reader, b"COMMIT")
    wire.reset_when(b"COMMIT", forwarded=False)
    writer.write(b"x")
    await said(reader, b"x")
    writer.write(b"COMMIT")
    with pytest.raises(ConnectionResetError):
        await asyncio.wait_for(reader.read(), 5)


@pytest.fixture
def blocking() -> Iterator[tuple[Wire, socket.socket]]:
    """A wire without any event loop of the test's, and a plain socket that listens behind it."""
    with socket.create_server(("127.0.0.1", 0)) as target:
        wire = Wire(f"127.0.0.1:{target.getsockname()[1]}")
        wire.start()
        yield wire, target
        wire.stop()


async def test_it_goes_on_while_the_test_blocks_its_loop(blocking):
    wire, target = blocking
    with socket.create_connection(("127.0.0.1", wire.port), timeout=5) as near:
        far, _ = target.accept()
        far.settimeout(5)
        near.sendall(b"there")
        assert far.recv(16) == b"there"
        wire.freeze()
        threading.Timer(0.1, wire.thaw).start()
        near.sendall(b"and back")
        assert far.recv(16) == b"and back"
        far.close()


async def _echoed(echo: Echo, piece: bytes) -> None:
    while not echo.got.endswith(piece):
        await asyncio.sleep(0.005)


async def _to_the_end(reader: asyncio.StreamReader) -> None:
    while await reader.read(65536):
        pass
