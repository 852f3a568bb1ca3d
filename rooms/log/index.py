"""The full-text index: which messages have an entry of `words`, the newest first. Kept by the log, in the transaction
in which a message is complete.

An FTS5 table in SQLite; in PostgreSQL a tsvector with a GIN index. Entries are made here and not by the database, so
that both find the same. A message's room is an entry, too: a search in a few rooms costs what these hold, however large
the site is. It only chooses: who asks compares rooms and texts.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from functools import cache
from itertools import repeat

from django.db import connection, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from ..indexed import Indexed
from ..models import Generation, Message
from ..words import READ, entries

TOGETHER = 200_000  # characters whose entries are written together: PostgreSQL ends who is idle for two seconds
AT_ONCE = 500  # messages in one transaction: for so long others wait for SQLite
PAGE, LARGEST_PAGE = 40, 640
EVERYTHING = 2**62
# GIN has no order: of a frequent word it would bring all messages. So it is asked for the newest 2 x 2**10 first, ...
SPANS = (10, 13, 16)
_WORDS = "array_to_tsvector(string_to_array(entries, ' '))"
# A pending list would be read through by every search.
GIN = f"CREATE INDEX rooms_indexed_words ON rooms_indexed USING gin ({_WORDS}) WITH (fastupdate = off)"

_TABLE = (
    "CREATE VIRTUAL TABLE IF NOT EXISTS rooms_words USING fts5"
    "(entries, content='', detail=none, columnsize=0, tokenize=\"ascii tokenchars '_:-'\")"
)


_kept: set[str] = set()  # files that were seen to have the table: asked once


@cache
def fts5() -> bool:
    """Whether the SQLite of this Python has it."""
    with closing(sqlite3.connect(":memory:")) as memory:
        return ("ENABLE_FTS5",) in memory.execute("PRAGMA compile_options").fetchall()


def is_kept() -> bool:
    """Whether there is an index. Without one texts are read through."""
    if connection.vendor != "sqlite":
        return True
    if not fts5():
        return False
    file = str(connection.settings_dict["NAME"])
    if file not in _kept:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM sqlite_master WHERE name = 'rooms_words'")
            _kept.update([file] if cursor.fetchone() else [])
    return file in _kept


def create(database: BaseDatabaseWrapper) -> None:
    """What Django has no word for. Of the migration."""
    if database.vendor == "sqlite":
        create_missing()
        return
    with database.cursor() as cursor:
        cursor.execute("ALTER TABLE rooms_indexed ADD entries text NOT NULL")
        # Beside the row: a search reads the index, and of rows their numbers.
        cursor.execute("ALTER TABLE rooms_indexed SET (toast_tuple_target = 128)")
        cursor.execute(GIN)


def create_missing() -> None:
    """The table of an SQLite that had no FTS5 when it was migrated."""
    if connection.vendor == "sqlite" and fts5():
        with connection.cursor() as cursor:
            cursor.execute(_TABLE)


def empty() -> None:
    """Take everything out, to be indexed anew."""
    with transaction.atomic(), connection.cursor() as cursor:
        if is_kept() and connection.vendor == "sqlite":
            cursor.execute("INSERT INTO rooms_words (rooms_words) VALUES ('delete-all')")
        cursor.execute("DELETE FROM rooms_indexed")
    create_missing()


def add(messages: Iterable[tuple[str, str, str]], numbers: Iterable[int] | None = None) -> None:
    """Messages, as (id, room, text). `numbers`: in place of the next ones. Inside the caller's transaction."""
    if not is_kept():
        return
    rows, characters = [], 0
    for (message, room, text), number in zip(messages, numbers or repeat(None), strict=False):
        rows.append((number, message, " ".join([_room(room), *entries(text)])))
        characters += min(len(text), READ)
        if characters > TOGETHER:
            _insert(rows)
            rows, characters = [], 0
    _insert(rows)


