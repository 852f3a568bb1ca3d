"""Cursors of every kind, at every door: an exact continuation, or a snapshot; never a mixed history, never an error."""

from __future__ import annotations

import json
from dataclasses import dataclass
from urllib.parse import quote

import pytest
from httpx2 import Cookies

from rooms.fold import fold

from .harness.people import Person
from .harness.raw import RawSocket
from .harness.tab import Tab
from .harness.upstream import Question, words


@dataclass
class Place:
    """A room of Alice's with some history, and where cursors into it can be taken from."""

    jar: Cookies
    room: str
    head: int
    chain: str
    chain_before: str
    elsewhere: str  # a cursor of another room at the same sequence
    log: list


# What stands behind `cursor=`, percent-encoded as it is sent. None of them was ever handed out by this room.
BAD_CURSORS = {
    "nothing": lambda p: "",
    "a word": lambda p: "abc",
    "NaN": lambda p: "NaN",
    "infinity": lambda p: "Infinity",
    "1e400": lambda p: "1e400",
    "minus one": lambda p: "-1",
    "minus one with the chain": lambda p: f"-1.{p.chain}",
    "zero alone": lambda p: "0",
    "zero with the head's chain": lambda p: f"0.{p.chain}",
    "zero with a chain of zeros": lambda p: "0." + "0" * 16,
    "the head alone": lambda p: f"{p.head}",
    "the head with a dot": lambda p: f"{p.head}.",
    "a chain alone": lambda p: f".{p.chain}",
    "one beyond the head": lambda p: f"{p.head + 1}.{p.chain}",
    "2^53": lambda p: f"{2**53}.{p.chain}",
    "2^63 - 1": lambda p: f"{2**63 - 1}.{p.chain}",
    "2^63": lambda p: f"{2**63}.{p.chain}",
    "2^64": lambda p: f"{2**64}.{p.chain}",
    "10^30": lambda p: f"{10**30}.{p.chain}",
    "five thousand nines": lambda p: "9" * 5000 + f".{p.chain}",
    "ten kilobytes": lambda p: "x" * 10_240,
    "a chain cut short": lambda p: f"{p.head}.{p.chain[:-1]}",
    "a chain too long": lambda p: f"{p.head}.{p.chain}0",
    "a chain in capitals": lambda p: f"{p.head}.ABCDEF{p.chain[6:].upper()}",
    "a chain that is not hexadecimal": lambda p: f"{p.head}.{'g' * 16}",
    "the head with the chain before": lambda p: f"{p.head}.{p.chain_before}",
    "the one before with the head's chain": lambda p: f"{p.head - 1}.{p.chain}",
    "another room's": lambda p: p.elsewhere,
    "a leading zero": lambda p: f"0{p.head}.{p.chain}",
    "a plus": lambda p: f"%2B{p.head}.{p.chain}",
    "an underscore": lambda p: f"1_{p.head}.{p.chain}",
    "two dots": lambda p: f"{p.head}.0.{p.chain}",
    "a float": lambda p: f"{p.head}.5",
    "hexadecimal": lambda p: f"0x{p.head:x}.{p.chain}",
    "digits of another script": lambda p: quote(f"\u0661.{p.chain}"),
    "a line feed behind": lambda p: f"{p.head}.{p.chain}%0A",
    "a space before": lambda p: f"%20{p.head}.{p.chain}",
    "NUL": lambda p: f"{p.head}.{p.chain}%00",
    "bytes that are no UTF-8": lambda p: "%ff%fe",
    "a lone surrogate": lambda p: "%ed%a0%80",
    "a percent sign alone": lambda p: "%",
    "a list": lambda p: quote(f'[{p.head}, "{p.chain}"]'),
    "an object": lambda p: quote(f'{{"seq": {p.head}}}'),
    "null": lambda p: "null",
    "a path": lambda p: quote("../../etc/passwd", safe=""),
    "a query": lambda p: quote("1' OR '1'='1"),
}


@pytest.fixture(scope="module")
async def place(upstream, shared_server) -> Place:
    """One for all cases: no cursor changes a room."""
    alice = Person(shared_server)
    room, elsewhere = await alice.create_room(), await alice.create_room("Elsewhere")
    for asked in (room, elsewhere, elsewhere):
        tab = await Tab(shared_server.url, asked, alice.socket_headers).open()
        await tab.finished(await tab.post(Question({"text": words(5)})))
        await tab.close()
    await alice.close()
    log = shared_server.database.log(room)
    other = {seq: chain for seq, _, _, chain in shared_server.database.log(elsewhere)}
    cursor = f"{log[-1][0]}.{other[log[-1][0]]}"
    return Place(alice.client.cookies, room, log[-1][0], log[-1][3], log[-2][3], cursor, log)


