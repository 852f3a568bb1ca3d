"""What happens to clients and to the wires between: each ends level, without a gap, with nothing doubled."""

from __future__ import annotations

import asyncio
import secrets
from itertools import count

import pytest

from .crowds import KINDS
from .harness.raw import RawSocket
from .harness.tab import Tab
from .harness.upstream import Question, words
from .harness.waiting import eventually
from .harness.wire import wire_to

SHORT = {"CHATLAB_HEARTBEAT": "1", "CHATLAB_HEAD_CHECK": "0.5", "CHATLAB_IDLE_TIMEOUT": "6"}
NUMBERS = count()


def gated(*counts: int) -> tuple[Question, list[str]]:
    """A question whose answer stops at a gate behind each of these numbers of words, and the gates."""
    name, steps, gates, start = f"clients-{next(NUMBERS)}", [], [], 0
    for place, number in enumerate(counts):
        steps.append({"text": words(number, start)})
        start += number
        if place < len(counts) - 1:
            gates.append(f"{name}-{place}")
            steps.append({"gate": gates[-1]})
    return Question(*steps), gates


@pytest.mark.sqlite_only("silence a wire")
@pytest.mark.parametrize("kind", KINDS)
async def test_both_ends_notice_a_wire_that_went_silent(kind, upstream, own_server, visitor, tab):
    """E2: half-open TCP. No end of the connection is ever told; after it nothing is missing."""
    server = own_server(kind, **SHORT)
    alice = visitor(server)
    room = await alice.create_room()
    here = await tab(alice, room)
    question, (gate,) = gated(20, 20)
    async with wire_to(server.url) as wire:
        headers = {**alice.socket_headers, "Origin": wire.url}
        far = await Tab(wire.url, room, headers).open("")
        await alice.close()  # or the end of this connection might be taken for the other one's
        answer = await here.post(question)
        await far.until(lambda: far.text(answer).endswith("w19 "))
        sockets = server.open_sockets()
        wire.freeze()
        await eventually(lambda: not far.level, 20, "the client has noticed")
        await eventually(lambda: server.open_sockets() < sockets, 40, "the server has let go of it")
        await upstream.open(gate)
        await here.finished(answer)
        wire.cut()
        wire.thaw()
        wire.plug()
        await far.close()
        await far.open()
        assert (await far.finished(answer))["text"] == "".join(words(40))
        assert far.faults == [] and len(far.received("snapshot")) == 1
        await far.close()


@pytest.mark.parametrize("session", ["lives on", "has ended"])
async def test_a_laptop_that_wakes_up_reads_on_or_is_told_that_it_is_signed_out(
    session, upstream, own_server, visitor, tab
):
    """E4: nothing passes for longer than both ends wait; meanwhile the answer ends, and perhaps the session too."""
    server = own_server(**SHORT)
    alice, bob = visitor(server), visitor(server)
    room = await bob.create_room()
    await alice.join(room, "Alice")
    here = await tab(bob, room)
    question, (gate,) = gated(20, 20)
    async with wire_to(server.url) as wire:
        headers = {**alice.socket_headers, "Origin": wire.url}
        laptop = await Tab(wire.url, room, headers, comes_back=True).open("")
        answer = await here.post(question)
        await laptop.until(lambda: laptop.text(answer).endswith("w19 "))
        wire.freeze()
        await eventually(lambda: not laptop.level, 20, "its connection is given up")
        await upstream.open(gate)
        await here.finished(answer)
        if session == "has ended":
            key = alice.client.cookies["chatlab_session"]
            ended = f"from chatlab.sessions import SessionStore; SessionStore({key!r}).delete()"
            server.manage("shell", "-c", ended)
        wire.thaw()
        if session == "has ended":
            await laptop.until(lambda: laptop.close_code == 4501, 20, "it is told that it is signed out")
            assert laptop.text(answer).endswith("w19 "), "what came after its session is not for it"
        else:
            assert (await laptop.finished(answer))["text"] == "".join(words(40))
            assert len(laptop.received("snapshot")) == 1
        assert laptop.faults == []
        await laptop.close()


