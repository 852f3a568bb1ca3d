"""A database that was restored, or lost its last commits: other rows under the same sequences. Nobody mixes the two
histories, no reader, no worker, whichever of them is longer.
"""

from __future__ import annotations

import asyncio
import logging

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from rooms import actions, database, frames, log
from rooms.actions import commit_now
from rooms.broadcast.memory import MemoryLayer
from rooms.delivery.hub import RoomHub
from rooms.delivery.subscription import Subscription
from rooms.errors import Fenced
from rooms.frames import Cursor, Sync
from rooms.models import Booking, Delta, Generation, Room

from .backups import Backup
from .fakes import LossyLayer, Pen, Place, Screen, client_id, generation_of, in_thread, new_place, serving, start_of
from .harness.waiting import eventually
from .test_laws_readers import Tab, check, tabs, token_of

WITHIN = 5.0  # seconds, in which every reader is in the history that the database holds
LENGTHS = {"shorter": 2, "as long": 5, "longer": 9}  # of the restored history; the lost one has 5


@pytest.fixture(autouse=True)
def _looks_often(alone, settings):
    settings.CHATLAB_LIMITS = False
    settings.CHATLAB_HEAD_CHECK = 0.1


@pytest.fixture
def place() -> Place:
    made = new_place()
    made.answered("what both histories have")
    return made


def retitle(place: Place, title: str) -> None:
    commit_now(actions.change_room(place.member, place.room, frames.ChangeRoom(title=title)))


def two_histories(place: Place, length: int) -> Backup:
    """The room is in a history of 5 more deltas; the backup is of another one that has `length` more."""
    before = Backup()
    for number in range(length):
        retitle(place, f"restored {number}")
    other = Backup()
    before.restore()
    for number in range(5):
        retitle(place, f"lost {number}")
    return other


def content(tab: Tab, since: int) -> list[str]:
    return [frame["type"] for frame in tab.screen.frames[since:] if frame["type"] in ("snapshot", "deltas")]


# -- readers -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("length", LENGTHS)
def test_live_readers_are_shown_the_restored_history(place, length, caplog) -> None:
    """Nothing is said to them: the watch over the heads compares the history at the place that is known here."""
    other, token = two_histories(place, LENGTHS[length]), token_of(place)

    async def scenario() -> None:
        async with serving(LossyLayer(every=1)), tabs(place, token, 3) as opened:
            for tab in opened:
                await eventually(lambda tab=tab: tab.screen.level)
            seen = [len(tab.screen.frames) for tab in opened]
            await in_thread(other.restore)
            await check(place, opened, WITHIN)
            assert [content(tab, since) for tab, since in zip(opened, seen, strict=True)] == [["snapshot"]] * 3
            await actions.commit(actions.post(place.member, place.room, frames.Post(client_id(), "Go on")))
            await check(place, opened, WITHIN)

    with caplog.at_level(logging.WARNING, "rooms.delivery.hub"):
        asyncio.run(scenario())
    assert [record.message for record in caplog.records if "restored" in record.message] != []


@pytest.mark.parametrize("length", LENGTHS)
def test_an_event_of_another_history_is_not_passed_on(place, length, settings) -> None:
    """It may have the very sequence that is due, and nobody has looked at the heads yet."""
    settings.CHATLAB_HEAD_CHECK = 3600.0
    other, token = two_histories(place, LENGTHS[length]), token_of(place)

    async def scenario() -> None:
        async with serving(MemoryLayer()), tabs(place, token, 2) as opened:
            for tab in opened:
                await eventually(lambda tab=tab: tab.screen.level)
            seen = [len(tab.screen.frames) for tab in opened]
            await in_thread(other.restore)
            for _ in range(6 - LENGTHS[length] if length == "shorter" else 1):  # up to the sequence that is due
                change = actions.change_room(place.member, place.room, frames.ChangeRoom(title="behind the restore"))
                await actions.commit(change)
            await check(place, opened, WITHIN)
            assert [content(tab, since)[0] for tab, since in zip(opened, seen, strict=True)] == ["snapshot"] * 2

    asyncio.run(scenario())


@pytest.mark.parametrize("length", LENGTHS)
def test_a_slow_reader_of_a_lost_history_is_not_sent_the_rest_of_another(place, length, settings) -> None:
    """Its window was full when the database was restored. It confirms what it got, and goes on: in the new history."""
    settings.CHATLAB_WINDOW = 600
    other = two_histories(place, LENGTHS[length])

    async def scenario() -> None:
        screen = Screen(cursor=str(start))
        reader = Subscription(RoomHub(place.room), screen)
        await reader.open(str(start))
        assert reader.is_behind
        shown = len(screen.frames)
        await in_thread(other.restore)
        while screen.cursor != str(await database.read(log.head_of, place.room)):
            before = screen.cursor
            await reader.sync(Sync(screen.cursor))
            assert screen.cursor != before, "it is stuck"
        await reader.sync(Sync(screen.cursor))
        assert screen.kinds(shown) == ["snapshot", "synced"] and screen.faults == []
        assert {**screen.state, "cursor": screen.cursor} == await database.read(log.snapshot, place.room)
        assert not reader.is_behind

    start = log.cursor_at(place.room, 1)
    settings.CHATLAB_REPLAY_MAX = 100
    asyncio.run(scenario())


