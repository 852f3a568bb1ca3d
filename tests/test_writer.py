"""The group commit: one transaction for what gathered, nobody spoils it for the others, and no text comes twice."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace

import pytest
from django.db import OperationalError, connection

from rooms import actions, frames, log
from rooms.errors import Conflict, Unavailable
from rooms.frames import Cursor
from rooms.log import Batch, Change, Transaction, Writer, writer
from rooms.log.pace import LONGEST, Pace
from rooms.models import Delta, Member, Message

from .fakes import busy, new_place
from .harness.waiting import wait_for

pytestmark = pytest.mark.usefixtures("alone")


@pytest.fixture
def batches() -> list[Batch]:
    return []


@pytest.fixture
def log_writer(batches) -> Iterator[Writer]:
    made = Writer(batches.append)
    yield made
    made.close()


def appending(room: str, title: str) -> Change:
    return Change(room, lambda log: log.append(room, "room", frames.room_changed({"title": title})))


def doing(room: str | None, work: Callable[[Transaction], object]) -> Change:
    return Change(room, work)


def titles(room: str) -> list[str]:
    rows = Delta.objects.filter(room=room, kind="room").order_by("seq").values_list("payload", flat=True)
    return [payload.split('"')[3] for payload in rows]


def on_writer(made: Writer, work: Callable[[], object]) -> None:
    """Run something on the writer's thread, with its connection."""
    made.submit(doing(None, lambda log: work())).result(10)


# -- gathering ---------------------------------------------------------------------------------------------------------


def test_what_gathers_is_one_transaction(place, log_writer, batches) -> None:
    with busy(log_writer):
        futures = [log_writer.submit(appending(place.room, str(number))) for number in range(100)]
    assert [future.result(10) for future in futures] == list(range(2, 102))
    (segment,) = [segment for batch in batches for segment in batch.segments]
    assert (segment.first, segment.last, len(segment.items)) == (2, 101, 100)
    assert segment.chain == place.head.chain


def test_under_load_what_comes_within_its_pace_is_one_transaction(place, batches) -> None:
    class Loaded(Pace):
        def next(self) -> float:
            return 0.5

    made = Writer(batches.append, Loaded)
    for number in range(3):  # one by one: there is nobody to wait for
        assert made.submit(appending(place.room, str(number))).result(0.4)
    with busy(made):
        together = [made.submit(appending(place.room, "together")) for _ in range(2)]
    for future in together:
        future.result(10)
    first = made.submit(appending(place.room, "waits"))
    wait_for(made._queue.empty, what="the writer has taken it, and waits for more")
    made.submit(appending(place.room, "is waited for")).result(10)
    made.close()
    assert first.done()
    assert [len(batch.segments[0].items) for batch in batches if batch.segments] == [1, 1, 1, 2, 2]


def test_nothing_waits_until_there_is_load_and_never_long() -> None:
    now, used = 0.0, 0.0
    pace = Pace(lambda: now, lambda: used)

    def after(seconds: float, load: float) -> float:
        nonlocal now, used
        for _ in range(round(seconds / 0.01)):
            now, used = now + 0.01, used + 0.01 * load
            pace.next()
        return pace.next()

    assert after(10, 0.7) == 0.0, "a process that gets what it needs"
    assert 0.0 < after(0.3, 1.0) < LONGEST
    assert after(10, 1.3) == LONGEST, "more than one CPU: the event loop waits for its turn"
    assert after(1, 0.7) == LONGEST, "it needs less because of it: that is no reason to stop"
    assert after(10, 0.4) == 0.0
    after(10, 1.0)
    now += 3_600
    assert pace.next() == 0.0, "an hour in which nothing was to be done"


def test_a_transaction_has_an_end(place, log_writer, batches, monkeypatch) -> None:
    monkeypatch.setattr(writer, "BATCH_MAX", 40)
    with busy(log_writer):
        futures = [log_writer.submit(appending(place.room, str(number))) for number in range(100)]
    assert [future.result(10) for future in futures] == list(range(2, 102))
    assert [len(segment.items) for batch in batches for segment in batch.segments] == [40, 40, 20]


def test_all_rooms_share_a_transaction(log_writer, batches) -> None:
    rooms = [new_place().room for _ in range(5)]
    with busy(log_writer):
        futures = [log_writer.submit(appending(rooms[number % 5], str(number))) for number in range(20)]
    for future in futures:
        future.result(10)
    (batch,) = [batch for batch in batches if batch.segments]
    assert sorted(segment.room for segment in batch.segments) == sorted(rooms)
    assert all(len(segment.items) == 4 for segment in batch.segments)


def test_a_lone_change_waits_for_nothing(place, log_writer) -> None:
    log_writer.submit(appending(place.room, "warm")).result(10)

    def took() -> float:
        started = time.perf_counter()
        log_writer.submit(appending(place.room, "alone")).result(10)
        return time.perf_counter() - started

    assert any(took() < 0.05 for _ in range(100)), "there is a timer in the way"


