"""A Redis that is there and will not have us: one line in the log, with what mends it, however often it is tried."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from channels.layers import channel_layers

from rooms.broadcast import redis as module
from rooms.broadcast.redis import RedisLayer
from rooms.broadcast.refusals import Refusals
from rooms.delivery.publisher import Publisher
from rooms.log import Batch
from rooms.seldom import Seldom

from .harness.processes import environment
from .harness.redis import Redis, require
from .harness.server import manage
from .harness.waiting import eventually

pytestmark = pytest.mark.sqlite_only("it has a Redis of its own")

TRIED = 25  # times that it is asked in vain


@pytest.fixture(autouse=True)
def notes(monkeypatch) -> list[str]:
    """What Redis answered; asked again at once, which takes half a second and two otherwise."""
    monkeypatch.setattr(module, "PING_EVERY", 0.02)
    monkeypatch.setattr(module, "AGAIN_AFTER", 0.01)
    monkeypatch.setattr("rooms.delivery.publisher.AGAIN_AFTER", 0.01)
    heard: list[str] = []
    note = Refusals.note
    monkeypatch.setattr(Refusals, "note", lambda self, error: heard.append(str(error)) or note(self, error))
    return heard


class Guarded(Redis):
    """One with other options, and a user `bob` who has these rights."""

    def __init__(self, folder: Path, options: str, rights: str):
        super().__init__(require(), folder)
        self.command += options.split()
        self.rights = rights

    def start(self) -> None:
        super().start()
        if self.rights:
            self.allow(self.rights)

    def allow(self, rights: str) -> None:
        assert self._told(f"ACL SETUSER bob on >secret ~* {rights}") == b"+OK\r\n"

    def answers(self) -> bool:
        """Also where it answers that it will not."""
        try:
            return self._told("PING").startswith((b"+PONG", b"-NOAUTH"))
        except OSError:
            return False

    def _told(self, line: str) -> bytes:
        with socket.create_connection(("127.0.0.1", self.port), timeout=2) as connection:
            connection.sendall(f"{line}\r\n".encode())
            return connection.recv(64)


@pytest.fixture
async def site(tmp_path) -> AsyncIterator:
    """`await site(url, options, rights)`: a Redis, and the layer and the publisher of a process on it."""
    started: list[tuple[Guarded, Publisher]] = []

    async def start(url: str, options: str = "", rights: str = "") -> tuple[Guarded, RedisLayer, Publisher]:
        redis, publisher = Guarded(tmp_path, options, rights), Publisher()
        redis.start()
        started.append((redis, publisher))
        address = url.format(port=redis.port)
        layer = RedisLayer([{"address": address, "socket_timeout": 0.5, "socket_connect_timeout": 0.5}], prefix="test")
        channel_layers.set("default", layer)
        publisher.start()
        return redis, layer, publisher

    yield start
    for redis, publisher in started:
        await publisher.stop()
        await channel_layers["default"].flush()
        redis.stop()
    channel_layers.backends.clear()


async def uses(layer: RedisLayer, publisher: Publisher, notes: list[str]) -> None:
    """All that a process asks of it, until it has been refused often."""
    joined = asyncio.create_task(layer.group_add("group", await layer.new_channel()))

    def refused_often() -> bool:
        publisher.publish(Batch([], [("room", 1)], []))
        return len(notes) >= TRIED

    await eventually(refused_often, 20, "it is tried again and again")
    joined.cancel()


BOB = "redis://bob:secret@127.0.0.1:{port}/0"
RIGHTS = 'ACL SETUSER <user> resetchannels "&test*" +subscribe +unsubscribe +publish +ping'
REFUSALS = {
    "no channels": (BOB, "", "resetchannels +@all", RIGHTS),
    "other channels": (BOB, "", "resetchannels &else* +@all", RIGHTS),
    "only its first channel": (BOB, "", "resetchannels &test__hello__ +@all", RIGHTS),
    "no commands": (BOB, "", "allchannels -@all", RIGHTS),
    "no publish": (BOB, "", "allchannels +@all -publish", RIGHTS),
    "no ping": (BOB, "", "allchannels +@all -ping", RIGHTS),
    "a wrong password": (BOB.replace("secret", "wrong"), "", "allchannels +@all", "redis://user:password@host"),
    "no password": ("redis://127.0.0.1:{port}/0", "--requirepass x", "", "redis://user:password@host"),
    "no such database": ("redis://127.0.0.1:{port}/99", "", "", "/0 is always there"),
}


@pytest.mark.parametrize("name", REFUSALS)
async def test_a_refusal_is_one_line_that_names_what_mends_it(site, notes, caplog, name):
    *place, remedy = REFUSALS[name]
    with caplog.at_level(logging.WARNING):
        _, layer, publisher = await site(*place)
        await uses(layer, publisher, notes)
    (line,) = caplog.messages
    assert line.startswith("Redis refuses this process (") and remedy in line
    assert "secret" not in line and "wrong@" not in line


async def test_the_rights_that_the_line_names_are_enough(site, notes, caplog):
    with caplog.at_level(logging.WARNING):
        redis, layer, publisher = await site(BOB, "", "resetchannels -@all")
        await uses(layer, publisher, notes)
        redis.allow('resetchannels "&test*" +subscribe +unsubscribe +publish +ping')
        channel = await layer.new_channel()
        await asyncio.wait_for(layer.group_add("group", channel), 5)
        await layer.group_send("group", {"type": "x"})
        assert await asyncio.wait_for(layer.receive(channel), 5) == {"type": "x"}
        await eventually(lambda: caplog.messages[-1] == "Redis is heard again", 5)
    assert sum(message.startswith("Redis") for message in caplog.messages) == 2


async def test_a_replica_that_is_read_only_passes_events_on(site, caplog):
    _, layer, _ = await site("redis://127.0.0.1:{port}/0", "--replicaof 127.0.0.1 1")
    channel = await layer.new_channel()
    await asyncio.wait_for(layer.group_add("group", channel), 5)
    await layer.group_send("group", {"type": "x"})
    assert await asyncio.wait_for(layer.receive(channel), 5) == {"type": "x"}


async def answered(line: bytes, url: str, notes: list[str]) -> None:
    """A layer, on something that answers each connection with one line and closes it."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(line)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    layer = RedisLayer([{"address": url.format(port=port), "socket_timeout": 0.5}], prefix="test")
    try:
        await layer.new_channel()
        await eventually(lambda: len(notes) >= TRIED, 20)
    finally:
        await layer.flush()
        server.close()