@pytest.fixture
async def alice(server, visitor, place):
    person = visitor(server)
    person.client.cookies = place.jar
    return person


async def first_frames(server, person, room: str, query: str) -> list[dict]:
    """What a socket is sent up to its first `synced`."""
    socket = await RawSocket.open(server.url, f"/ws/rooms/{room}/{query}", person.socket_headers)
    frames = []
    try:
        while not frames or frames[-1]["type"] != "synced":
            frames.append(await socket.receive())
            assert frames[-1] is not None, f"closed with {socket.close_code}"
    finally:
        socket.close()
    return frames


@pytest.mark.parametrize("case", BAD_CURSORS)
async def test_a_cursor_that_was_never_handed_out_is_answered_with_a_snapshot(case, server, alice, place):
    token = BAD_CURSORS[case](place)
    truth = await alice.snapshot(place.room)
    frames = await first_frames(server, alice, place.room, f"?cursor={token}")
    assert [frame["type"] for frame in frames] == ["welcome", "snapshot", "synced"]
    assert frames[1]["messages"] == truth["messages"] and frames[1]["cursor"] == truth["cursor"]
    assert frames[2]["cursor"] == truth["cursor"]
    response = await alice.request("GET", f"/api/rooms/{place.room}/deltas?after={token}")
    assert response.status_code == 200
    assert response.json()["snapshot"]["messages"] == truth["messages"]


@pytest.mark.parametrize("cursor", ["", "abc", "-1", "9" * 30, f"{2**63}." + "0" * 16, "\0", "\U0001f600" * 3000])
async def test_a_repair_from_nowhere_is_answered_with_a_snapshot(cursor, server, alice, place):
    socket = await RawSocket.open(server.url, f"/ws/rooms/{place.room}/", alice.socket_headers)
    await socket.until("synced")
    await socket.send(json.dumps({"type": "sync", "cursor": cursor, "repair": True}))
    frame = await socket.receive()
    while frame["type"] in ("rendered", "presence"):  # of what the socket was opened with
        frame = await socket.receive()
    socket.close()
    assert frame["type"] == "snapshot" and frame["cursor"] == f"{place.head}.{place.chain}"


async def test_a_bad_cursor_that_only_confirms_does_no_harm(server, alice, place):
    socket = await RawSocket.open(server.url, f"/ws/rooms/{place.room}/", alice.socket_headers)
    await socket.until("synced")
    for cursor in ("", "abc", f"{2**64}.{place.chain}", place.elsewhere):
        await socket.send(json.dumps({"type": "sync", "cursor": cursor}))
        assert (await socket.until("synced"))["cursor"] == f"{place.head}.{place.chain}"
    socket.close()


async def test_every_cursor_of_the_room_is_continued_exactly(server, alice, place):
    """All of them, the head included: the items behind it and no other, and a state that folds to the same."""
    truth = await alice.snapshot(place.room)
    for seq, _, _, chain in place.log:
        frames = await first_frames(server, alice, place.room, f"?cursor={seq}.{chain}")
        items = [item for frame in frames if frame["type"] == "deltas" for item in frame["items"]]
        assert "snapshot" not in [frame["type"] for frame in frames]
        assert [item["seq"] for item in items] == list(range(seq + 1, place.head + 1))
        assert frames[-1]["cursor"] == truth["cursor"]
    everything = await alice.api("GET", f"/rooms/{place.room}/deltas?after={place.log[0][0]}.{place.log[0][3]}")
    assert everything["up_to_date"] and everything["cursor"] == truth["cursor"]
    folded = fold({"room": {}, "members": {}, "messages": []}, everything["items"])
    assert [(m["id"], m["text"], m["status"], m["digest"]) for m in folded["messages"]] == [
        (m["id"], m["text"], m["status"], m["digest"]) for m in truth["messages"]
    ]


async def test_the_cursor_that_a_new_room_gives_is_continued(server, alice):
    created = await alice.api("POST", "/rooms", {"title": "New"})
    frames = await first_frames(server, alice, created["id"], f"?cursor={created['cursor']}")
    assert [frame["type"] for frame in frames] == ["welcome", "synced"]