def test_a_change_that_was_given_up_is_not_made(place, log_writer) -> None:
    with busy(log_writer):
        given_up = log_writer.submit(appending(place.room, "given up"))
        kept = log_writer.submit(appending(place.room, "kept"))
        assert given_up.cancel()
    kept.result(10)
    assert titles(place.room) == ["kept"]


def test_closing_commits_what_waits_and_a_new_thread_serves_the_next(place, log_writer) -> None:
    futures = [log_writer.submit(appending(place.room, str(number))) for number in range(20)]
    log_writer.close()
    assert all(future.done() for future in futures)
    log_writer.submit(appending(place.room, "again")).result(10)
    assert titles(place.room)[-1] == "again" and len(titles(place.room)) == 21


# -- publishing --------------------------------------------------------------------------------------------------------


def test_a_batch_is_published_when_others_can_read_it(place) -> None:
    """I2: what is handed on is visible to every other connection, row for row."""
    seen: list[tuple[list[str], list[str]]] = []

    def look(batch: Batch) -> None:
        with ThreadPoolExecutor(1) as other:
            for segment in batch.segments:
                seen.append((segment.items, other.submit(stored, segment).result(10)))

    def stored(segment) -> list[str]:
        try:
            rows = Delta.objects.filter(room=segment.room, seq__gte=segment.first, seq__lte=segment.last).order_by(
                "seq"
            )
            return [frames.item(row.seq, row.at, row.kind, row.payload) for row in rows]
        finally:
            connection.close()

    made = Writer(look)
    try:
        for number in range(3):
            made.submit(appending(place.room, str(number))).result(10)
    finally:
        made.close()
    assert len(seen) == 3 and all(published == read and read for published, read in seen)


def test_what_failed_is_not_published(place, log_writer, batches) -> None:
    def append_and_fail(log: Transaction) -> None:
        log.append(place.room, "room", frames.room_changed({"title": "no"}))
        raise RuntimeError("too late")

    with pytest.raises(RuntimeError):
        log_writer.submit(doing(place.room, append_and_fail)).result(10)
    assert [segment for batch in batches for segment in batch.segments] == []
    assert place.head.seq == 1


# -- one among many ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [RuntimeError("bug"), Conflict("too late"), KeyError("x")])
def test_a_change_that_breaks_fails_alone(place, log_writer, batches, error, caplog) -> None:
    def poison(log: Transaction) -> None:
        Member.objects.filter(pk=place.member).update(name="poison")
        log.append(place.room, "room", frames.room_changed({"title": "poison"}))
        raise error

    with busy(log_writer):
        before = [log_writer.submit(appending(place.room, f"before {number}")) for number in range(3)]
        bad = log_writer.submit(doing(place.room, poison))
        after = [log_writer.submit(appending(place.room, f"after {number}")) for number in range(3)]
    assert [future.result(10) for future in before + after] == [2, 3, 4, 5, 6, 7]
    assert bad.exception(10) is error
    assert "poison" not in titles(place.room) and len(titles(place.room)) == 6
    assert Member.objects.get(pk=place.member).name != "poison"
    assert log.verify(place.room) == []
    assert sum(len(segment.items) for batch in batches for segment in batch.segments) == 6


def test_a_refusal_takes_no_sequence_and_disturbs_nobody(place, log_writer, batches) -> None:
    def refuse(log: Transaction) -> None:
        raise Conflict("No.")

    with busy(log_writer):
        first = log_writer.submit(appending(place.room, "first"))
        refused = log_writer.submit(doing(place.room, refuse))
        second = log_writer.submit(appending(place.room, "second"))
    assert (first.result(10), second.result(10)) == (2, 3)
    assert isinstance(refused.exception(10), Conflict)
    assert len([batch for batch in batches if batch.segments]) == 1, "it is one transaction still"


def test_an_unknown_room_is_refused_alone(place, log_writer) -> None:
    with busy(log_writer):
        lost = log_writer.submit(appending("nowhere", "x"))
        kept = log_writer.submit(appending(place.room, "kept"))
    assert lost.exception(10).code == "not_found" and kept.result(10) == 2


# -- when nobody knows whether it was committed ------------------------------------------------------------------------


class Wire:
    """The writer's connection, which is lost at COMMIT: before it reached the database, or just after."""

    def __init__(self, made: Writer):
        self.losses: list[str | None] = []
        self.commits = 0
        on_writer(made, self._lay)

    def _lay(self) -> None:
        self._commit, connection.commit = connection.commit, self.commit

    def commit(self) -> None:
        loss = self.losses.pop(0) if self.losses else None
        self.commits += 1
        if loss != "before":
            self._commit()
        if loss is not None:
            raise OperationalError("the connection was lost")


