"""The verbs: what each does, whom it refuses, and that saying it twice does it once."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from rooms import actions, frames, log
from rooms.access import Visitor
from rooms.actions import Receipt, commit_now
from rooms.errors import Conflict, NotAllowed, NotFound
from rooms.log import Batch, Writer
from rooms.models import Delta, Generation, Member, Message, Room
from rooms.text import digest

from .fakes import BESIDE, Pen, Place, busy, client_id, new_place

pytestmark = pytest.mark.usefixtures("alone")


def last_items(place: Place, number: int) -> list[dict]:
    rows = Delta.objects.filter(room=place.room).order_by("-seq")[:number]
    return [json.loads(frames.item(row.seq, row.at, row.kind, row.payload)) for row in reversed(rows)]


# -- post --------------------------------------------------------------------------------------------------------------


def test_a_question_opens_a_message_and_its_answer_in_one_commit(place) -> None:
    receipt = place.post("Why? 😀", client_id="first-one")
    asked, answer = last_items(place, 2)
    assert asked["message"] == {
        "id": receipt.message, "role": "user", "author": place.member, "text": "Why? 😀", "status": "complete",
        "digest": digest("Why? 😀"), "parent": None, "at": asked["at"], "client_id": "first-one",
    }  # fmt: skip
    assert answer["message"]["role"] == "assistant" and answer["message"]["status"] == "queued"
    assert answer["message"]["parent"] == receipt.message and answer["message"]["author"] is None
    assert (receipt.seq, receipt.cursor) == (asked["seq"], place.head)
    assert (receipt.answer, receipt.repeated) == (answer["message"]["id"], False)
    generation = Generation.objects.get(message=receipt.answer)
    assert (generation.status, generation.fence, generation.room_id) == ("queued", 0, place.room)


def test_questions_follow_the_newest_answer_unless_they_say_otherwise(place) -> None:
    first = place.answered("1")
    second = place.answered("2")
    edited = place.post("Why not?", parent=first.answer, branch=True)
    new = place.post("From the start", parent=None, branch=True)
    parents = dict(Message.objects.filter(room=place.room).values_list("pk", "parent_id"))
    assert parents[second.message] == parents[edited.message] == first.answer
    assert parents[new.message] is None
    assert place.post("And then?").message and Message.objects.get(client_id=None, pk=new.answer)


def test_a_question_follows_only_what_is_in_its_room(place) -> None:
    elsewhere = new_place().post()
    for parent in (elsewhere.message, "nothing"):
        with pytest.raises(NotFound):
            place.post(parent=parent, branch=True)
    assert place.head.seq == 1


# -- said twice --------------------------------------------------------------------------------------------------------


def repeats(place: Place, verb: Callable[[], object]) -> None:
    """Saying it again gives the same receipt, marked as a repeat, and changes nothing."""
    first: Receipt = commit_now(verb())
    head, rows = place.head, Message.objects.count()
    second: Receipt = commit_now(verb())
    assert not first.repeated and second.repeated
    for part in ("client_id", "message", "seq", "answer", "cursor"):
        assert getattr(first, part) == getattr(second, part), part
    assert (place.head, Message.objects.count()) == (head, rows)
    assert Generation.objects.filter(message=first.answer).count() == 1


def test_a_post_that_is_repeated_is_one_post(place) -> None:
    name = client_id()
    repeats(place, lambda: actions.post(place.member, place.room, frames.Post(name, "Why?")))


def test_a_repeat_gives_the_first_receipt_whatever_it_carries(place) -> None:
    first = place.post("Why?", client_id="the-same-id")
    place.answered("something in between", **BESIDE)
    again = place.post("Something else entirely", client_id="the-same-id", parent="nothing", branch=True, model="none")
    assert (again.message, again.cursor, again.repeated) == (first.message, first.cursor, True)
    assert Message.objects.get(pk=first.message).text == "Why?"


def test_retry_and_continue_that_are_repeated_are_done_once(place) -> None:
    pen = place.begin()
    pen.write("half of it")
    pen.end("incomplete")
    for verb, frame in ((actions.retry, frames.Retry), (actions.continue_answer, frames.Continue)):
        name = client_id()
        repeats(
            place,
            lambda verb=verb, frame=frame, name=name: verb(place.member, place.room, frame(pen.job.message, name)),
        )


def test_one_name_is_one_thing_over_all_verbs(place) -> None:
    """A client_id that was a post's does not become a retry, and the other way round."""
    receipt = place.answered("a")
    asked = place.post(client_id="a-post-first")
    again = commit_now(actions.retry(place.member, place.room, frames.Retry(receipt.answer, "a-post-first")))
    assert (again.message, again.answer, again.repeated) == (asked.message, asked.answer, True)
    retried = commit_now(actions.retry(place.member, place.room, frames.Retry(receipt.answer, "a-retry-first")))
    posted = place.post("Why?", client_id="a-retry-first")
    assert (posted.message, posted.repeated) == (retried.message, True)