PROTECTED = b"-DENIED Redis is running in protected mode because protected mode is enabled, no bind address ...\r\n"
OTHERS = {
    "in protected mode": (PROTECTED, "redis://127.0.0.1:{port}/0", "set `requirepass` there"),
    "that wants TLS": (b"\x15\x03\x01\x00\x02\x02\x46\r\n", "redis://127.0.0.1:{port}/0", "is it rediss://"),
    "that is a web server": (b"HTTP/1.1 400 Bad Request\r\n\r\n", "redis://127.0.0.1:{port}/0", "or another port?"),
    "without TLS": (b"-ERR unknown command\r\n", "rediss://127.0.0.1:{port}/0", "redis:// is without"),
}


@pytest.mark.parametrize("name", OTHERS)
async def test_one_line_names_what_is_there_instead_of_a_redis_for_us(notes, caplog, name):
    line, url, remedy = OTHERS[name]
    with caplog.at_level(logging.WARNING):
        await answered(line, url, notes)
    assert len(caplog.messages) == 1 and remedy in caplog.text


def test_a_refusal_is_said_again_when_a_minute_has_passed():
    now = 0.0
    seldom = Seldom(clock=lambda: now)
    assert seldom("a") and seldom("b") and not seldom("a")
    now = 59.9
    assert not seldom("a")
    now = 60.0
    assert seldom("a") and not seldom("a")


@pytest.mark.parametrize("url", ["localhost:6379", "http://localhost:6379", "redis:localhost"])
def test_what_is_no_address_of_a_redis_stops_the_start(url):
    done = manage("check", env=environment(SECRET_KEY="x", DEBUG="1", REDIS_URL=url), check=False)
    assert done.returncode and "REDIS_URL does not begin as one: write redis://host:6379/0" in done.stderr
