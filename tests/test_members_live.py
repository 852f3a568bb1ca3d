"""A room that is governed over real sockets: two server processes of both kinds, on one database and one Redis."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from .harness.raw import RawSocket
from .harness.server import Server
from .harness.stage import Stage
from .harness.upstream import Question, UpstreamProcess
from .stages import *  # noqa: F403

pytestmark = [pytest.mark.e2e, pytest.mark.parametrize("shared_stage", ["sqlite", "postgres"], indirect=True)]

ACCESS_CHECK = 4.0  # the setting's default; promised are 5 s
BUSY = 5.0  # what a machine that is busy with other tests may be late


@pytest.fixture(scope="module")
def uvicorn(shared_stage: Stage, tmp_path_factory, upstream: UpstreamProcess) -> Iterator[Server]:
    """The other kind of server, beside the stage's daphne."""
    env = shared_stage.server.env
    same = {name: env[name] for name in ("DATABASE_URL", "REDIS_URL", "REDIS_PREFIX") if name in env}
    server = Server(tmp_path_factory.mktemp("uvicorn"), upstream.base_url, "uvicorn", CHATLAB_WORKER="external", **same)
    server.start()
    yield server
    server.stop()
    assert not server.alarms(), server.alarms()[0]


async def listening(server: Server, room: str, person) -> RawSocket:
    socket = await RawSocket.open(server.url, f"/ws/rooms/{room}/", person.socket_headers_at(server.url))
    await socket.until("synced")
    return socket


async def test_who_is_removed_is_gone_in_all_processes_and_what_they_asked_for_goes_on(
    stage, uvicorn, visitor, tab, upstream
):
    alice, bob = visitor(stage.server), visitor(stage.server)
    room = await alice.create_room()
    me = await bob.join(room, "Bob")
    here, his = await tab(alice, room), await tab(bob, room)
    await stage.worker()
    question = Question({"text": "half "}, {"gate": "removed"}, {"text": "whole"})
    answer = await his.post(question)
    await here.until(lambda: here.text(answer) == "half ")
    await his.close()
    sockets = [await listening(server, room, bob) for server in (stage.server, uvicorn)]

    def sees_bob() -> bool:
        return any(one["id"] == me["id"] for one in here.received("presence")[-1]["members"])

    await here.until(sees_bob, 10)
    for frame in ('{"type":"room","locked":true}', f'{{"type":"remove","member":"{me["id"]}"}}'):
        await sockets[1].send(frame)
        assert (await sockets[1].until("error"))["code"] == "not_allowed"

    begun = time.monotonic()
    await here.send({"type": "remove", "member": me["id"]})
    await here.until(lambda: here.state["members"][me["id"]].get("removed"), 5)
    await sockets[0].send('{"type":"post","client_id":"too-late-1","text":"hi"}')
    assert (await sockets[0].until("error"))["code"] == "not_allowed"
    for socket in sockets:
        assert (await socket.until("bye"))["code"] == 4503
        assert await socket.ended(within=10) == 4503
    assert time.monotonic() - begun < ACCESS_CHECK + BUSY
    await here.until(lambda: not sees_bob(), 10, "presence is told")
    await upstream.open("removed")
    await here.finished(answer)
    assert here.text(answer) == "half whole" and here.status(answer) == "complete"
    refused = await bob.request("POST", f"/api/rooms/{room}/members", {})
    assert (refused.status_code, refused.json()["code"]) == (403, "not_allowed")


async def test_who_leaves_by_a_socket_is_sent_away_at_once_and_an_heir_rules(stage, uvicorn, visitor, tab):
    alice, bob = visitor(stage.server), visitor(stage.server)
    room = await alice.create_room()
    me = await bob.join(room, "Bob")
    his = await tab(bob, room)
    hers = await listening(uvicorn, room, alice)
    await hers.send('{"type":"leave"}')
    assert (await hers.until("bye"))["code"] == 4503 and await hers.ended(within=10) == 4503
    await his.until(lambda: his.state["members"][me["id"]]["role"] == "owner", 10)
    await his.send({"type": "room", "locked": True})
    await his.until(lambda: his.state["room"]["locked"], 10)
    refused = await alice.request("POST", f"/api/rooms/{room}/members", {})
    assert refused.json()["detail"] == "This room is locked: nobody new can join it."