def test_the_same_name_of_another_author_or_room_is_another_message(place) -> None:
    other, elsewhere = place.join(), new_place()
    receipts = [someone.post(client_id="same-name") for someone in (place, other, elsewhere)]
    assert len({receipt.message for receipt in receipts}) == 3
    assert not any(receipt.repeated for receipt in receipts)


@pytest.mark.parametrize("processes", [1, 2])
def test_a_post_that_is_sent_twice_at_once_is_one_post(place, processes) -> None:
    """From two threads, through one writer or through two as two processes have them."""
    writers = [Writer(lambda batch: None) for _ in range(processes)]
    try:
        for number in range(10):
            together = threading.Barrier(2)

            def send(which: int, name: str = f"number-{number}", together=together) -> Receipt:
                together.wait(10)
                change = actions.post(place.member, place.room, frames.Post(name, "Why?"))
                return writers[which % processes].submit(change).result(20)

            with ThreadPoolExecutor(2) as pool:
                first, second = pool.map(send, range(2))
            assert (first.message, first.seq, first.answer, first.cursor) == (
                second.message, second.seq, second.answer, second.cursor,
            )  # fmt: skip
            assert sorted((first.repeated, second.repeated)) == [False, True]
    finally:
        for writer in writers:
            writer.close()
    assert Message.objects.filter(role="user").count() == Generation.objects.count() == 10
    assert log.verify(place.room) == []


def test_a_repeat_in_the_same_transaction_finds_the_first(place) -> None:
    """It has no row that others could see yet: its receipt is read from what this transaction has written."""
    batches: list[Batch] = []
    writer = Writer(batches.append)
    try:
        with busy(writer):
            frame = frames.Post("both-at-once", "Why?")
            futures = [writer.submit(actions.post(place.member, place.room, frame)) for _ in range(2)]
        first, second = (future.result(10) for future in futures)
    finally:
        writer.close()
    assert (first.message, first.cursor) == (second.message, second.cursor) and second.repeated
    assert len(batches) == 2, "one that kept the writer busy, and one for both: nothing had to be done again"


# -- retry, continue ---------------------------------------------------------------------------------------------------


def test_a_retry_is_another_answer_beside_the_old_one(place) -> None:
    old = place.answered("old")
    receipt = commit_now(actions.retry(place.member, place.room, frames.Retry(old.answer, client_id())))
    assert receipt.message == receipt.answer != old.answer
    new = Message.objects.select_related("generation").get(pk=receipt.answer)
    assert (new.parent_id, new.role, new.generation.status) == (old.message, "assistant", "queued")
    assert Message.objects.get(pk=old.answer).text == "old"


def test_continue_says_from_which_answer_it_goes_on(place) -> None:
    pen = place.begin()
    pen.write("half")
    pen.end("incomplete")
    receipt = commit_now(
        actions.continue_answer(place.member, place.room, frames.Continue(pen.job.message, client_id()))
    )
    assert Generation.objects.get(message=receipt.answer).continues_id == pen.job.message


def test_what_is_not_over_is_neither_tried_again_nor_continued(place) -> None:
    pen, queued, done = place.begin(), place.post(), place.answered("done", **BESIDE)
    for answer in (pen.job.message, queued.answer):
        with pytest.raises(Conflict):
            commit_now(actions.retry(place.member, place.room, frames.Retry(answer, client_id())))
        with pytest.raises(Conflict):
            commit_now(actions.continue_answer(place.member, place.room, frames.Continue(answer, client_id())))
    with pytest.raises(Conflict):
        commit_now(actions.continue_answer(place.member, place.room, frames.Continue(done.answer, client_id())))
    elsewhere = new_place().answered("elsewhere")
    for answer in (done.message, elsewhere.answer, "nothing"):
        with pytest.raises(NotFound):
            commit_now(actions.retry(place.member, place.room, frames.Retry(answer, client_id())))


# -- stop --------------------------------------------------------------------------------------------------------------


def test_any_member_stops_for_everyone_and_only_once(place) -> None:
    pen, other = place.begin(), place.join()
    pen.write("half of ")
    other.stop(pen.job.message)
    (closed,) = last_items(place, 1)
    assert {key: closed[key] for key in ("kind", "message", "status", "digest", "by")} == {
        "kind": "closed", "message": pen.job.message, "status": "stopped", "digest": pen.digest, "by": other.member,
    }  # fmt: skip
    head = place.head
    place.stop(pen.job.message)
    other.stop(pen.job.message)
    assert place.head == head
    assert Message.objects.get(pk=pen.job.message).text == "half of "