def _insert(rows: list[tuple[int | None, str, str]]) -> None:
    if not rows:
        return
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.executemany(
                "INSERT INTO rooms_indexed (id, message_id) VALUES (%s, %s)", [(row[0], row[1]) for row in rows]
            )
            cursor.executemany(
                "INSERT INTO rooms_words (rowid, entries) SELECT id, %s FROM rooms_indexed WHERE message_id = %s",
                [(found, message) for _, message, found in rows],
            )
            return
        spans = ", ".join(f"'s{span}:' || (number >> {span})" for span in SPANS)
        cursor.executemany(
            "INSERT INTO rooms_indexed (id, message_id, entries)"
            f" SELECT number, %s, concat_ws(' ', %s::text, {spans})"
            " FROM COALESCE(%s, nextval(pg_get_serial_sequence('rooms_indexed', 'id'))) AS number",
            [(message, found, number) for number, message, found in rows],
        )


def newest(wanted: list[str], rooms: Iterable[str]) -> Iterator[list[str]]:
    """Ids of messages that may have all of this in them, a page at a time, the newest first."""
    anywhere, before = [_room(room) for room in rooms], EVERYTHING
    if not anywhere:
        return
    for span in _spans():
        size = PAGE
        while page := _page([[entry] for entry in wanted] + [anywhere, *span], before, size):
            yield [message for _, message in page]
            before = page[-1][0]
            if len(page) < size:
                break
            size = min(size * 4, LARGEST_PAGE)


def _page(groups: list[list[str]], before: int, size: int) -> list[tuple[int, str]]:
    """`groups`: of each at least one entry."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            query = " AND ".join(_any(group, '"', " OR ") for group in groups)
            cursor.execute(
                "SELECT found.rowid, message_id FROM rooms_words AS found"
                " CROSS JOIN rooms_indexed ON rooms_indexed.id = found.rowid"
                " WHERE rooms_words MATCH %s AND found.rowid < %s ORDER BY found.rowid DESC LIMIT %s",
                [query, before, size],
            )
        else:
            # A condition for each: GIN passes over what the rarest has not. As one it would look at every entry of it.
            # + 0: not in the order of the table, making the entries of each row anew; which costs more than is known.
            conditions = f"{_WORDS} @@ %s::tsquery AND " * len(groups)
            cursor.execute("SET LOCAL enable_seqscan = off")
            cursor.execute(
                f"SELECT id, message_id FROM rooms_indexed WHERE {conditions} id + 0 < %s"
                " ORDER BY id + 0 DESC LIMIT %s",
                [*(_any(group, "'", " | ") for group in groups), before, size],
            )
        return cursor.fetchall()


def _any(group: list[str], mark: str, either: str) -> str:
    return f"({either.join(mark + entry + mark for entry in group)})"


def _spans() -> list[list[list[str]]]:
    """FTS5 goes by number, the newest first, and ends where it has enough."""
    if connection.vendor == "sqlite":
        return [[]]
    with connection.cursor() as cursor:
        cursor.execute("SELECT max(id) FROM rooms_indexed")
        (last,) = cursor.fetchone()
    newest = [[[f"s{span}:{(last or 0) >> span}", f"s{span}:{((last or 0) >> span) - 1}"]] for span in SPANS]
    return [*newest, []]


def _room(room: str) -> str:
    return f"r:{room}"


# -- what was said before there was an index ---------------------------------------------------------------------------


def add_missing(model: type = Message) -> Iterator[int]:
    """Index what is complete and is not indexed, the newest first, in transactions of AT_ONCE; yields how many were.

    They get numbers below all others: they are older. `model`: of a migration.
    """
    if not is_kept():
        return
    missing = model.objects.filter(indexed__isnull=True).exclude(text="")
    missing = missing.exclude(generation__status__in=Generation.OPEN).order_by("-created_at")
    ids = list(missing.values_list("pk", flat=True))
    for start in range(0, len(ids), AT_ONCE):
        with transaction.atomic():
            some = missing.filter(pk__in=ids[start : start + AT_ONCE])
            rows = list(some.values_list("pk", "room_id", "text"))
            lowest = min(0, Indexed.objects.order_by("id").values_list("id", flat=True).first() or 0)
            add(rows, range(lowest - 1, lowest - 1 - len(rows), -1))
        yield len(rows)
