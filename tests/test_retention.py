"""Retention: old deltas go, and nobody is shown a hole for it."""

from __future__ import annotations

import asyncio
import io
from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import CommandError, call_command

from rooms import actions, database, log
from rooms.actions import commit_now
from rooms.admin.integrity import findings
from rooms.delivery.hub import RoomHub
from rooms.delivery.subscription import Subscription
from rooms.errors import NotFound
from rooms.frames import Cursor, Sync
from rooms.models import Delta, Message, Room

from .fakes import BESIDE, Place, Screen, in_thread, new_place

pytestmark = pytest.mark.usefixtures("alone")


LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def tomorrow() -> datetime:
    return datetime.now(UTC) + timedelta(days=1)


def age(place: Place, up_to: int) -> None:
    """All of the log up to a sequence was said long ago."""
    Delta.objects.filter(room=place.room, seq__lte=up_to).update(at=LONG_AGO)
    Room.objects.filter(pk=place.room).update(created_at=LONG_AGO)


def prune(place: Place, before: datetime | None = None) -> int:
    total = 0
    while gone := commit_now(actions.prune(place.room, before or tomorrow())):
        total += gone
    return total


def floor_of(place: Place) -> Cursor:
    floor, chain = Room.objects.values_list("floor", "floor_chain").get(pk=place.room)
    return Cursor(floor, chain)


def test_what_is_old_goes_and_everything_still_fits(place) -> None:
    place.answered("one ", "two")
    middle = place.head
    place.answered("three")
    before = log.snapshot(place.room)
    age(place, middle.seq)
    assert prune(place, LONG_AGO + timedelta(days=1)) == middle.seq
    assert floor_of(place) == Cursor(middle.seq + 1, middle.chain)
    assert list(Delta.objects.order_by("seq").values_list("seq", flat=True)) == list(
        range(middle.seq + 1, place.head.seq + 1)
    )
    assert log.snapshot(place.room) == before and log.verify(place.room) == []
    for message in Message.objects.select_related("room"):
        assert all(finding.holds for finding in findings(message))
    place.answered("and it goes on")
    assert log.verify(place.room) == []
    assert prune(place, LONG_AGO + timedelta(days=1)) == 0


def test_a_whole_log_can_go(place) -> None:
    place.answered("one ", "two")
    head = place.head
    assert prune(place) == head.seq
    assert floor_of(place) == Cursor(head.seq + 1, head.chain) and place.head == head
    assert log.verify(place.room) == [] and log.find(place.room, head) == head.seq
    receipt = place.answered("three")
    assert receipt.seq == head.seq + 1 and log.verify(place.room) == []


def test_only_the_beginning_goes_even_where_clocks_differ(place) -> None:
    """What is old behind something that is not stays: a log has no holes."""
    place.answered("one ", "two")
    Delta.objects.filter(room=place.room).update(at=LONG_AGO)
    Delta.objects.filter(room=place.room, seq=3).update(at=datetime.now(UTC))
    assert prune(place, LONG_AGO + timedelta(days=1)) == 2
    assert log.verify(place.room) == []


def test_an_answer_that_is_not_closed_keeps_its_deltas(place) -> None:
    place.answered("over")
    question = place.head.seq + 1
    pen = place.begin()
    pen.write("one ", "two ", checkpoint=True)
    pen.write("three ")
    place.answered("over too", **BESIDE)
    prune(place)
    answer = Message.objects.get(pk=pen.job.message)
    assert floor_of(place).seq == answer.opened_seq == question + 1
    assert log.verify(place.room) == []
    body = next(body for body in log.snapshot(place.room)["messages"] if body["id"] == answer.pk)
    assert body["text"] == "one two three "
    pen.write("four")
    pen.end()
    assert Message.objects.get(pk=answer.pk).text == "one two three four"
    waiting = place.post("And this?")
    prune(place)
    assert floor_of(place).seq == Message.objects.get(pk=waiting.answer).opened_seq
    assert log.verify(place.room) == []