async def test_a_reset_is_a_blip(upstream, server, alice, room, tab):
    """E3: every connection is reset, again and again, in the middle of an answer."""
    here = await tab(alice, room)
    async with wire_to(server.url) as wire:
        far = Tab(wire.url, room, {**alice.socket_headers, "Origin": wire.url}, comes_back=True)
        await far.open("")
        answer = await here.post(Question({"text": words(300), "rate": 150}))
        for number in (50, 120, 200):
            await far.until(lambda number=number: f"w{number} " in far.text(answer), 20)
            wire.reset()
        assert (await far.finished(answer))["text"] == "".join(words(300))
        assert far.faults == [] and len(far.received("snapshot")) == 1 and len(far.received("welcome")) > 3
        await far.close()


async def test_what_is_sent_twice_is_there_once_and_the_server_orders(upstream, server, alice, bob, room, tab):
    """E7: the same frame from two sockets at once and a replay of it later; two people who ask at the same moment."""
    mine, also_mine, his = await tab(alice, room), await tab(alice, room), await tab(bob, room)
    question = {"type": "post", "client_id": secrets.token_urlsafe(12), "text": Question({"text": words(5)})}
    first, second, other = await asyncio.gather(
        mine.command(question),
        also_mine.command(question),
        his.command({"type": "post", "text": Question({"text": words(5)})}),
    )
    assert first["message"] == second["message"] != other["message"]
    assert (await also_mine.command(question))["message"] == first["message"]
    for one in (mine, also_mine, his):
        for asked in (first, other):
            answer = await one.until(lambda one=one, asked=asked: one.answer_to(asked["message"]))
            await one.finished(answer["id"])
        assert [message["id"] for message in one.state["messages"]] == [
            message["id"] for message in mine.state["messages"]
        ]
        assert len(one.state["messages"]) == 4
    server.database.check_room(room)


async def test_a_socket_that_comes_and_goes_leaves_nothing_behind(server, alice, room, tab):
    """E12"""
    here = await tab(alice, room)
    path = f"/ws/rooms/{room}/"

    async def flap(how: int) -> None:
        socket = await RawSocket.open(server.url, path, alice.socket_headers)
        if how % 2:
            await socket.until("welcome")
        socket.close()

    await asyncio.gather(*map(flap, range(20)))
    sockets, memory = server.open_sockets(), server.memory()
    for _ in range(15):
        await asyncio.gather(*map(flap, range(20)))
    await eventually(lambda: server.open_sockets() <= sockets, 15, "their connections are gone")
    assert server.memory() - memory < 20 * 2**20
    answer = await here.post(Question({"text": words(5)}))
    assert (await here.finished(answer))["text"] == "".join(words(5))


@pytest.mark.parametrize("accident", ["joins_late", "reads_late"])
async def test_nothing_falls_between_joining_and_reading(accident, upstream, own_server, visitor, tab):
    """E10: what is committed while a fresh socket has not joined its group yet, or has joined and not read yet. The
    watch over the heads is switched off, so that nothing else finds what is lost.
    """
    settings = {"DJANGO_SETTINGS_MODULE": "tests.accidents.settings", "CHATLAB_ACCIDENT": f"{accident}:1"}
    server = own_server(CHATLAB_HEAD_CHECK="600", **settings)
    alice = visitor(server)
    room = await alice.create_room()
    here = await tab(alice, room)
    answer = await here.post(Question({"text": words(150), "rate": 100}))
    await here.until(lambda: "w10 " in here.text(answer))
    late = await tab(alice, room, cursor=here.cursor)
    older = await tab(alice, room)
    await here.finished(answer)
    for one in (late, older):
        await one.until(lambda one=one: one.cursor == here.cursor)
        assert one.gaps == 0
    assert older.text(answer) == here.text(answer) == server.database.text(answer)
