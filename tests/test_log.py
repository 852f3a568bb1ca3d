"""The log itself: what a transaction appends, what the database refuses, and what is read back."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from rooms import frames, log
from rooms.actions import commit_now
from rooms.errors import NotFound
from rooms.frames import Cursor
from rooms.log import Change, Transaction, tree
from rooms.log.append import next_chain
from rooms.models import Delta, Generation, Member, Message, Room
from rooms.text import digest

from .fakes import BESIDE, client_id, new_place, shown_to_the_model

pytestmark = pytest.mark.usefixtures("alone")


def do(room: str | None, work) -> object:
    return commit_now(Change(room, work))


# -- appending ---------------------------------------------------------------------------------------------------------


def test_a_chain_is_what_the_protocol_says() -> None:
    body = bytes.fromhex("00112233aabbccdd") + (7).to_bytes(8, "big") + b"appended\0" + '{"text":"ü"}'.encode()
    assert next_chain("00112233aabbccdd", 7, "appended", '{"text":"ü"}') == hashlib.sha256(body).digest()[:8].hex()


def test_rooms_that_say_the_same_have_other_chains() -> None:
    """A room begins with a random chain: no cursor of one fits the other, not even that of its beginning."""
    rooms = [Room.objects.get(pk=new_place("Same").room) for _ in range(2)]
    assert rooms[0].floor_chain != rooms[1].floor_chain and rooms[0].chain != rooms[1].chain


def test_an_append_is_a_row_and_moves_the_head(place) -> None:
    at = datetime(2026, 11, 22, 12, tzinfo=UTC)
    payload = frames.room_changed({"title": "ü\u2028"})
    before = place.head
    assert do(place.room, lambda log: [log.append(place.room, "room", payload, at=at) for _ in range(2)]) == [2, 3]
    rows = list(Delta.objects.filter(room=place.room, seq__gt=1).order_by("seq"))
    assert [(row.seq, row.kind, row.payload, row.at) for row in rows] == [
        (2, "room", payload, at),
        (3, "room", payload, at),
    ]
    assert rows[0].chain == next_chain(before.chain, 2, "room", payload)
    room = Room.objects.get(pk=place.room)
    assert (room.head, room.chain, room.active_at) == (3, rows[1].chain, at)


def test_the_sequences_of_one_room_are_not_those_of_another(place) -> None:
    other = new_place()

    def work(log: Transaction) -> list[int]:
        return [log.append(room, "room", "{}") for room in (place.room, place.room)]

    assert do(place.room, work) == [2, 3]
    assert do(other.room, lambda log: log.append(other.room, "room", "{}")) == 2


def test_a_room_that_was_not_locked_takes_nothing(place) -> None:
    other = new_place()
    with pytest.raises(NotFound):
        do(place.room, lambda log: log.append(other.room, "room", "{}"))
    assert other.head.seq == 1


# -- what the database itself refuses ----------------------------------------------------------------------------------


def refused(change) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        change()


def test_a_sequence_is_taken_once(place) -> None:
    row = Delta.objects.get(room=place.room, seq=1)
    refused(
        lambda: Delta.objects.create(room_id=place.room, seq=1, kind="room", payload="{}", chain=row.chain, at=row.at)
    )
    Delta.objects.create(room_id=new_place().room, seq=2, kind="room", payload="{}", chain=row.chain, at=row.at)


@pytest.mark.parametrize("fields", [{"seq": 0}, {"seq": -1}, {"kind": "token"}, {"room_id": "nowhere"}])
def test_a_delta_is_in_a_room_from_1_on_and_of_a_known_kind(place, fields) -> None:
    values = {
        "room_id": place.room,
        "seq": 9,
        "kind": "room",
        "payload": "{}",
        "chain": "0" * 16,
        "at": datetime.now(UTC),
    }
    refused(lambda: Delta.objects.create(**values | fields))


def test_a_client_id_names_one_message_of_its_author(place) -> None:
    other, name = place.join(), client_id()
    receipt = place.post(client_id=name)
    row = Message.objects.get(pk=receipt.message)

    def another(member: str, name: str | None, seq: int) -> Message:
        values = {"opened_seq": seq, "seq": seq, "text_seq": seq, "created_at": row.created_at}
        return Message.objects.create(room_id=place.room, member_id=member, role="user", client_id=name, **values)

    refused(lambda: another(place.member, name, 100))
    another(other.member, name, 101)
    another(place.member, None, 102)
    another(place.member, None, 103)
    refused(lambda: another(place.member, None, 103))


def test_roles_and_statuses_are_the_protocols(place) -> None:
    pen = place.begin()
    generation, message, member = pen.job.generation, pen.job.message, place.member
    refused(lambda: Generation.objects.filter(pk=generation).update(status="done"))
    refused(lambda: Generation.objects.filter(pk=generation).update(lease_until=None))
    refused(lambda: Message.objects.filter(pk=message).update(role="system"))
    refused(lambda: Member.objects.filter(pk=member).update(role="admin"))
    refused(lambda: Room.objects.filter(pk=place.room).update(floor=0))
    refused(lambda: Room.objects.filter(pk=place.room).update(floor=1000))


def test_an_answer_has_one_generation(place) -> None:
    pen = place.begin()
    refused(
        lambda: Generation.objects.create(message_id=pen.job.message, room_id=place.room, queued_at=datetime.now(UTC))
    )


def test_somebody_is_a_member_once(place, django_user_model) -> None:
    user = django_user_model.objects.create_user("ada")
    Member.objects.create(room_id=place.room, user=user, name="Ada")
    refused(lambda: Member.objects.create(room_id=place.room, user=user, name="Ada again"))
    refused(lambda: Member.objects.create(room_id=place.room, guest=place.visitor.guest, name="Guest again"))
    refused(lambda: Member.objects.create(room_id=place.room, user=user, guest="both", name="Both"))
    Member.objects.create(room_id=place.room, name="An account that was deleted")
    Member.objects.create(room_id=place.room, name="Another one")


# -- reading -----------------------------------------------------------------------------------------------------------


def test_a_snapshot_holds_the_tail_behind_the_checkpoint(place) -> None:
    pen = place.begin()
    pen.write("one ", "two ", part="text")
    pen.write("because ", part="reasoning")
    pen.write("three ", checkpoint=True)
    row = Message.objects.get(pk=pen.job.message)
    assert (row.text, row.reasoning, row.digest, row.text_seq) == (pen.written, pen.thought, pen.digest, place.head.seq)
    pen.write("four")
    pen.write("so", part="reasoning")
    row.refresh_from_db()
    assert row.text == "one two three ", "the row is not written again with each commit"
    held = log.snapshot(place.room)["messages"][-1]
    assert (held["text"], held["reasoning"], held["digest"]) == (pen.written, pen.thought, pen.digest)
    assert held["seq"] == place.head.seq and held["status"] == "streaming"


def test_a_closed_answer_is_whole_in_its_row(place) -> None:
    pen = place.begin()
    pen.write("one ", checkpoint=True)
    pen.write("two ")
    pen.end("complete", "three")
    row = Message.objects.get(pk=pen.job.message)
    assert (row.text, row.digest, row.seq, row.text_seq) == (
        "one two three",
        digest("one two three"),
        *[place.head.seq] * 2,
    )


def test_a_snapshot_is_bounded_and_says_where_more_is(place, settings) -> None:
    settings.CHATLAB_SNAPSHOT_MESSAGES = 4
    receipts = [place.answered(f"{number}") for number in range(5)]
    body = log.snapshot(place.room)
    assert [message["id"] for message in body["messages"]] == [
        id for receipt in receipts[-2:] for id in (receipt.message, receipt.answer)
    ]
    page, earlier = log.earlier_messages(place.room, int(body["earlier"]))
    assert [message["id"] for message in page] == [
        id for receipt in receipts[1:3] for id in (receipt.message, receipt.answer)
    ]
    page, earlier = log.earlier_messages(place.room, int(earlier))
    assert [message["id"] for message in page] == [receipts[0].message, receipts[0].answer] and earlier is None


def test_a_snapshot_is_bounded_in_bytes_too_but_never_empty(place, settings) -> None:
    settings.CHATLAB_SNAPSHOT_BYTES = 1_000
    place.answered("x" * 600)
    receipt = place.answered("y" * 600)
    assert [message["id"] for message in log.snapshot(place.room)["messages"]] == [receipt.message, receipt.answer]
    receipt = place.answered("z" * 5_000)
    assert [message["id"] for message in log.snapshot(place.room)["messages"]] == [receipt.answer]


def test_a_snapshot_always_holds_what_is_open(place, settings) -> None:
    settings.CHATLAB_SNAPSHOT_MESSAGES = 2
    pen, queued = place.begin(), place.post()
    pen.write("still here")
    last = place.post("The newest")
    place.stop(last.answer)
    held = [message["id"] for message in log.snapshot(place.room)["messages"]]
    asked = Message.objects.get(pk=pen.job.message).parent_id
    assert held == [asked, pen.job.message, queued.message, queued.answer, last.message, last.answer]


def test_a_snapshot_says_who_asked_for_what_is_written_however_long_it_is(place, settings) -> None:
    settings.CHATLAB_SNAPSHOT_BYTES = 1_000
    pen = place.begin()
    pen.write("x" * 2_000, checkpoint=True)
    held = log.snapshot(place.room)["messages"]
    assert [message["author"] for message in held] == [place.member, None] and held[1]["parent"] == held[0]["id"]


def test_a_snapshot_costs_no_more_queries_for_more_deltas(place) -> None:
    def queries() -> int:
        with CaptureQueriesContext(
            connection,
        ) as captured:
            log.snapshot(place.room)
        return len(captured)

    for _ in range(3):
        place.answered("a")
    few = queries()
    place.answered(*["b"] * 50)
    for number in range(5):
        place.answered(f"{number}")
    assert queries() == few


def test_the_digests_of_what_streams_at_the_head(place) -> None:
    first, second = place.begin(), place.begin(**BESIDE)
    first.write("a", "b", checkpoint=True)
    place.answered("done", **BESIDE)
    assert log.streaming(place.room) == (
        place.head,
        {first.job.message: first.digest, second.job.message: "00000000"},
    )


def test_a_model_is_shown_the_ended_ancestors_of_its_answer(place) -> None:
    first = place.answered("First answer.")
    branch = place.post("Beside it", parent=None, branch=True)
    second = place.post("Second question", parent=first.answer, branch=True)
    turns = [("user", "Why?"), ("assistant", "First answer."), ("user", "Second question")]
    assert shown_to_the_model(second.answer) == turns
    assert shown_to_the_model(branch.answer) == [("user", "Beside it")]
    follow = place.post("Third question", parent=second.answer, branch=True)
    assert shown_to_the_model(follow.answer) == [*turns, ("user", "Third question")], "an answer under way is not shown"


def test_a_model_is_shown_the_newest_that_fits_and_always_the_question(place, settings) -> None:
    for number in range(3):
        place.answered(f"answer {number} " + "x" * 100)
    settings.CHATLAB_CONTEXT_TOKENS = 33
    receipt = place.post("q" * 20)
    assert [role for role, _ in shown_to_the_model(receipt.answer)] == ["assistant", "user"]
    settings.CHATLAB_CONTEXT_TOKENS = 1
    assert shown_to_the_model(receipt.answer) == [("user", "q" * 20)]


def test_a_context_is_read_no_further_than_it_goes(place, settings, monkeypatch) -> None:
    monkeypatch.setattr(tree, "ANCESTORS_AT_ONCE", 2)
    for number in range(4):
        place.answered(f"answer {number} " + "x" * 100)
    receipt = place.post("q" * 20)
    assert len(shown_to_the_model(receipt.answer)) == 9
    followed = log.ancestors(receipt.answer)
    assert len(followed) == 9 and log.ancestors(receipt.answer, 3) == followed[:3]
    settings.CHATLAB_CONTEXT_TOKENS = 33
    with CaptureQueriesContext(connection) as asked:
        assert len(shown_to_the_model(receipt.answer)) == 2
    assert len(asked) == 5, "two steps of two, and not the whole conversation; and whether anybody else is there"


def test_a_room_that_is_not_there_is_not_found() -> None:
    for read in (log.snapshot, log.head_of, log.streaming):
        with pytest.raises(NotFound):
            read("nowhere")
    assert log.heads({"nowhere": Cursor(0, "")}) == {}
