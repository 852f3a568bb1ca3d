"""Being together over real sockets: two server processes and Redis between them, what is shown, and to whom."""

from __future__ import annotations

import json
import secrets
import sqlite3
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from websockets.asyncio.client import connect

from .harness.raw import RawSocket
from .harness.server import Server
from .harness.stage import Stage
from .harness.upstream import UpstreamProcess
from .harness.waiting import eventually
from .stages import *  # noqa: F403
from .test_links_live import make_link, open_socket

pytestmark = [pytest.mark.e2e, pytest.mark.parametrize("shared_stage", ["sqlite"], indirect=True)]


@pytest.fixture(scope="module")
def second_server(shared_stage: Stage, layer, tmp_path_factory, upstream: UpstreamProcess) -> Iterator[Server]:
    """Another process on the same database and the same Redis."""
    folder: Path = tmp_path_factory.mktemp("second")
    env = shared_stage.server.env
    same = {name: env[name] for name in ("DATABASE_URL", "REDIS_URL", "REDIS_PREFIX") if name in env}
    server = Server(folder, upstream.base_url, CHATLAB_WORKER="external", **same)
    server.start()
    yield server
    server.stop()
    assert not server.alarms(), server.alarms()[0]


class Eyes:
    """A tab that keeps the newest `presence` frame."""

    def __init__(self, tab, me: str):
        self.tab, self.me = tab, me

    @property
    def sees(self) -> dict[str, dict]:
        frames = self.tab.received("presence")
        return {one["id"]: one for one in frames[-1]["members"]} if frames else {}

    async def until(self, predicate, within: float = 10.0) -> None:
        await self.tab.until(lambda: predicate(self.sees), within, f"presence, which is {self.sees}")


@pytest.fixture
async def eyes(tab, visitor) -> AsyncIterator:
    """`await eyes(server, room, name)`: somebody's open tab."""

    async def make(server: Server, room: str, name: str, person=None) -> Eyes:
        person = person or visitor(server)
        me = await person.join(room, name)
        found = Eyes(await tab(person, room), me["id"])
        found.person = person
        return found

    yield make


@pytest.fixture
async def room(stage: Stage, visitor) -> str:
    return await visitor(stage.server).create_room()


async def test_two_processes_show_each_other_who_is_here(stage, second_server, room, eyes):
    ada, ben = await eyes(stage.server, room, "Ada"), await eyes(second_server, room, "Ben")
    both = {who: {"id": who, "cursors": [3], "typing": False} for who in (ada.me, ben.me)}  # three have joined
    await ada.until(lambda sees: sees == both)
    await ben.until(lambda sees: sees == both)
    await ben.tab.send({"type": "room", "title": "Another"})
    await ada.until(lambda sees: sees[ben.me]["cursors"] == sees[ada.me]["cursors"] == [ada.tab.seq])
    await ben.tab.close()
    await ada.until(lambda sees: set(sees) == {ada.me})


async def test_a_cut_tab_stays_where_it_was_and_comes_back_as_itself_anywhere(stage, second_server, room, eyes):
    ada, ben = await eyes(stage.server, room, "Ada"), await eyes(second_server, room, "Ben")
    name = secrets.token_hex(8)
    address = f"/ws/rooms/{room}/?tab={name}"
    wire = await RawSocket.open(second_server.url, address, ben.person.socket_headers)
    await wire.until("synced")
    await ada.until(lambda sees: len(sees.get(ben.me, {"cursors": ()})["cursors"]) == 2)
    at = ada.tab.seq
    wire.close()  # without a word
    await ada.tab.send({"type": "room", "title": "Without it"})
    await ada.until(lambda sees: sorted(sees[ben.me]["cursors"]) == [at, at + 1])
    back = await RawSocket.open(stage.server.url, address, {**ben.person.socket_headers, "Origin": stage.server.url})
    await back.until("synced")
    await ada.until(lambda sees: sees[ben.me]["cursors"] == [at + 1, at + 1])
    back.close()


async def test_typing_is_seen_by_the_others_and_ends_with_the_message(stage, second_server, room, eyes):
    ada, ben = await eyes(stage.server, room, "Ada"), await eyes(second_server, room, "Ben")
    await ada.until(lambda sees: ben.me in sees)
    await ben.tab.send({"type": "typing"})
    await ada.until(lambda sees: sees[ben.me]["typing"])
    receipt = await ben.tab.command({"type": "post", "text": "Here it is."})
    await ada.until(lambda sees: not sees[ben.me]["typing"], within=4)
    assert ada.tab.message(receipt["message"]), "and the message is there"
    await ben.tab.send({"type": "typing"})
    await ada.until(lambda sees: sees[ben.me]["typing"])
    await ada.until(lambda sees: not sees[ben.me]["typing"])


async def test_who_looks_elsewhere_is_away(stage, room, eyes):
    ada, ben = await eyes(stage.server, room, "Ada"), await eyes(stage.server, room, "Ben")
    await ada.until(lambda sees: ben.me in sees)
    await ben.tab.send({"type": "sync", "cursor": ben.tab.cursor, "away": True})
    await ada.until(lambda sees: sees[ben.me].get("away"))
    await ben.tab.send({"type": "sync", "cursor": ben.tab.cursor})
    await ada.until(lambda sees: "away" not in sees[ben.me])


async def test_only_members_of_the_room_are_told(stage, room, eyes, visitor, tab):
    ada = await eyes(stage.server, room, "Ada")
    eve = visitor(stage.server)
    elsewhere = await tab(eve, await eve.create_room())
    await ada.until(lambda sees: set(sees) == {ada.me})
    await ada.tab.send({"type": "typing"})
    await ada.until(lambda sees: sees[ada.me]["typing"])
    assert all(ada.me not in str(frame) for _, frame in elsewhere.frames)


