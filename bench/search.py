"""A search on a site of a million messages: in how long it answers whom, what the index costs, and what it takes."""

from __future__ import annotations

import argparse
import os
import random
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from rooms.drill import postgres

from .stack import line

OPTIONS = {
    "messages": (1_000_000, "messages of the site; the person who has most is a member of where 90 % of them are"),
    "engine": ("sqlite", "sqlite or postgres: one of its own, or DATABASE_URL"),
    "times": (40, "searches of each kind"),
}
BIG, SMALL = 200, 2_000  # rooms
LOADED = 5_000  # messages in a transaction
VOCABULARY = 60_000
SYLLABLES = [
    "ba",
    "be",
    "bi",
    "ka",
    "ke",
    "ko",
    "la",
    "le",
    "li",
    "lo",
    "ma",
    "me",
    "mi",
    "na",
    "ne",
    "no",
    "ra",
    "re",
    "ri",
    "ro",
    "sa",
    "se",
    "si",
    "so",
    "ta",
    "te",
    "ti",
    "to",
    "un",
    "ver",
    "ge",
    "lich",
]
START = datetime(2026, 1, 1, tzinfo=UTC)


async def run(arguments: argparse.Namespace) -> None:
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"  # one loop, and nobody else on it
    with database(arguments.engine) as folder:
        load(arguments.messages)
        sizes(folder)
        for who, rooms in PEOPLE.items():
            for what, words in WORDS.items():
                measure(who, what, words, rooms, arguments.times)
        closing()


@contextmanager
def database(engine: str) -> Iterator[Path]:
    import django
    from django.core.management import call_command

    cluster = None
    with tempfile.TemporaryDirectory(prefix="chatlab-bench-") as folder:
        if engine == "postgres" and "DATABASE_URL" not in os.environ:
            cluster = postgres.Cluster(postgres.require())
            cluster.start()
            os.environ["DATABASE_URL"] = cluster.new_database()
        elif engine == "sqlite":
            os.environ["DATABASE_URL"] = f"sqlite:///{folder}/chatlab.sqlite3"
        os.environ["DJANGO_SETTINGS_MODULE"] = "chatlab.settings"
        django.setup()
        from django.conf import settings
        from django.db import connections

        settings.CHATLAB_LIMITS = False
        settings.CHATLAB_SEARCH_WITHIN = 30.0  # how long it takes, and not that it is broken off
        try:
            call_command("migrate", verbosity=0)
            yield Path(folder)
        finally:
            connections.close_all()
            if cluster is not None:
                cluster.stop()


def vocabulary() -> list[str]:
    drawn, words = random.Random(1), {}
    while len(words) < VOCABULARY:
        words["".join(drawn.choices(SYLLABLES, k=drawn.choice((1, 2, 2, 3, 3, 4))))] = None
    return list(words)


COMMON = vocabulary()
PEOPLE = {
    "most of it, 200 rooms": [f"big-{n}" for n in range(BIG)],
    "200 small rooms": [f"small-{n}" for n in range(200)],
    "5 small rooms": [f"small-{n}" for n in range(5)],
}
WORDS = {
    "in 20 of a million": "zanzibar",
    "in one of a thousand": "xylophon",
    "in most": COMMON[0],
    "two letters": COMMON[0][:2],
    "two common words": f"{COMMON[0]} {COMMON[1]}",
    "common words, never together": f"{COMMON[0]} yonder {COMMON[1]}",
    "in none": "quixotic",
}


def load(count: int) -> None:
    """Straight into the tables, as the log leaves them."""
    from django.db import connection, transaction

    from rooms.log import index
    from rooms.models import Member, Message, Room

    for names in (PEOPLE["most of it, 200 rooms"], [f"small-{n}" for n in range(SMALL)]):
        Room.objects.bulk_create([Room(id=name, title=name) for name in names])
        Member.objects.bulk_create([Member(id=name, room_id=name, guest="somebody", name="A") for name in names])
    began, spent, said = time.monotonic(), 0.0, texts(count)
    if connection.vendor != "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("DROP INDEX rooms_indexed_words")
    for start in range(0, count, LOADED):
        rows = [message(Message, number, next(said)) for number in range(start, min(start + LOADED, count))]
        with transaction.atomic():
            Message.objects.bulk_create(rows)
            before = time.monotonic()
            index.add([(row.pk, row.room_id, row.text) for row in rows])
            spent += time.monotonic() - before
    with connection.cursor() as cursor:
        if connection.vendor != "sqlite":
            before = time.monotonic()
            cursor.execute(index.GIN)
            spent += time.monotonic() - before
            cursor.execute("VACUUM ANALYZE")
        else:
            cursor.execute("ANALYZE")
    line("loaded", f"{count:,} messages in {time.monotonic() - began:.0f} s, {spent:.0f} s of it for the index")