@pytest.mark.parametrize(
    ("losses", "commits"),
    [(["after"], 1), (["before"], 2), (["before", "before", "after"], 3), (["before", "after"], 2)],
)
def test_a_commit_of_unknown_outcome_happens_once(place, log_writer, batches, losses, commits) -> None:
    """What the database holds decides: what landed is not made again, what did not is."""
    wire, pen = Wire(log_writer), place.begin()
    head = place.head.seq
    with busy(log_writer):
        futures: list[Future] = [log_writer.submit(pen.record(text)) for text in ("one ", "two ", "three")]
        wire.losses, wire.commits = [None, *losses], -1  # the first is that of what keeps the writer busy
    for future in futures:
        assert isinstance(future.result(20), Cursor)
    assert commits <= wire.commits <= commits + 1 and wire.losses == [], "looking whether it landed may be one more"
    assert place.head.seq == head + 3, "the text is there, and not twice"
    (segment,) = [segment for batch in batches for segment in batch.segments]
    assert (segment.first, segment.last) == (head + 1, head + 3), "it was published once"
    pen.end()
    assert Message.objects.get(pk=pen.job.message).text == "one two three"
    assert log.verify(place.room) == []


def test_a_question_whose_commit_was_lost_is_asked_once(place, log_writer) -> None:
    wire = Wire(log_writer)
    frame = frames.Post("asked-once", "Why?")
    with busy(log_writer):
        asked = log_writer.submit(actions.post(place.member, place.room, frame))
        wire.losses = [None, "after"]
    receipt = asked.result(20)
    assert Message.objects.filter(room=place.room, client_id="asked-once").count() == 1
    assert (receipt.message, receipt.seq) == Message.objects.values_list("pk", "seq").get(client_id="asked-once")
    assert place.post(client_id="asked-once").message == receipt.message
    assert log.verify(place.room) == []


@pytest.fixture
def full() -> Iterator[Callable[[], None]]:
    """To be called on the writer's thread: there is no room for another page, or row."""

    def fill() -> None:
        with connection.cursor() as cursor:
            if connection.vendor == "sqlite":
                cursor.execute("PRAGMA max_page_count=1")  # as many as there are
            else:
                cursor.execute(
                    "CREATE OR REPLACE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS"
                    " $$ BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = 'disk_full'; END $$;"
                    " CREATE TRIGGER full_disk BEFORE INSERT ON rooms_delta EXECUTE FUNCTION full_disk()"
                )

    yield fill
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("DROP FUNCTION full_disk CASCADE")


def test_a_database_without_room_is_said_and_not_waited_for(place, log_writer, full) -> None:
    on_writer(log_writer, full)
    free = 0
    if connection.vendor == "sqlite":  # pages of what was deleted in it are room, too
        with connection.cursor() as cursor:
            free = 4096 * cursor.execute("PRAGMA freelist_count").fetchone()[0]
    since = time.monotonic()
    failed = log_writer.submit(appending(place.room, "x" * (free + 1_000_000)))
    assert isinstance(failed.exception(5), Unavailable) and time.monotonic() - since < 5
    assert titles(place.room) == []


@pytest.mark.sqlite_only("a pragma")
def test_what_somebody_is_told_of_waits_for_the_disk_and_the_words_of_an_answer_do_not(place, log_writer) -> None:
    def synchronous(change: Change) -> int:
        def look(log: Transaction) -> int:
            with connection.cursor() as cursor:
                return cursor.execute("PRAGMA synchronous").fetchone()[0]

        return log_writer.submit(replace(change, apply=look)).result(10)

    pen = place.begin()
    words, renewal = (actions.record(pen.job, [], renew=renew, checkpoint=False) for renew in (False, True))
    post = actions.post(place.member, place.room, frames.Post("abcdefgh", "Why?"))
    end = actions.finish(pen.job, [], actions.Outcome("complete"))
    assert [synchronous(change) for change in (words, post, words, renewal, words, end)] == [1, 2, 1, 2, 1, 2]


def test_a_database_that_stays_away_is_said_and_waited_for_no_longer(place, log_writer, batches, monkeypatch) -> None:
    monkeypatch.setattr(writer, "RETRY_FOR", 0.2)
    wire = Wire(log_writer)
    with busy(log_writer):
        futures = [log_writer.submit(appending(place.room, str(number))) for number in range(3)]
        wire.losses = [None, *["before"] * 50]
    for future in futures:
        error = future.exception(20)
        assert isinstance(error, Unavailable) and error.retry_after
    assert titles(place.room) == []
    wire.losses.clear()
    assert log_writer.submit(appending(place.room, "back")).result(10) == 2
    assert [segment.last for batch in batches for segment in batch.segments] == [2]