async def test_a_reader_by_a_link_sees_nobody_and_is_not_seen(stage, room, eyes, visitor):
    owner = visitor(stage.server)
    shared = await owner.create_room()
    ada = await eyes(stage.server, shared, "Ada")
    reader = await open_socket(stage.server, await make_link(owner, shared))
    await reader.until("synced")
    await ada.until(lambda sees: set(sees) == {ada.me})
    await ada.tab.send({"type": "typing"})
    await ada.until(lambda sees: sees[ada.me]["typing"])
    await ada.until(lambda sees: not sees[ada.me]["typing"])
    assert set(ada.sees) == {ada.me}
    await ada.tab.send({"type": "room", "title": "The end"})
    kinds = []
    while "deltas" not in kinds:
        kinds.append((await reader.receive())["type"])
    assert "presence" not in kinds
    reader.close()


async def test_while_redis_is_away_each_process_knows_its_own_and_then_all_again(
    stage, second_server, room, eyes, layer
):
    ada, ben = await eyes(stage.server, room, "Ada"), await eyes(second_server, room, "Ben")
    await ben.until(lambda sees: set(sees) == {ada.me, ben.me})
    layer.kill()
    cy = await eyes(stage.server, room, "Cy")
    await ada.until(lambda sees: cy.me in sees)
    assert cy.me not in ben.sees
    layer.start()
    await ben.until(lambda sees: set(sees) == {ada.me, ben.me, cy.me}, within=30)
    await ada.until(lambda sees: set(sees) == {ada.me, ben.me, cy.me}, within=30)


async def test_a_socket_that_is_closed_for_good_is_told_why_first(stage, room, eyes):
    ada, ben = await eyes(stage.server, room, "Ada"), await eyes(stage.server, room, "Ben")
    await ada.until(lambda sees: ben.me in sees)
    for _ in range(10):
        await ben.tab.send("no frame")
    await ben.tab.until(lambda: ben.tab.close_code is not None)
    assert ben.tab.close_code == 4500
    assert [frame["code"] for frame in ben.tab.received("bye")] == [4500] and ben.tab.received("bye")[0]["detail"]
    await ada.until(lambda sees: set(sees) == {ada.me})


async def test_a_name_of_a_tab_that_is_none_is_no_obstacle(stage, room, eyes):
    ada = await eyes(stage.server, room, "Ada")
    for query in ("tab=", "tab=short", f"tab={'x' * 65}", "tab=%00%ff%00%ff%00", "tab=a&tab=b", "&&&=&;", "tab"):
        address = f"{stage.server.url.replace('http', 'ws', 1)}/ws/rooms/{room}/?{query}"
        headers = ada.person.socket_headers
        async with connect(address, subprotocols=["chatlab.v1"], additional_headers=headers, proxy=None) as wire:
            assert json.loads(await wire.recv())["type"] == "welcome"


# -- names -------------------------------------------------------------------------------------------------------------


async def test_a_new_name_is_everybodys_at_once(stage, second_server, room, eyes):
    ada, ben = await eyes(stage.server, room, "Ada"), await eyes(second_server, room, "Ben")
    await ben.person.api("POST", f"/rooms/{room}/members", {"name": "  Benjamin\n Franklin "})
    await ada.tab.until(lambda: ada.tab.state["members"].get(ben.me, {}).get("name") == "Benjamin Franklin")
    assert ada.tab.state["members"][ben.me]["color"] == ben.tab.state["members"][ben.me]["color"]
    stage.server.database.check_room(room)


@pytest.mark.parametrize("name", ["", "   ", "\u200b\u2060", "\u202e", "\n\t"])
async def test_a_name_of_nothing_changes_nothing(stage, room, eyes, name):
    ada = await eyes(stage.server, room, "Ada")
    before = ada.tab.seq
    await ada.person.api("POST", f"/rooms/{room}/members", {"name": name})
    assert (await ada.person.snapshot(room))["members"][ada.me]["name"] == "Ada"
    assert (await ada.person.snapshot(room))["cursor"].startswith(f"{before}.")


async def test_a_name_turns_no_sentence_around(stage, room, eyes):
    ada = await eyes(stage.server, room, "Ada")
    await ada.person.api("POST", f"/rooms/{room}/members", {"name": "\u202eEve\u2066 \u200bx"})
    assert (await ada.person.snapshot(room))["members"][ada.me]["name"] == "Eve x"


async def test_a_name_is_short_and_of_who_is_in_the_room(stage, room, eyes, visitor):
    ada = await eyes(stage.server, room, "Ada")
    refused = await ada.person.request("POST", f"/api/rooms/{room}/members", {"name": "x" * 61})
    assert (refused.status_code, refused.json()["code"]) == (413, "too_long")
    refused = await ada.person.request("POST", f"/api/rooms/{room}/members", {"name": ["Ada"]})
    assert refused.status_code == 400
    eve = visitor(stage.server)
    await eve.create_room()
    without = await eve.client.post(f"{stage.server.url}/api/rooms/{room}/members", json={"name": "Ada"})
    assert without.status_code == 403, "a POST from another site has no token"
    assert (await ada.person.snapshot(room))["members"][ada.me]["name"] == "Ada"


async def test_a_locked_room_lets_its_members_change_their_names(stage, room, eyes):
    ada = await eyes(stage.server, room, "Ada")
    with sqlite3.connect(stage.server.folder / "chatlab.sqlite3", timeout=10) as database:
        database.execute("UPDATE rooms_room SET locked = 1 WHERE id = ?", [room])
    await ada.person.api("POST", f"/rooms/{room}/members", {"name": "Ada Lovelace"})
    await eventually(lambda: ada.tab.state["members"][ada.me]["name"] == "Ada Lovelace")