def texts(count: int) -> Iterator[str]:
    drawn, total, weights = random.Random(2), 0.0, []
    for rank in range(1, VOCABULARY + 1):
        total += 1 / (rank + 2)
        weights.append(total)
    for number in range(count):
        words = drawn.choices(COMMON, cum_weights=weights, k=drawn.randint(20, 80))
        words[len(words) // 2] += " yonder"
        words += ["zanzibar"] * (number % 50_000 == 7) + ["xylophon"] * (number % 1_000 == 3)
        yield " ".join(words)


def message(model: type, number: int, text: str) -> object:
    room = f"big-{number % BIG}" if number % 10 else f"small-{number // 10 % SMALL}"
    at = START + timedelta(seconds=number)
    return model(
        id=f"message-of-that-{number}",
        room_id=room,
        member_id=room,
        role="user",
        opened_seq=number,
        seq=number,
        text_seq=number,
        created_at=at,
        text=text,
    )


def sizes(folder: Path) -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT sum(length(text)) FROM rooms_message")
        (characters,) = cursor.fetchone()
        if connection.vendor == "sqlite":
            cursor.execute(
                "SELECT sum(pgsize) FROM dbstat WHERE name LIKE 'rooms_words%%' OR name LIKE '%%rooms_indexed%%'"
            )
            taken = cursor.fetchone()[0]
        else:
            cursor.execute("SELECT pg_total_relation_size('rooms_indexed'), pg_relation_size('rooms_indexed_words')")
            taken, of_gin = cursor.fetchone()
            line("of which GIN", f"{of_gin / 1e6:,.0f} MB")
    line("texts", f"{characters / 1e6:,.0f} MB")
    line("the index", f"{taken / 1e6:,.0f} MB ({taken / characters:.2f} bytes for a byte of text)")


def measure(who: str, what: str, words: str, rooms: list[str], times: int) -> None:
    from rooms import search
    from rooms.access import Visitor
    from rooms.models import Member

    Member.objects.update(guest="somebody else")
    Member.objects.filter(pk__in=rooms).update(guest="somebody")
    visitor, taken, found = Visitor(guest="somebody"), [], 0
    for _ in range(times):
        began = time.perf_counter()
        try:
            found = len(search.find(visitor, words)[1])
        except Exception as error:
            found = type(error).__name__
        taken.append((time.perf_counter() - began) * 1000)
        if sum(taken) > 20_000:
            break
    p99 = sorted(taken)[min(len(taken) - 1, int(len(taken) * 0.99))]
    line(f"{who}; {what}", f"p50 {statistics.median(taken):.1f} ms, p99 {p99:.1f} ms, {found} found")


def closing() -> None:
    """What a message costs in the transaction that completes it."""
    from django.db import transaction

    from rooms.log import index
    from rooms.models import Message
    from rooms.words import entries

    said = " ".join(texts(6_000))
    for size, times in ((400, 100), (4_000, 50), (32_000, 20), (1_048_576, 3)):
        alone, whole = [], []
        for number in range(times):
            text = said[number * 97 : number * 97 + size]
            row = message(Message, 10_000_000 + size * 100 + number, text)
            began = time.perf_counter()
            entries(text)
            alone.append((time.perf_counter() - began) * 1000)
            with transaction.atomic():
                Message.objects.bulk_create([row])
            began = time.perf_counter()
            with transaction.atomic():
                index.add([(row.pk, row.room_id, text)])
            whole.append((time.perf_counter() - began) * 1000)
        line(
            f"indexing {size:,} characters",
            f"{statistics.median(whole):.2f} ms (at most {max(whole):.1f}), {statistics.median(alone):.2f} of it making"
            f" {len(entries(text)):,} entries",
        )