@pytest.mark.parametrize("length", LENGTHS)
def test_to_confirm_the_snapshot_is_to_confirm_what_came_before_it(place, length) -> None:
    """Places of the lost history may be higher than all that the new one has."""
    other = two_histories(place, LENGTHS[length])

    async def scenario() -> None:
        screen = Screen(cursor=str(start))
        reader = Subscription(RoomHub(place.room), screen)
        await reader.open(str(start))
        await in_thread(other.restore)
        await reader.catch_up()
        assert screen.kinds() == ["deltas", "synced", "snapshot", "synced"]
        assert await reader.sync(Sync(screen.cursor))
        assert not await reader.sync(Sync(screen.cursor)), "there is nothing left to confirm"
        assert reader._window._sent == reader._window._confirmed

    start = log.cursor_at(place.room, 1)
    asyncio.run(scenario())


def test_a_heartbeat_says_the_truth_after_a_restore(place) -> None:
    """A reader that stands at the right sequence of the wrong history is told nothing is level."""
    other = two_histories(place, LENGTHS["as long"])

    async def scenario() -> None:
        screen = Screen()
        reader = Subscription(feed := RoomHub(place.room), screen)
        await reader.open("")
        await in_thread(other.restore)
        feed.doubt()
        await reader.sync(Sync(screen.cursor))
        assert screen.kinds() == ["snapshot", "synced", "snapshot", "synced"]
        assert screen.cursor == str(await database.read(log.head_of, place.room))

    asyncio.run(scenario())


def test_a_page_proves_that_it_follows(place) -> None:
    other = two_histories(place, LENGTHS["longer"])
    lost = [log.cursor_at(place.room, seq) for seq in range(1, place.head.seq + 1)]
    other.restore()
    common = [cursor for cursor in lost if log.cursor_at(place.room, cursor.seq) == cursor]
    assert 0 < len(common) == len(lost) - 5
    for cursor in lost:
        assert (log.page_after(place.room, cursor) is not None) == (cursor in common)
    assert log.page_after(place.room, place.head).up_to_date
    assert log.page_after(place.room, Cursor(place.head.seq + 1, place.head.chain)) is None


def test_the_heads_of_many_rooms_and_their_histories_are_one_query(place) -> None:
    others = [new_place() for _ in range(20)]
    restored = new_place()
    backup = two_histories(restored, LENGTHS["longer"])
    pruned = new_place()
    pruned.answered("x")
    known = {each.room: each.head for each in (*others, place, restored, pruned)}
    backup.restore()
    pruned = new_place()
    early = log.cursor_at(pruned.room, 1)
    pruned.answered("y")
    Room.objects.filter(pk=pruned.room).update(floor=4, floor_chain=log.cursor_at(pruned.room, 3).chain)
    Delta.objects.filter(room=pruned.room, seq__lt=4).delete()
    known = {each.room: each.head for each in (place,)} | {restored.room: known[restored.room], pruned.room: early}
    known |= {"nowhere": Cursor(3, "0" * 16)}
    with CaptureQueriesContext(connection) as asked:
        heads = log.heads(known)
    assert len(asked) == 1
    assert heads == {place.room: place.head.seq, restored.room: None, pruned.room: pruned.head.seq}
    assert log.heads({restored.room: Cursor(0, "")}) == {restored.room: restored.head.seq}
    assert log.heads({pruned.room: start_of(pruned.room)}) == {pruned.room: pruned.head.seq}
    assert log.heads({}) == {}


# -- workers -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("others_wrote", [False, True])
@pytest.mark.parametrize("verb", ["record", "finish", "renew", "hand_over", "attempt"])
def test_a_worker_does_not_go_on_behind_words_that_were_lost(place, verb, others_wrote) -> None:
    """Its fence is the right one again. What it would append follows what the database has lost."""
    pen = place.begin()
    pen.write("one ")
    backup = Backup()
    pen.write("two ")
    backup.restore()
    if others_wrote:  # past the sequence of what was lost
        retitle(place, "later")
        retitle(place, "and later")
    head = place.head
    changes = {
        "record": lambda: pen.record("three"),
        "finish": lambda: actions.finish(pen.job, [pen.piece("three")], actions.Outcome("complete")),
        "renew": lambda: actions.renew(pen.job),
        "hand_over": lambda: actions.hand_over(pen.job, [], None),
        "attempt": lambda: actions.attempt(pen.job),
    }
    with pytest.raises(Fenced):
        commit_now(changes[verb]())
    assert place.head == head and log.verify(place.room) == []


def test_a_worker_goes_on_where_nothing_of_its_own_was_lost(place) -> None:
    pen = place.begin()
    pen.write("one ")
    backup = Backup()
    retitle(place, "lost")
    backup.restore()
    pen.write("two")
    pen.end()
    assert log.verify(place.room) == []
    assert log.snapshot(place.room)["messages"][-1]["text"] == "one two"


def test_an_answer_whose_words_were_lost_is_ended_by_whoever_finds_its_lease(place) -> None:
    pen = place.begin()
    pen.write("one ")
    backup = Backup()
    pen.write("two ")
    backup.restore()
    with pytest.raises(Fenced):
        pen.write("three")
    Generation.objects.filter(message=pen.job.message).update(lease_until="2020-01-01T00:00:00Z")
    assert Pen.claim(place.room, pen.job.message) is None
    assert Generation.objects.values_list("status", flat=True).get(message=pen.job.message) == "interrupted"
    assert log.snapshot(place.room)["messages"][-1]["text"] == "one "
    assert log.verify(place.room) == []


def test_the_number_of_a_lost_generation_given_out_again_is_no_right_to_write_it(place) -> None:
    backup = Backup()
    pen = place.begin("lost")
    pen.write("one ")
    backup.restore()
    again = place.begin("another")
    Booking.objects.all().delete()  # it would name the number that is changed
    Generation.objects.filter(message=again.job.message).update(id=pen.job.generation)
    assert generation_of(again.job.message) == pen.job.generation
    with pytest.raises(Fenced):
        pen.write("two")
    assert log.verify(place.room) == []
