"""What uvicorn's sockets are read through: everything arrives, in order, and never much at a time."""

from __future__ import annotations

import asyncio
import random
import secrets
from collections.abc import AsyncIterator

import pytest

from rooms.flow.uvicorn import SLICE, Valve

from .harness.waiting import eventually


class Receiver(asyncio.Protocol):
    """Now and then it wants nothing, and then everything again, as uvicorn does while its application is busy."""

    def __init__(self) -> None:
        self.got, self.slices, self.chance = bytearray(), [], random.Random(7)
        self.writable, self.paused = asyncio.Event(), False
        self.writable.set()

    def connection_made(self, transport: asyncio.Transport) -> None:
        self.valve = Valve(transport, self.hand_on, self.writable)

    def data_received(self, data: bytes) -> None:
        self.valve.take(data)

    def hand_on(self, data: bytes) -> None:
        assert not self.paused
        self.got += data
        self.slices.append(len(data))
        if self.chance.random() < 0.5:
            self.paused = True
            self.valve.pause_reading()
            asyncio.get_running_loop().call_later(0.003, self.go_on)  # after the next slice is due

    def go_on(self) -> None:
        self.paused = False
        self.valve.resume_reading()


@pytest.fixture
async def ends() -> AsyncIterator[tuple[Receiver, asyncio.StreamWriter]]:
    """Those of one connection."""
    receiver = Receiver()
    server = await asyncio.get_running_loop().create_server(lambda: receiver, "127.0.0.1", 0)
    _, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    await eventually(lambda: hasattr(receiver, "valve"))
    yield receiver, writer
    writer.close()
    await eventually(lambda: receiver.valve.is_closing())
    server.close()


async def test_everything_comes_in_order_and_in_slices_whatever_is_paused(ends):
    receiver, writer = ends
    data = secrets.token_bytes(3_000_000)
    writer.write(data[:2_000_000])
    await eventually(lambda: len(receiver.got) == 2_000_000)
    receiver.writable.clear()  # its own client takes nothing
    writer.write(data[2_000_000:])
    await asyncio.sleep(0)
    receiver.writable.set()
    await eventually(lambda: receiver.got == data)
    assert max(receiver.slices) == SLICE


async def test_a_client_that_takes_nothing_is_not_read_from(ends):
    receiver, writer = ends
    receiver.writable.clear()
    writer.write(b"x" * 10_000)
    await eventually(lambda: not receiver.valve.is_reading())
    assert receiver.slices == []
    receiver.writable.set()
    await eventually(lambda: len(receiver.got) == 10_000)
