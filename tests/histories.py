"""Any history of generations: rules that use the real verbs, beside a simple model of what they should do.

A worker is a `Pen`. One whose lease ran out and was taken over stays around as a zombie and goes on trying; time is
what the rules `stall` and `nobody_comes` write into the rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from django.conf import settings
from hypothesis import event
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from rooms import actions, database, frames, log
from rooms.actions import Outcome, Place, Receipt, commit_now
from rooms.errors import Busy, Conflict, Fenced
from rooms.frames import TERMINAL
from rooms.models import Generation

from .fakes import Pen, client_id, generation_of, new_place, shown_to_the_model
from .strategies import texts

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
which = st.integers(0, 30)
seldom = st.integers(0, 3).map(lambda number: number == 0)  # rules are drawn evenly; what ends a history is not


@dataclass
class Answer:
    """What the model holds of one answer."""

    message: str
    generation: int
    question: str = ""
    before: Answer | None = None  # the nearest answer that it follows
    status: str = "queued"
    text: str = ""
    begins_with: str = ""
    fence: int = 0
    attempts: int = 0
    resumable: bool = False
    lapsed: bool = False  # its lease has run out

    @property
    def open(self) -> bool:
        return self.status not in TERMINAL

    def end(self, status: str) -> None:
        self.status, self.fence = status, self.fence + 1

    @property
    def waits(self) -> bool:
        """Whether an answer before it is still open."""
        return self.before is not None and (self.before.open or self.before.waits)

    @property
    def turns(self) -> list[tuple[str, str]]:
        """What its model is to be shown, as things are now."""
        said = self.before.turns if self.before else []
        answered = [("assistant", self.before.text)] if self.before and self.before.text else []
        return [*said, *answered, ("user", self.question)]


@dataclass
class Writing:
    """A worker and what it believes to write."""

    pen: Pen
    answer: Answer

    @property
    def may(self) -> bool:
        return self.answer.status == "streaming" and self.answer.fence == self.pen.job.fence


class Histories(RuleBasedStateMachine):
    """The verbs on generations, each beside what the model says of it. What must hold afterwards, tests add."""

    def __init__(self) -> None:
        super().__init__()
        place = new_place()
        self.room = place.room
        self.members = [place, place.join()]
        self.answers: list[Answer] = []
        self.writing: list[Writing] = []
        self.receipts: dict[tuple[int, str], Receipt] = {}

    @initialize(text=texts)
    def begin(self, text: str) -> None:
        """Two questions, of which one is being answered, and two branches beside them."""
        for branch in (False, False, True, True):
            self.post(0, text, branch, 0)
        self.claim(0)

    # -- people --------------------------------------------------------------------------------------------------------

    @rule(member=st.integers(0, 1), text=texts, branch=st.booleans(), number=which)
    def post(self, member: int, text: str, branch: bool, number: int) -> None:
        """What is asked follows the newest, or on a branch nothing or any answer: one that waits, too."""
        name, before, where = client_id(), self.answers[-1] if self.answers else None, {}
        if branch:
            before = _pick([None, *self.answers], number)
            where = {"branch": True, "parent": before and before.message}
        if self._full():
            with pytest.raises(Busy):
                self.members[member].post(text, client_id=name, **where)
            return
        receipt = self.members[member].post(text, client_id=name, **where)
        assert not receipt.repeated
        self._opened(member, name, receipt, text, before)

    @precondition(lambda self: self.receipts)
    @rule(number=which, text=texts)
    def resend(self, number: int, text: str) -> None:
        """The receipt got lost: the same name comes again, whatever else it carries."""
        member, name = _pick(list(self.receipts), number)
        receipt = self.members[member].post(text, client_id=name)
        first = self.receipts[member, name]
        assert receipt.repeated and receipt.message == first.message and receipt.answer == first.answer

    @rule(number=which, member=st.integers(0, 1), really=seldom)
    def stop(self, number: int, member: int, really: bool) -> None:
        if not really:
            return
        answer = _pick(self.answers, number)
        head = log.head_of(self.room)
        self.members[member].stop(answer.message)
        if answer.open:
            answer.end("stopped")
        else:
            assert log.head_of(self.room) == head

    @precondition(lambda self: any(not answer.open for answer in self.answers))
    @rule(number=which, member=st.integers(0, 1), goes_on=st.booleans())
    def ask_again(self, number: int, member: int, goes_on: bool) -> None:
        old = _pick([answer for answer in self.answers if not answer.open], number)
        verb, frame = (actions.continue_answer, frames.Continue) if goes_on else (actions.retry, frames.Retry)
        change = verb(self.members[member].member, self.room, frame(old.message, name := client_id()))
        refusal = Conflict if goes_on and old.status == "complete" else Busy if self._full() else None
        if refusal is not None:
            with pytest.raises(refusal):
                commit_now(change)
            return
        begins_with = old.text if goes_on else ""
        self._opened(member, name, commit_now(change), old.question, old.before, begins_with)

    def _opened(
        self, member: int, name: str, receipt: Receipt, question: str, before: Answer | None, begins_with: str = ""
    ) -> None:
        self.receipts[member, name] = receipt
        generation = generation_of(receipt.answer)
        self.answers.append(Answer(receipt.answer, generation, question, before, begins_with=begins_with))

    def _full(self) -> bool:
        return len(self.queued()) >= settings.CHATLAB_ROOM_QUEUE

    # -- workers -------------------------------------------------------------------------------------------------------

    @rule(number=which)
    def claim(self, number: int) -> None:
        """A worker wants an answer: it is queued, waits for another one, is lost or written by another, or over."""
        answer = _pick([answer for answer in self.answers if answer.open] or self.answers, number)
        streaming = sum(other.status == "streaming" for other in self.answers)
        wins = answer.status == "queued" and not answer.waits and streaming < settings.CHATLAB_ROOM_ANSWERS
        if answer.status == "queued" and answer.waits:
            event("waits for another one")
        takes_over = answer.status == "streaming" and answer.lapsed
        pen = Pen.claim(self.room, answer.message, f"worker {len(self.writing)}")
        if wins:
            answer.status, answer.text = "streaming", answer.begins_with
        if wins or takes_over:
            answer.fence, answer.lapsed = answer.fence + 1, False
        said = answer.text != answer.begins_with
        if takes_over and not answer.resumable and (said or answer.attempts >= settings.CHATLAB_ATTEMPTS):
            event("taken over, and could not be resumed")
            answer.end("interrupted")
            wins = takes_over = False
        assert (pen is not None) == (wins or takes_over)
        if pen is not None:
            event("taken over" if takes_over else "claimed")
            assert pen.job.fence == answer.fence and pen.written == answer.text
            assert (pen.job.resume is not None) == answer.resumable
            assert shown_to_the_model(answer.message) == answer.turns, "every answer before it, to its end"
            self.writing.append(Writing(pen, answer))

    @precondition(lambda self: self.writing)
    @rule(number=which, text=texts, place=st.booleans(), renew=st.booleans(), checkpoint=st.booleans())
    def append(self, number: int, text: str, place: bool, renew: bool, checkpoint: bool) -> None:
        """A worker that holds its answer, or a zombie that believes so."""
        writer = _pick(self.writing, number)
        change = actions.record(
            writer.pen.job,
            [writer.pen.piece(text)],
            renew=renew,
            checkpoint=checkpoint,
            place=Place("resp", 7, background=True) if place else None,
        )
        if self._commit(writer, change, "zombie append"):
            writer.answer.text += text
            writer.answer.resumable |= place
            writer.answer.lapsed &= not renew

    @precondition(lambda self: self.writing)
    @rule(number=which)
    def ask_the_provider(self, number: int) -> None:
        writer = _pick(self.writing, number)
        if self._commit(writer, actions.attempt(writer.pen.job), "zombie attempt"):
            writer.answer.attempts += 1

    @precondition(lambda self: self.writing)
    @rule(number=which, text=texts, status=st.sampled_from(["complete", "complete", "failed", "incomplete"]))
    def finish(self, number: int, text: str, status: str) -> None:
        writer = _pick(self.writing, number)
        change = actions.finish(writer.pen.job, [writer.pen.piece(text)], Outcome(status))
        if self._commit(writer, change, "zombie end"):
            writer.answer.text += text
            writer.answer.end(status)

    @precondition(lambda self: self.writing)
    @rule(number=which, text=texts)
    def hand_over(self, number: int, text: str) -> None:
        writer = _pick(self.writing, number)
        place = Place("resp", 8, background=True)
        if self._commit(writer, actions.hand_over(writer.pen.job, [writer.pen.piece(text)], place), "zombie leaves"):
            writer.answer.text += text
            writer.answer.resumable = writer.answer.lapsed = True

    def _commit(self, writer: Writing, change: log.Change, refused: str) -> bool:
        """Commit where the worker may; where it may not, see that it is refused and that nothing has changed."""
        if writer.may:
            commit_now(change)
            return True
        event(refused)
        head = log.head_of(self.room)
        with pytest.raises(Fenced):
            commit_now(change)
        assert log.head_of(self.room) == head, "a refused append used up a sequence"
        return False

    # -- what happens to them ------------------------------------------------------------------------------------------

    @precondition(lambda self: self.streaming())
    @rule(number=which)
    def stall(self, number: int) -> None:
        """A worker was silent for longer than its lease."""
        answer = _pick(self.streaming(), number)
        Generation.objects.filter(pk=answer.generation).update(lease_until=lease_ran_out())
        answer.lapsed = True

    @precondition(lambda self: self.streaming())
    @rule(number=which, text=texts)
    def freeze(self, number: int, text: str) -> None:
        """Stalled, taken over, and awake again: all of it at once, because it is seldom come upon."""
        self.stall(number)
        answer = _pick(self.streaming(), number)
        self.claim([other for other in self.answers if other.open].index(answer))
        for place, writer in enumerate(self.writing):
            if writer.answer is answer:
                self.append(place, text, place=False, renew=True, checkpoint=False)

    @precondition(lambda self: self.writing)
    @rule(number=which)
    def crash_worker(self, number: int) -> None:
        self.writing.remove(_pick(self.writing, number))

    @rule(really=seldom)
    def prune(self, really: bool) -> None:
        """All that may go goes: nothing else in the model changes by it."""
        if really:
            commit_now(actions.prune(self.room, datetime(9999, 1, 1, tzinfo=UTC)))

    @rule(really=seldom)
    def restart(self, really: bool) -> None:
        """The whole process: its writer, its connections, and every worker in it."""
        if not really:
            return
        actions.close_writer()
        database.close()
        self.writing.clear()

    @precondition(lambda self: any(answer.open for answer in self.answers))
    @rule(number=which, really=seldom)
    def nobody_comes(self, number: int, really: bool) -> None:
        """No worker for so long that the answer is given up."""
        if not really:
            return
        answer = _pick([answer for answer in self.answers if answer.open], number)
        commit_now(actions.expire(self.room, answer.generation))
        assert Generation.objects.get(pk=answer.generation).status == answer.status, "it has not waited that long"
        if answer.status == "queued" and answer.waits:
            event("waits for longer than a worker may take")
            Generation.objects.filter(pk=answer.generation).update(queued_at=LONG_AGO)
            commit_now(actions.expire(self.room, answer.generation))
            assert Generation.objects.get(pk=answer.generation).status == "queued"
            return
        if answer.status == "queued":
            Generation.objects.filter(pk=answer.generation).update(queued_at=LONG_AGO)
            status = "failed"
        else:
            Generation.objects.filter(pk=answer.generation).update(lease_until=LONG_AGO)
            status = "interrupted"
        commit_now(actions.expire(self.room, answer.generation))
        answer.end(status)

    def queued(self) -> list[Answer]:
        return [answer for answer in self.answers if answer.status == "queued"]

    def streaming(self) -> list[Answer]:
        return [answer for answer in self.answers if answer.status == "streaming"]


def lease_ran_out() -> datetime:
    """A moment ago: longer ago, and the answer would be given up."""
    return datetime.fromtimestamp(database.clock().timestamp() - 1, UTC)


def _pick(candidates: list, number: int):
    return candidates[number % len(candidates)]