def test_a_question_that_waits_can_be_stopped(place) -> None:
    receipt = place.post()
    place.stop(receipt.answer)
    assert Generation.objects.get(message=receipt.answer).status == "stopped"
    assert Pen.claim(place.room, receipt.answer) is None, "and nobody starts it any more"


def test_what_is_no_answer_of_this_room_is_not_stopped(place) -> None:
    elsewhere = new_place().begin()
    for message in (elsewhere.job.message, place.post().message, "nothing"):
        with pytest.raises(NotFound):
            place.stop(message)
    elsewhere.write("still going")


# -- rooms and members -------------------------------------------------------------------------------------------------


def test_who_makes_a_room_owns_it_and_who_comes_by_link_is_a_member(place) -> None:
    guest = place.join()
    assert Member.objects.get(pk=place.member).role == "owner"
    member = Member.objects.get(pk=guest.member)
    assert (member.role, member.name, member.color) == ("member", "Guest 2", 2)
    (item,) = last_items(place, 1)
    assert item["member"] == {"id": member.pk, "name": "Guest 2", "color": 2, "role": "member"}


def test_joining_again_is_the_same_member(place) -> None:
    guest = place.join("Ada")
    head = place.head
    again = commit_now(actions.join(guest.visitor, place.room, None))
    assert (again.member.pk, again.cursor, place.head) == (guest.member, head, head)
    renamed = commit_now(actions.join(guest.visitor, place.room, "Grace"))
    assert renamed.member.pk == guest.member and last_items(place, 1)[0]["member"]["name"] == "Grace"


def test_a_locked_room_takes_nobody_new(place) -> None:
    guest = place.join()
    commit_now(actions.change_room(place.member, place.room, frames.ChangeRoom(locked=True)))
    head = place.head
    with pytest.raises(NotAllowed, match="locked"):
        place.join()
    with pytest.raises(NotFound):
        commit_now(actions.join(Visitor(guest="x"), "nowhere"))
    assert place.head == head
    assert commit_now(actions.join(guest.visitor, place.room)).member.pk == guest.member


def test_a_visitor_without_a_name_of_any_kind_does_not_join(place) -> None:
    head = place.head
    with pytest.raises(NotAllowed):
        commit_now(actions.join(Visitor(), place.room))
    assert place.head == head and log.verify(place.room) == []


def test_a_room_is_changed_for_everyone(place) -> None:
    commit_now(actions.change_room(place.member, place.room, frames.ChangeRoom(title="New")))
    assert Room.objects.get(pk=place.room).title == "New"
    (item,) = last_items(place, 1)
    assert item["kind"] == "room" and item["title"] == "New" and "chosen" not in item


def test_branches_are_chosen_of_what_there_is(place) -> None:
    first = place.answered("one")
    retried = commit_now(actions.retry(place.member, place.room, frames.Retry(first.answer, client_id())))
    commit_now(actions.change_room(place.member, place.room, frames.ChangeRoom(chosen={first.message: first.answer})))
    assert Room.objects.get(pk=place.room).chosen == {first.message: first.answer}
    for chosen in ({first.message: first.message}, {first.answer: retried.answer}, {"x": first.answer}):
        with pytest.raises(NotFound):
            commit_now(actions.change_room(place.member, place.room, frames.ChangeRoom(chosen=chosen)))
    place.stop(retried.answer)
    again = commit_now(actions.retry(place.member, place.room, frames.Retry(first.answer, client_id())))
    assert Room.objects.get(pk=place.room).chosen == {first.message: again.answer}, "what is asked for is shown"


@pytest.mark.parametrize("model", ["unheard-of", " "])
def test_a_model_that_this_server_does_not_have_is_refused(place, model) -> None:
    with pytest.raises(Conflict):
        commit_now(actions.change_room(place.member, place.room, frames.ChangeRoom(model=model)))
    with pytest.raises(Conflict):
        place.post(model=model)
    assert place.head.seq == 1


# -- rights ------------------------------------------------------------------------------------------------------------


def test_who_has_left_or_never_came_does_nothing(place) -> None:
    answer, guest, stranger = place.answered("a").answer, place.join(), new_place()
    pen = place.begin()
    Member.objects.filter(pk=guest.member).update(role=Member.Role.LEFT)
    head = place.head
    for member in (guest.member, stranger.member, "nobody"):
        verbs = [
            actions.post(member, place.room, frames.Post(client_id(), "Why?")),
            actions.retry(member, place.room, frames.Retry(answer, client_id())),
            actions.continue_answer(member, place.room, frames.Continue(answer, client_id())),
            actions.stop(member, place.room, pen.job.message),
            actions.change_room(member, place.room, frames.ChangeRoom(title="Mine")),
        ]
        for verb in verbs:
            with pytest.raises(NotAllowed):
                commit_now(verb)
    assert place.head == head
