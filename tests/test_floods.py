"""A client that writes without end costs its own socket, and nobody else anything."""

from __future__ import annotations

import asyncio
import json

import pytest

from .crowds import *  # noqa: F403
from .harness.flood import Flood
from .harness.raw import PING, masked
from .harness.upstream import Question, words
from .harness.waiting import eventually

pytestmark = pytest.mark.sqlite_only("flood a socket")
MIB = 2**20
TOTAL = 200 * MIB  # of the two that come closest to what clients may say; the others need less
BUFFERS = 12 * MIB  # of two kernels, and some
LONG = json.dumps({"type": "post", "client_id": "too-long", "text": "x" * 99_000})
FLOODS = {
    "typing": (masked('{"type":"typing"}') * 4_000, {4429}),
    "syncs that confirm nothing": (masked('{"type":"sync","cursor":""}') * 2_000, {4429}),
    "questions": (masked(json.dumps({"type": "post", "client_id": "the-same-one", "text": "x" * 30_000})) * 3, {4429}),
    "texts over the limit": (masked(LONG), {4429}),
    "frames over the limit": (masked("x" * 1_000_000), {4500}),
    "binary frames": (masked(b"\0" * 60_000, 2), {4500}),
    "more than the transport takes": (masked("x" * 2_000_000), {1006, 1009}),
}

SMALL = ("typing", "syncs that confirm nothing")  # each costs more to look at than to write


async def most_memory(server, task: asyncio.Task) -> int:
    most = 0
    while not task.done():
        most = max(most, server.memory())
        await asyncio.wait([task], timeout=0.05)
    return most


@pytest.fixture
async def place(upstream, crowded, visitor, tab):
    """(person, room, a tab of somebody else in it), and at the end that tab has noticed nothing."""
    alice, bob = visitor(crowded), visitor(crowded)
    room = await alice.create_room()
    await bob.join(room, "Bob")
    here = await tab(bob, room)
    yield alice, room, here
    answer = await here.post(Question({"text": words(5)}))
    assert (await here.finished(answer))["text"] == "".join(words(5))
    assert len(here.received("welcome")) == 1 and here.close_code is None, "the neighbour was disturbed"


@pytest.mark.parametrize("name", FLOODS)
async def test_a_flood_ends_its_own_socket(name, crowded, place):
    alice, room, _ = place
    frames, codes = FLOODS[name]
    before, sockets = crowded.memory(), crowded.open_sockets()
    total = TOTAL if name in ("typing", "questions") else TOTAL // 8
    flood = Flood(crowded.url, f"/ws/rooms/{room}/", alice.socket_headers, frames, total, 5)
    task = asyncio.create_task(asyncio.to_thread(flood.run))
    grown = await most_memory(crowded, task) - before
    assert (await task).close_code in codes
    assert grown < 30 * MIB, f"{grown / MIB:.0f} MiB"
    assert name not in SMALL or flood.written < BUFFERS, "frames took no turns with those of others"
    await eventually(lambda: crowded.open_sockets() <= sockets, 30, "its connection is gone")


async def test_pings_are_read_only_as_fast_as_their_answers_are_taken(crowded, place):
    """Each ping is answered by the server itself, and this client takes no answer."""
    alice, room, _ = place
    flood = Flood(crowded.url, f"/ws/rooms/{room}/", alice.socket_headers, masked(b"p" * 125, PING) * 500, TOTAL, 5)
    await asyncio.to_thread(flood.run, False)
    assert flood.written < BUFFERS
