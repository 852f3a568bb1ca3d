"""A follow-up waits for the answer before it, and is answered with it: who waits, for what, and until when."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest

from rooms import actions, lease
from rooms.actions import Outcome, commit_now
from rooms.frames import Continue, Post, Retry
from rooms.log import Batch, Change, Writer
from rooms.models import Generation

from .fakes import BESIDE, Pen, Place, busy, client_id, generation_of, shown_to_the_model

pytestmark = pytest.mark.usefixtures("alone")

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture
def told() -> Iterator[Callable[..., list[str]]]:
    """`told(*changes)`: the answers that workers are told to start when these are committed, in one transaction."""
    batches: list[Batch] = []
    writer = Writer(batches.append)

    def commit(*changes: Change) -> list[str]:
        with busy(writer):
            futures = [writer.submit(change) for change in changes]
        for future in futures:
            future.result(10)
        rows = dict(Generation.objects.values_list("pk", "message"))
        return [rows[generation] for _, generation in batches[-1].starts]

    yield commit
    writer.close()


def may_start(place: Place, answer: str) -> bool:
    """What the poll of a worker finds, and what the claim says, are the same. (A claim that is won is taken back.)"""
    found = (place.room, generation_of(answer)) in lease.waiting()
    pen = Pen.claim(place.room, answer)
    assert found == (pen is not None)
    if pen is not None:
        Generation.objects.filter(message=answer).update(status="queued", lease_until=None, holder="")
    return found


def asked_again(place: Place, answer: str, verb: Callable = actions.retry, frame: type = Retry) -> str:
    return commit_now(verb(place.member, place.room, frame(answer, client_id()))).answer


def test_a_follow_up_is_answered_with_the_answer_before_it(place) -> None:
    first = place.begin("Name a colour.")
    second = place.post("Why that one?")
    first.write("Bl")
    assert not may_start(place, second.answer), "from half of a colour nobody could say why"
    first.write("ue.")
    first.end()
    assert may_start(place, second.answer)
    turns = [("user", "Name a colour."), ("assistant", "Blue."), ("user", "Why that one?")]
    assert shown_to_the_model(second.answer) == turns


@pytest.mark.parametrize("status", ["complete", "incomplete", "failed", "interrupted"])
def test_whatever_end_the_answer_before_it_comes_to_releases_it(place, told, status) -> None:
    first, second = place.begin(), place.post()
    assert told(actions.finish(first.job, [first.piece("text")], Outcome(status))) == [second.answer]
    assert may_start(place, second.answer)


def test_a_stop_of_the_answer_before_it_releases_it_written_or_still_queued(place, told) -> None:
    for begun in (True, False):
        first = place.post(**BESIDE)
        if begun:
            Pen.claim(place.room, first.answer)
        second = place.post()
        assert told(actions.stop(place.member, place.room, first.answer)) == [second.answer]
        assert may_start(place, second.answer)
        place.stop(second.answer)


def test_who_waits_can_be_stopped_and_nothing_comes_of_it(place, told) -> None:
    first, second = place.begin(), place.post()
    assert told(actions.stop(place.member, place.room, second.answer)) == []
    assert told(actions.finish(first.job, [], Outcome("complete"))) == []
    assert Pen.claim(place.room, second.answer) is None


def test_a_worker_that_dies_holds_up_nobody_for_longer_than_its_answer(place, told) -> None:
    """Its answer is taken over and ended; or nobody comes, and it is given up."""
    for change in (
        lambda generation: actions.claim(place.room, generation, "another"),
        lambda generation: actions.expire(place.room, generation),
    ):
        first = place.begin(**BESIDE)
        first.write("half of ")
        second = place.post()
        Generation.objects.filter(pk=first.job.generation).update(lease_until=LONG_AGO)
        assert not may_start(place, second.answer)
        assert told(change(first.job.generation)) == [second.answer]
        assert shown_to_the_model(second.answer)[1] == ("assistant", "half of ")
        place.stop(second.answer)


def test_a_chain_is_answered_one_after_the_other(place, told) -> None:
    asked = [place.post(f"Question {number}") for number in range(4)]
    for number, receipt in enumerate(asked):
        assert [may_start(place, other.answer) for other in asked[number:]] == [True] + [False] * (3 - number)
        pen = Pen.claim(place.room, receipt.answer)
        ended = told(actions.finish(pen.job, [pen.piece(f"Answer {number}")], Outcome("complete")))
        assert ended == [other.answer for other in asked[number + 1 : number + 2]]
    assert len(shown_to_the_model(asked[3].answer)) == 7


def test_who_follows_one_that_was_stopped_in_the_queue_waits_for_what_that_waited_for(place, told) -> None:
    """Whether it was asked before the stop or after it, and however many are stopped."""
    first = place.begin("The first")
    middle = [place.post("Never mind") for _ in range(3)]
    last = place.post("The last")
    for receipt in (middle[1], middle[0], middle[2]):
        assert told(actions.stop(place.member, place.room, receipt.answer)) == []
    later = place.post("Later", parent=middle[1].answer, branch=True)
    again = asked_again(place, middle[2].answer)
    for answer in (last.answer, later.answer, again):
        assert not may_start(place, answer)
    assert told(actions.finish(first.job, [first.piece("Yes.")], Outcome("complete"))) == [
        last.answer,
        later.answer,
        again,
    ]
    for answer in (last.answer, later.answer, again):
        assert shown_to_the_model(answer)[:2] == [("user", "The first"), ("assistant", "Yes.")]


def test_branches_and_other_answers_to_the_same_question_wait_for_nothing(place) -> None:
    done = place.answered("done")
    here, beside = place.begin(), place.post("Another way", parent=done.answer, branch=True)
    assert may_start(place, beside.answer)
    again = asked_again(place, done.answer)
    assert may_start(place, again), "it follows nothing that is open"
    here.end("incomplete", "half of ")
    onward = asked_again(place, here.job.message, actions.continue_answer, Continue)
    assert may_start(place, onward)
    follows = place.post("And then?")
    assert not may_start(place, follows.answer) and may_start(place, onward)


def test_what_follows_a_question_waits_for_the_answer_before_that(place) -> None:
    """A program may name a question as what the next one follows."""
    first = place.begin()
    question = place.post("First this")
    beside = place.post("and this", parent=question.message, branch=True)
    deeper = place.post("and that", parent=beside.message, branch=True)
    assert [may_start(place, asked.answer) for asked in (question, beside, deeper)] == [False] * 3
    first.end()
    assert [may_start(place, asked.answer) for asked in (question, beside, deeper)] == [True] * 3


def test_those_that_are_asked_in_one_commit_wait_for_each_other(place, told) -> None:
    def asking(number: int, **fields: object) -> Change:
        return actions.post(place.member, place.room, Post(f"question-{number}", f"Question {number}", **fields))

    told(asking(0), asking(1), asking(2, **BESIDE), asking(3))
    answers = list(Generation.objects.order_by("pk").values_list("message", flat=True))
    assert [may_start(place, answer) for answer in answers] == [True, False, True, False]
    pen = Pen.claim(place.room, answers[0])
    finish = actions.finish(pen.job, [pen.piece("text")], Outcome("complete"))
    following = actions.post(place.member, place.room, Post("the-follow-up", "?", parent=answers[0], branch=True))
    told(finish, following)
    assert may_start(place, answers[1]) and may_start(place, Generation.objects.latest("pk").message_id)


def test_no_worker_in_time_is_counted_from_when_one_could_have_come(place, settings) -> None:
    first, second = place.begin(), place.post()
    Generation.objects.filter(message=second.answer).update(queued_at=LONG_AGO)
    assert lease.expired() == []
    commit_now(actions.expire(place.room, generation_of(second.answer)))
    first.end()
    assert lease.expired() == [], "it may be taken since a moment"
    Generation.objects.filter(message=second.answer).update(queued_at=LONG_AGO)
    commit_now(actions.expire(place.room, generation_of(second.answer)))
    assert Generation.objects.get(message=second.answer).failure_code == "expired"


def test_those_that_wait_take_no_place_and_an_end_starts_as_many_as_there_are_places(place, told, settings) -> None:
    settings.CHATLAB_ROOM_ANSWERS = 2
    first, second = place.begin(), place.begin(**BESIDE)
    following = [place.post(str(n), parent=first.job.message, branch=True).answer for n in range(3)]
    beside = place.post(**BESIDE).answer
    assert lease.startable(place.room) == []
    assert told(actions.finish(second.job, [], Outcome("complete"))) == [beside], "the oldest that waits for nothing"
    Pen.claim(place.room, beside).end()
    assert told(actions.finish(first.job, [], Outcome("complete"))) == following[:2]
    pens = [Pen.claim(place.room, answer) for answer in following]
    assert [pen is not None for pen in pens] == [True, True, False]


def test_an_answer_of_a_process_that_knows_of_no_waiting_is_waited_for_too(place) -> None:
    """While a site is updated, one of the old version ends an answer: it releases nobody by itself."""
    first, second = place.begin(), place.post()
    Generation.objects.filter(pk=first.job.generation).update(status="complete", lease_until=None)
    assert may_start(place, second.answer)


def test_pruning_loosens_no_tie(place) -> None:
    first, second = place.begin(), place.post()
    commit_now(actions.prune(place.room, datetime(9999, 1, 1, tzinfo=UTC)))
    assert not may_start(place, second.answer)
    first.end("complete", "text")
    commit_now(actions.prune(place.room, datetime(9999, 1, 1, tzinfo=UTC)))
    assert may_start(place, second.answer) and len(shown_to_the_model(second.answer)) == 3
