"""I6 to I10 under any history: a state machine runs the real verbs over the real database, beside a model of them."""

from __future__ import annotations

from collections import Counter

import pytest
from django.conf import settings
from hypothesis import Phase
from hypothesis import settings as hypothesis_settings
from hypothesis.stateful import invariant, run_state_machine_as_test

from rooms import actions, lease, log
from rooms.actions import Outcome, commit_now
from rooms.models import Delta, Generation, Message, Room

from .histories import Histories, lease_ran_out
from .profiles import examples

pytestmark = pytest.mark.soak


class Generations(Histories):
    """What holds after every step."""

    @invariant()
    def an_acknowledged_name_has_one_message_and_one_generation(self) -> None:
        """I6"""
        named = Message.objects.filter(room=self.room).exclude(client_id=None)
        names = Counter(named.values_list("member_id", "client_id"))
        expected = {(self.members[member].member, name) for member, name in self.receipts}
        assert names == Counter(expected)
        assert Generation.objects.filter(room=self.room).count() == len(self.answers)

    @invariant()
    def answers_are_what_was_written_under_a_good_fence(self) -> None:
        """I7, I9, I10: every text, status and fence is the model's."""
        rows = {row.message_id: row for row in Generation.objects.filter(room=self.room)}
        held = {body["id"]: body for body in log.snapshot(self.room)["messages"]}
        for answer in self.answers:
            row = rows[answer.message]
            assert (row.status, row.fence) == (answer.status, answer.fence)
            body = held.get(answer.message)
            assert body is None or (body["text"], body["status"]) == (answer.text, answer.status)
            if not answer.open:
                assert Message.objects.values_list("text", flat=True).get(pk=answer.message) == answer.text
                assert (row.holder, row.lease_until) == ("", None)

    @invariant()
    def an_answer_ends_once_and_nothing_comes_after(self) -> None:
        """I8"""
        kinds: dict[str, list[str]] = {}
        for message, kind in Delta.objects.filter(room=self.room).order_by("seq").values_list("message_id", "kind"):
            kinds.setdefault(message, []).append(kind)
        floor = Room.objects.values_list("floor", flat=True).get(pk=self.room)
        opened = dict(Message.objects.filter(room=self.room).values_list("pk", "opened_seq"))
        for answer in self.answers:
            if opened[answer.message] < floor:
                assert not answer.open
                continue
            ends = kinds[answer.message].count("closed")
            assert ends == (0 if answer.open else 1)
            assert answer.open or kinds[answer.message][-1] == "closed"
            assert kinds[answer.message].count("started") <= 1
        assert log.verify(self.room) == []

    @invariant()
    def workers_find_what_is_to_be_had_and_notice_what_they_lost(self) -> None:
        """Oldest first, no more of those that are queued than the room may stream, and none that waits for another."""
        most = settings.CHATLAB_ROOM_ANSWERS
        found = [generation for room, generation in lease.waiting() if room == self.room]
        orphans = [answer.generation for answer in self.streaming() if answer.lapsed]
        free = [answer.generation for answer in self.queued() if not answer.waits]
        queued = free[:most] if len(self.streaming()) < most else []
        assert lease.startable(self.room) == free[: most - len(self.streaming())]
        assert found == [*orphans, *queued]
        for writer in self.writing:
            lost = lease.lost_among({writer.answer.generation: writer.pen.job.fence})
            assert bool(lost) == (not writer.may)
        assert len(self.streaming()) <= most

    def teardown(self) -> None:
        """I8: when the faults stop, one worker that looks at the queue brings every answer to its end."""
        for answer in self.streaming():
            Generation.objects.filter(pk=answer.generation).update(lease_until=lease_ran_out())
        for _ in range(len(self.answers)):
            for room, generation in lease.waiting():
                if room == self.room and (job := commit_now(actions.claim(room, generation, "the last"))) is not None:
                    commit_now(actions.finish(job, [], Outcome("complete")))
        assert not Generation.objects.filter(room=self.room, status__in=Generation.OPEN).exists()
        assert log.verify(self.room) == []


def test_any_history_of_generations(alone) -> None:
    """What fails here is a history as it was come upon; to have it shrunk takes minutes, and `make soak`."""
    few = examples(14)
    soak = hypothesis_settings.get_current_profile_name() == "soak"
    phases = few.phases if soak else (Phase.explicit, Phase.generate)
    chosen = hypothesis_settings(few, stateful_step_count=40, phases=phases)
    run_state_machine_as_test(Generations, settings=chosen)
