"""What people ask for at once is committed at once: each sees what the others of its batch did, and costs no more."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from rooms import actions, frames, log
from rooms.errors import Busy, Conflict
from rooms.frames import ChangeRoom, Post
from rooms.log import Batch, Change, Writer
from rooms.models import Delta, Generation, Member, Message, Room

from .fakes import Place, busy, new_place, statements

pytestmark = pytest.mark.usefixtures("alone")


@pytest.fixture
def at_once() -> Iterator[Callable[..., list]]:
    """`at_once(*changes)`: what came of each, refusals too, when all were committed in one transaction."""
    batches: list[Batch] = []
    writer = Writer(batches.append)

    def commit(*changes: Change) -> list:
        before = len(batches)
        with busy(writer):
            futures = [writer.submit(change) for change in changes]
        outcomes = [future.exception(10) or future.result() for future in futures]
        assert len(batches) == before + 2, "the commit that they waited for, and theirs: it was not taken apart"
        return outcomes

    yield commit
    writer.close()


def asking(place: Place, text: str = "Why?", client_id: str = "", **fields: object) -> Change:
    return actions.post(place.member, place.room, Post(client_id or f"{place.room} {text}", text, **fields))


def test_many_questions_cost_as_many_statements_as_one(at_once) -> None:
    places, place = [new_place() for _ in range(15)], new_place()

    def cost(*changes: Change) -> int:
        with statements() as sent:
            assert all(isinstance(receipt, actions.Receipt) for receipt in at_once(*changes))
        return len(sent)

    alone = cost(asking(place))
    assert cost(*(asking(place, f"Question {n}") for place in places for n in range(2))) == alone <= 16
    assert all(log.verify(place.room) == [] for place in places)


def test_questions_of_one_batch_follow_each_other(at_once) -> None:
    place = new_place("")
    first, second = at_once(asking(place, "The first"), asking(place, "The second"))
    room = Room.objects.get(pk=place.room)
    assert (room.title, room.tip_id) == ("The first", second.answer)
    assert Message.objects.get(pk=second.message).parent_id == first.answer
    assert first.cursor.seq < second.seq and log.verify(place.room) == []


def test_the_same_question_twice_in_one_batch_is_one(at_once, place) -> None:
    first, second = at_once(asking(place, client_id="once"), asking(place, client_id="once"))
    assert (first.repeated, second.repeated) == (False, True)
    assert (first.message, first.answer, first.cursor) == (second.message, second.answer, second.cursor)
    assert Message.objects.filter(room=place.room).count() == 2


def test_a_batch_fills_the_queue_no_further_than_its_end(at_once, place, settings) -> None:
    settings.CHATLAB_ROOM_QUEUE = 3
    place.post()
    answered = at_once(*(asking(place, f"Question {n}") for n in range(4)))
    assert [type(outcome) for outcome in answered] == [actions.Receipt, actions.Receipt, Busy, Busy]
    assert Generation.objects.filter(room=place.room, status="queued").count() == 3


def test_what_was_refused_leaves_nothing_to_the_next_of_its_batch(at_once, place) -> None:
    refused, _ = at_once(
        actions.change_room(place.member, place.room, ChangeRoom(title="Refused", model="no such model")),
        actions.change_room(place.member, place.room, ChangeRoom(chosen={})),
    )
    assert isinstance(refused, Conflict)
    assert Room.objects.get(pk=place.room).title == "A room"


def test_a_choice_shows_what_was_opened_before_it_in_its_batch(at_once, place) -> None:
    old = place.answered("An answer.")
    place.post("Another way", parent=None, branch=True)
    opened, _, then = at_once(
        asking(place, "More of it", parent=old.answer, branch=True),
        actions.change_room(place.member, place.room, ChangeRoom(chosen={frames.BEGINNING: old.message})),
        asking(place, "And then?"),
    )
    assert Message.objects.get(pk=then.message).parent_id == opened.answer
    assert Room.objects.get(pk=place.room).tip_id == then.answer and log.verify(place.room) == []


def test_who_comes_back_may_ask_in_the_same_batch(at_once, place) -> None:
    other = place.join("Ben")
    Member.objects.filter(pk=other.member).update(role=Member.Role.LEFT)
    _, joined, asked = at_once(asking(place), actions.join(other.visitor, place.room), asking(other, "May I?"))
    assert joined.member.role == Member.Role.MEMBER
    assert isinstance(asked, actions.Receipt)


def test_what_is_stopped_in_a_batch_is_stopped_once(at_once, place) -> None:
    answers = [place.post(f"Question {n}").answer for n in range(2)]
    at_once(*(actions.stop(place.member, place.room, answer) for answer in answers * 2))
    assert Delta.objects.filter(room=place.room, kind="closed").count() == 2 and log.verify(place.room) == []