def test_it_goes_in_small_transactions(place, monkeypatch) -> None:
    monkeypatch.setattr(actions.rooms, "PRUNED_AT_ONCE", 7)
    place.answered(*"abcdefghijklmnopqrst")
    head = place.head.seq
    went = []
    while gone := commit_now(actions.prune(place.room, tomorrow())):
        went.append(gone)
        assert log.verify(place.room) == []
    assert sum(went) == head and max(went) == 7 and len(went) == -(-head // 7)


def test_a_room_that_is_not_there_is_refused() -> None:
    with pytest.raises(NotFound):
        commit_now(actions.prune("nowhere", tomorrow()))


def test_a_repeated_question_finds_its_receipt_below_the_floor(place) -> None:
    first = place.post("Why?", client_id="asked-before")
    place.stop(first.answer)
    prune(place)
    again = place.post("Why?", client_id="asked-before")
    assert again.repeated and (again.message, again.answer) == (first.message, first.answer)
    assert log.find(place.room, again.cursor) is not None


def test_verify_still_proves_the_texts_below_the_floor(place) -> None:
    receipt = place.answered("one ", "two")
    prune(place)
    assert log.verify(place.room) == []
    Message.objects.filter(pk=receipt.answer).update(text="one or two")
    (problem,) = log.verify(place.room)
    assert receipt.answer in problem


# -- readers with an old cursor ----------------------------------------------------------------------------------------


def reading(place: Place, scenario) -> None:
    async def run() -> None:
        screen = Screen()
        await scenario(Subscription(RoomHub(place.room), screen), screen)

    asyncio.run(run())


def test_c13_a_cursor_from_below_the_floor_is_answered_with_a_snapshot(place) -> None:
    place.answered("one ", "two")
    cursors = [log.cursor_at(place.room, seq) for seq in range(1, place.head.seq + 1)]
    newest = place.head
    place.answered("three")
    age(place, newest.seq - 2)
    prune(place, LONG_AGO + timedelta(days=1))
    below = cursors[newest.seq - 3]  # the one just below the floor is continued: its chain is kept
    assert floor_of(place) == Cursor(below.seq + 1, below.chain)

    async def scenario(reader: Subscription, screen: Screen) -> None:
        for cursor in cursors:
            screen.__init__(cursor=str(cursor))
            reader.sent = None
            await reader.open(str(cursor))
            kinds = screen.kinds()
            assert kinds == (["snapshot", "synced"] if cursor.seq < below.seq else ["deltas", "synced"])
            assert screen.faults == [] and screen.cursor == str(reader.sent) == head

    head = str(place.head)
    reading(place, scenario)


@pytest.mark.parametrize("left", [0, 1])
def test_c13_rows_that_go_between_two_pages_leave_no_hole(place, settings, left) -> None:
    """A slow reader is in the middle of the log when the floor passes it: what it is sent next is a snapshot."""
    settings.CHATLAB_WINDOW = 50_000
    pen = place.begin()
    pen.write(*["x" * 30_000] * 6)
    pen.end()
    start = log.cursor_at(place.room, 1)

    async def scenario(reader: Subscription, screen: Screen) -> None:
        screen.cursor = str(start)
        await reader.open(str(start))
        assert reader.is_behind and reader.sent.seq < head.seq
        await in_thread(prune, place, LONG_AGO + timedelta(days=1))
        while screen.cursor != str(head):
            assert await reader.sync(Sync(screen.cursor))
        await reader.sync(Sync(screen.cursor))
        assert screen.kinds() == ["deltas", "snapshot", "synced"]
        assert screen.faults == [] and screen.text_of(pen.job.message) == "x" * 180_000

    head = place.head
    age(place, head.seq - left)
    reading(place, scenario)


def test_the_watch_over_the_heads_takes_a_floor_for_no_restore(place) -> None:
    place.answered("one")
    early = log.cursor_at(place.room, 1)
    head = place.head
    prune(place)
    assert log.heads({place.room: early}) == log.heads({place.room: head}) == {place.room: head.seq}
    assert asyncio.run(database.read(log.page_after, place.room, head)).up_to_date


# -- the command -------------------------------------------------------------------------------------------------------


def run(*arguments: str) -> str:
    printed = io.StringIO()
    call_command("prune", *arguments, stdout=printed)
    return printed.getvalue()


def test_the_command_prunes_every_room_and_first_says_how_much(place) -> None:
    other, young = new_place(), new_place()
    for each in (place, other, young):
        each.answered("one ", "two")
    for each in (place, other):
        age(each, each.head.seq - 1)
    size = place.head.seq - 1
    assert f"{2 * size} deltas would be deleted." in run("--older-than", "90d", "--dry-run")
    assert floor_of(place).seq == 1
    printed = run("--older-than", "90d")
    assert f"{2 * size} deltas were deleted." in printed and young.room not in printed
    assert f"{place.room}  {size} of {size + 1} deltas" in printed
    assert [floor_of(each).seq for each in (place, other, young)] == [size + 1, size + 1, 1]
    assert all(log.verify(each.room) == [] for each in (place, other, young))
    assert "0 deltas were deleted." in run("--older-than", "90d")


def test_the_command_prunes_one_room(place) -> None:
    other = new_place()
    run("--older-than", "0m", "--room", place.room)
    assert (floor_of(place).seq, floor_of(other).seq) == (2, 1)


@pytest.mark.parametrize("text", ["", "90", "d", "-1d", "1y", "1.5d", "9999999d"])
def test_the_command_takes_no_other_ages(text) -> None:
    with pytest.raises(CommandError):
        run(f"--older-than={text}")


def test_the_command_says_where_there_is_no_such_room() -> None:
    with pytest.raises(CommandError, match="no room"):
        run("--older-than", "1d", "--room", "nowhere")
