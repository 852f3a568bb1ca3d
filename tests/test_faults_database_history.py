"""A room with a history of 100,000 deltas, joined by many at once: a join costs the same whatever was said before."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.db import connection
from django.db.backends.signals import connection_created

from rooms import log
from rooms.frames import Cursor, appended, closed, message, opened, started
from rooms.log.append import next_chain
from rooms.text import digest

from .fakes import Place, alone, new_place, serving
from .harness.server import Server
from .test_laws_readers import check, tabs, token_of

CLIENTS = 50
DELTAS_EACH = 500  # of an answer
LEVEL = 10.0  # seconds, on a machine that does other things too
MEMORY = 64 * 2**20  # bytes that all of them together may cost
PER_JOIN = 2  # queries; reading the room is shared by all who come at once
SHARED = 40  # queries for that, and for whatever the process looks up anyway

WHEN = datetime(2026, 1, 1, tzinfo=UTC)
AT = "2026-01-01 00:00:00"  # the same, as SQLite keeps it
TABLES = {
    "rooms_message": "id, room_id, role, member_id, opened_seq, seq, text_seq, digest, created_at, text, reasoning",
    "rooms_generation": "message_id, room_id, status, model, fence, holder, attempts, background, response_id,"
    " failure_code, failure_detail, error, queued_at, closed_at",
    "rooms_delta": "room_id, seq, kind, message_id, payload, chain, digest, at",
}


class History:
    """Answers, one after the other, as they would be in the log."""

    def __init__(self, room: str, member: str, head: Cursor):
        self.room, self.member, self.head = room, member, head
        self.rows: dict[str, list[tuple]] = {table: [] for table in TABLES}

    def answer(self, number: int, size: int) -> None:
        name, first, grown, crc = f"answer-{number}", self.head.seq + 1, [], "00000000"
        body = message(
            id=name, role="assistant", author=None, text="", status="queued", digest=crc, parent=None, at=WHEN
        )
        self._append("opened", opened(body), name)
        self._append("started", started(name, "m"), name)
        for word in range(size - 3):
            grown.append(f"{number}:{word} ")
            crc = digest(grown[-1], crc)
            self._append("appended", appended(name, grown[-1], "text"), name, crc)
        self._append("closed", closed(name, "complete", crc), name)
        last, text = self.head.seq, "".join(grown)
        self.rows["rooms_message"].append(
            (name, self.room, "assistant", self.member, first, last, last, crc, AT, text, "")
        )
        self.rows["rooms_generation"].append(
            (name, self.room, "complete", "m", 2, "", 1, False, "", "", "", "", AT, AT)
        )

    def _append(self, kind: str, payload: str, name: str, crc: str = "") -> None:
        seq = self.head.seq + 1
        self.head = Cursor(seq, next_chain(self.head.chain, seq, kind, payload))
        self.rows["rooms_delta"].append((self.room, seq, kind, name, payload, self.head.chain, crc, AT))

    def write(self, cursor, mark: str) -> None:
        for table, columns in TABLES.items():
            marks = ", ".join([mark] * len(columns.split(",")))
            cursor.executemany(f"INSERT INTO {table} ({columns}) VALUES ({marks})", self.rows[table])
        update = f"UPDATE rooms_room SET head = {mark}, chain = {mark}, tip_id = {mark} WHERE id = {mark}"
        cursor.execute(update, (self.head.seq, self.head.chain, self.rows["rooms_message"][-1][0], self.room))

    def cursor(self, behind: int) -> str:
        row = self.rows["rooms_delta"][-1 - behind]
        return f"{row[1]}.{row[5]}"


# -- queries -----------------------------------------------------------------------------------------------------------


@contextmanager
def counted() -> Iterator[Counter]:
    """The queries of connections that are opened inside."""
    queries: Counter = Counter()

    def watch(sender, connection, **kwargs) -> None:
        def count(execute, sql, *arguments):
            queries[sql.strip().split()[0].upper()] += 1
            queries["all"] += 1
            return execute(sql, *arguments)

        connection.execute_wrappers.append(count)

    connection_created.connect(watch)
    try:
        yield queries
    finally:
        connection_created.disconnect(watch)


@pytest.fixture
def place(transactional_db, settings) -> Iterator[Place]:
    settings.CHATLAB_LIMITS = False
    with alone():
        yield new_place()


def test_c14_a_join_costs_a_few_queries_however_long_the_history_is(place) -> None:
    history = History(place.room, place.member, place.head)
    for number in range(20):
        history.answer(number, DELTAS_EACH)
    with connection.cursor() as cursor:
        history.write(cursor, "%s")
    assert log.verify(place.room) == []
    token = token_of(place)

    async def scenario() -> None:
        async with serving(), tabs(place, token, CLIENTS) as opened_tabs:
            await check(place, opened_tabs, LEVEL)

    with counted() as queries:
        asyncio.run(scenario())
    assert 0 < queries["all"] <= PER_JOIN * CLIENTS + SHARED, queries


# -- a whole server ----------------------------------------------------------------------------------------------------


def memory(server: Server) -> int:
    """The most that it ever had, in bytes."""
    status = Path(f"/proc/{server.pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024


@pytest.mark.e2e
@pytest.mark.sqlite_only("write into SQLite's file")
async def test_c14_a_room_of_100_000_deltas_is_joined_by_fifty_at_once(upstream, own_server, visitor, tab):
    """Newcomers, some who are far behind, and some who are a little: all of them are level soon."""
    server = own_server()
    alice = visitor(server)
    room, small = [await alice.create_room() for _ in range(2)]
    await asyncio.gather(*(tab(alice, small) for _ in range(CLIENTS)))  # what sockets cost by themselves
    member = (await alice.join(room))["id"]
    ((head, chain),) = server.database.rows("SELECT head, chain FROM rooms_room WHERE id = ?", room)
    history = History(room, member, Cursor(head, chain))
    for number in range(100_000 // DELTAS_EACH):
        history.answer(number, DELTAS_EACH)
    with closing(sqlite3.connect(server.folder / "chatlab.sqlite3")) as database, database:
        history.write(database.cursor(), "?")
    cursors = ["", history.cursor(90_000), history.cursor(1_500), "", history.cursor(10)]
    before, since = memory(server), time.monotonic()
    joined = await asyncio.gather(*(tab(alice, room, cursor=cursors[n % 5]) for n in range(CLIENTS)))
    took = time.monotonic() - since
    assert took < LEVEL
    newest = history.rows["rooms_message"][-1]
    for each in joined:
        assert each.cursor == str(history.head) and each.level
        assert not each.received("snapshot") or each.text(newest[0]) == newest[-2]
    assert Counter(bool(each.received("snapshot")) for each in joined) == {True: 30, False: 20}
    assert memory(server) - before < MEMORY, f"{(memory(server) - before) >> 20} MiB"
