"""The life of an answer: who may write it, how it ends, and that nothing is written after its end."""

from __future__ import annotations

import asyncio
import json
import logging
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from rooms import actions, database, generation, lease, log
from rooms.actions import commit_now
from rooms.errors import Fenced
from rooms.frames import TERMINAL
from rooms.log import Change
from rooms.models import Delta, Generation, Message
from rooms.providers import Ended, ProviderError
from rooms.worker import Worker

from .fakes import BESIDE, Pen, Place, ScriptedProvider, generation_of
from .harness.waiting import eventually

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _one_attempt(alone, settings):
    settings.CHATLAB_ATTEMPTS = 1


def row(answer: str) -> Generation:
    return Generation.objects.select_related("message").get(message=answer)


def lose_lease(pen: Pen) -> None:
    Generation.objects.filter(pk=pen.job.generation).update(lease_until=LONG_AGO)


def write(place: Place, script: list) -> Generation:
    answer = place.post().answer
    asyncio.run(generation.run(place.room, generation_of(answer), "worker", ScriptedProvider(script)))
    return row(answer)


# -- fences ------------------------------------------------------------------------------------------------------------


def is_refused(pen: Pen, place: Place) -> None:
    """Nothing that this pen says is written any more, and no sequence is used up."""
    head = place.head
    for change in (
        pen.record("late"),
        actions.renew(pen.job),
        actions.finish(pen.job, [], actions.Outcome("complete")),
    ):
        with pytest.raises(Fenced):
            commit_now(change)
    assert place.head == head


def test_after_a_stop_nothing_is_written(place) -> None:
    pen = place.begin()
    pen.write("shown")
    place.stop(pen.job.message)
    is_refused(pen, place)
    assert row(pen.job.message).message.text == "shown" and log.verify(place.room) == []


def test_after_its_end_nothing_is_written(place) -> None:
    pen = place.begin()
    pen.end("complete", "all of it")
    is_refused(pen, place)


def test_an_old_fence_is_refused_while_another_writes(place) -> None:
    """The worker froze, its lease ran out, and another worker holds the answer: the fence is what tells them apart."""
    pen = place.begin()
    Generation.objects.filter(pk=pen.job.generation).update(fence=pen.job.fence + 1, holder="another")
    is_refused(pen, place)
    assert row(pen.job.message).status == "streaming"


def test_a_take_over_ends_an_answer_with_all_its_text(place) -> None:
    pen = place.begin()
    pen.write("saved ", checkpoint=True)
    pen.write("not ", "saved")
    lose_lease(pen)
    commit_now(actions.claim(place.room, pen.job.generation, "another"))
    taken = row(pen.job.message)
    assert (taken.status, taken.failure_code) == ("interrupted", "worker_lost")
    assert (taken.message.text, taken.message.digest) == ("saved not saved", pen.digest)
    is_refused(pen, place)
    assert log.verify(place.room) == []


def test_nobody_takes_over_while_the_lease_holds(place) -> None:
    pen = place.begin()
    assert commit_now(actions.claim(place.room, pen.job.generation, "another")) is None
    pen.write("goes on")
    assert row(pen.job.message).holder == "worker"


def test_a_lease_that_ran_out_is_good_until_somebody_takes_over(place) -> None:
    pen = place.begin()
    lose_lease(pen)
    pen.write("late, but nobody else came", renew=True)
    assert row(pen.job.message).lease_until > datetime.now(UTC)


def test_of_many_workers_one_wins(place) -> None:
    answers = [place.post(**BESIDE).answer for _ in range(3)]
    ids = [generation_of(answer) for answer in answers]
    writers = [log.Writer(lambda batch: None) for _ in range(3)]
    try:

        def take(which: int) -> list[bool]:
            futures = [writers[which].submit(actions.claim(place.room, id, f"worker {which}")) for id in ids]
            return [future.result(20) is not None for future in futures]

        with ThreadPoolExecutor(3) as pool:
            won = list(pool.map(take, range(3)))
    finally:
        for writer in writers:
            writer.close()
    assert [sum(wins) for wins in zip(*won, strict=True)] == [1, 1, 1]
    assert list(Delta.objects.filter(room=place.room, kind="started").values_list("kind", flat=True)) == ["started"] * 3


def test_a_stop_and_an_end_at_once_are_one_end(place) -> None:
    for number in range(8):
        pen = place.begin()
        changes = [
            actions.stop(place.member, place.room, pen.job.message),
            actions.finish(pen.job, [pen.piece("the end")], actions.Outcome("complete")),
        ]
        writers = [log.Writer(lambda batch: None) for _ in range(2)]
        try:
            futures = [writers[(i + number) % 2].submit(changes[(i + number // 4) % 2]) for i in range(2)]
            errors = [future.exception(20) for future in futures]
        finally:
            for writer in writers:
                writer.close()
        assert all(error is None or isinstance(error, Fenced) for error in errors)
        assert Delta.objects.filter(message=pen.job.message, kind="closed").count() == 1
    assert log.verify(place.room) == []


# -- the queue ---------------------------------------------------------------------------------------------------------


def test_what_waits_is_what_nobody_writes(place) -> None:
    queued, pen, orphan = place.post(**BESIDE), place.begin(**BESIDE), place.begin(**BESIDE)
    done = place.answered("done", **BESIDE)
    lose_lease(orphan)
    assert (place.room, generation_of(queued.answer)) in lease.waiting()
    assert (place.room, orphan.job.generation) in lease.waiting()
    waiting = {id for _, id in lease.waiting()}
    assert not waiting & {pen.job.generation, generation_of(done.answer)}


def test_a_question_that_nobody_takes_expires(place, settings) -> None:
    old, fresh, pen = place.post(**BESIDE), place.post(**BESIDE), place.begin(**BESIDE)
    before = datetime.now(UTC) - timedelta(seconds=settings.CHATLAB_QUEUE_TTL + 1)
    Generation.objects.exclude(message=fresh.answer).update(queued_at=before)
    assert lease.expired() == [(place.room, generation_of(old.answer))]
    for answer in (old.answer, fresh.answer, pen.job.message):
        commit_now(actions.expire(place.room, generation_of(answer)))
    expired = row(old.answer)
    assert (expired.status, expired.failure_code) == ("failed", "expired")
    assert row(fresh.answer).status == "queued" and row(pen.job.message).status == "streaming"
    assert Pen.claim(place.room, old.answer) is None
    head = place.head
    commit_now(actions.expire(place.room, generation_of(old.answer)))
    assert place.head == head


# -- how a generation runs ---------------------------------------------------------------------------------------------


def test_an_answer_is_started_appended_and_closed(place) -> None:
    done = write(place, ["Because", " it is", ("reasoning", "Hm."), Ended("complete", usage={"input": 1, "output": 2})])
    kinds = list(Delta.objects.filter(message=done.message_id).order_by("seq").values_list("kind", flat=True))
    assert kinds[:2] == ["opened", "started"] and kinds[-1] == "closed" and set(kinds[2:-1]) == {"appended"}
    assert (done.status, done.usage, done.message.text) == ("complete", {"input": 1, "output": 2}, "Because it is")
    assert (done.message.reasoning, done.holder, done.lease_until) == ("Hm.", "", None)
    assert done.started_at and done.closed_at >= done.started_at and done.context_seq


def test_the_model_is_shown_the_conversation(place) -> None:
    place.answered("First answer.")
    receipt, provider = place.post("And then?"), ScriptedProvider([Ended("complete")])
    asyncio.run(generation.run(place.room, generation_of(receipt.answer), "worker", provider))
    assert [[turn[:2] for turn in request.turns] for request in provider.asked] == [
        [("user", "Why?"), ("assistant", "First answer."), ("user", "And then?")]
    ]


@pytest.mark.parametrize(
    ("script", "status", "code"),
    [
        ([], "interrupted", "upstream"),
        (["some", ProviderError("auth", "The key.", "sk-secret")], "failed", "auth"),
        (["some", Ended("failed", "filtered", "No.", "raw")], "failed", "filtered"),
        (["some", Ended("incomplete", "max_tokens", "Too long.")], "incomplete", "max_tokens"),
        (["some", Ended("complete", text="another")], "failed", "mismatch"),
        (["x" * 600, "y" * 600, "z"], "incomplete", "too_long"),
    ],
)
def test_every_end_has_its_status_and_keeps_the_text(place, settings, script, status, code) -> None:
    settings.CHATLAB_ANSWER_MAX = 1_000
    settings.CHATLAB_ATTEMPTS = 1
    done = write(place, script)
    assert (done.status, done.failure_code) == (status, code)
    assert done.message.text == "".join(step for step in script if isinstance(step, str))[:1_200]
    assert done.failure_detail.endswith(".")
    closed = json.loads(Delta.objects.get(message=done.message_id, kind="closed").payload)
    assert closed["failure"] == {"code": code, "detail": done.failure_detail}
    assert "sk-secret" not in json.dumps(log.snapshot(place.room)), "what the provider said is for staff"


def test_an_answer_has_its_time(place, settings) -> None:
    settings.CHATLAB_TOTAL_TIMEOUT = 0.1
    done = write(place, ["some", asyncio.Event().wait])
    assert (done.status, done.failure_code, done.message.text) == ("failed", "timeout", "some")


def test_what_comes_while_a_commit_runs_goes_with_the_next(place) -> None:
    """Five hundred deltas of the provider are few rows, in the order they came; none of them is empty."""
    done = write(place, [*(f"{number} " for number in range(500)), "", "", Ended("complete")])
    assert done.message.text == "".join(f"{number} " for number in range(500))
    payloads = Delta.objects.filter(message=done.message_id, kind="appended").values_list("payload", flat=True)
    assert len(payloads) < 20 and all(json.loads(payload)["text"] for payload in payloads)


def test_times_never_run_backwards(place) -> None:
    done = write(place, ["a", ("reasoning", "b"), lambda: asyncio.sleep(0), "c", "d", Ended("complete", text="acde")])
    times = list(Delta.objects.filter(message=done.message_id).order_by("seq").values_list("at", flat=True))
    assert times == sorted(times)


# -- who stops, and who goes -------------------------------------------------------------------------------------------


def has_text(answer: str) -> bool:
    return Delta.objects.filter(message=answer, kind="appended").exists()


class Interrupted:
    """A generation that is under way, to which something happens."""

    def __init__(self, place: Place, *more: object):
        self.place, self.go_on = place, asyncio.Event()
        self.provider = ScriptedProvider(["shown", self.go_on.wait, *more])
        self.answer = place.post().answer
        self.id = generation_of(self.answer)

    async def run(self, worker: Worker, happens) -> None:
        worker._provider = self.provider
        worker.start(self.place.room, self.id)
        await eventually(lambda: self.provider.asked)
        await eventually(lambda: database.read(has_text, self.answer))
        await happens(self, worker)
        await eventually(lambda: self.provider.closed, 2.0, "the upstream call is closed")
        await eventually(lambda: not worker._tasks)


async def stop(running: Interrupted, worker: Worker) -> None:
    await actions.commit(actions.stop(running.place.member, running.place.room, running.answer))


def test_a_worker_that_is_told_lets_go_at_once(place) -> None:
    async def happens(running: Interrupted, worker: Worker) -> None:
        await stop(running, worker)
        worker.release(running.id)

    running = Interrupted(place)
    asyncio.run(running.run(Worker(), happens))
    assert row(running.answer).status == "stopped" and row(running.answer).message.text == "shown"


def test_a_refused_append_closes_the_upstream_call(place) -> None:
    """No event told the worker: its own next text does."""

    async def happens(running: Interrupted, worker: Worker) -> None:
        await stop(running, worker)
        running.go_on.set()

    running = Interrupted(place, "too late", asyncio.Event().wait)
    asyncio.run(running.run(Worker(), happens))
    assert row(running.answer).message.text == "shown" and log.verify(place.room) == []


def test_a_silent_worker_hears_of_the_stop_when_it_renews(place, settings) -> None:
    settings.CHATLAB_LEASE_RENEW = 0.05
    running = Interrupted(place)
    asyncio.run(running.run(Worker(), stop))
    assert row(running.answer).status == "stopped"


def test_a_silent_provider_does_not_cost_the_lease(place, settings) -> None:
    settings.CHATLAB_LEASE, settings.CHATLAB_LEASE_RENEW = 5.0, 0.05

    async def happens(running: Interrupted, worker: Worker) -> None:
        first = (await database.read(row, running.answer)).lease_until
        await eventually(lambda: database.read(lambda: row(running.answer).lease_until > first))
        running.go_on.set()

    running = Interrupted(place, Ended("complete"))
    asyncio.run(asyncio.wait_for(running.run(Worker(), happens), 10))
    assert row(running.answer).status == "complete"


def test_a_process_that_ends_ends_its_answers(place) -> None:
    async def happens(running: Interrupted, worker: Worker) -> None:
        await worker.drain(0.05)

    running = Interrupted(place)
    asyncio.run(running.run(Worker(), happens))
    done = row(running.answer)
    assert (done.status, done.failure_code, done.message.text) == ("interrupted", "worker_lost", "shown")


def test_a_bug_in_a_provider_ends_its_task_only(place, caplog) -> None:
    """Its answer is left to the lease; the others of the worker do not notice."""

    caplog.set_level(logging.CRITICAL)
    bad, good = place.post(), place.post(**BESIDE)
    ids = {answer: generation_of(answer) for answer in (bad.answer, good.answer)}

    async def both() -> None:
        worker = Worker()
        for answer, script in ((bad.answer, [ValueError("a bug")]), (good.answer, ["fine", Ended("complete")])):
            worker._provider = ScriptedProvider(script)
            worker.start(place.room, ids[answer])
            await eventually(lambda: not worker._tasks)

    asyncio.run(both())
    assert row(good.answer).status == "complete"
    assert row(bad.answer).status in ("streaming", *TERMINAL)


# -- the cost of a long answer -----------------------------------------------------------------------------------------


def test_a_megabyte_is_not_written_again_with_every_commit(place, settings) -> None:
    """The text of the row is written every so often, ever less often; what lies behind it stays a part of the whole."""
    updates: list[int] = []

    def count(execute, sql, params, many, context):
        if sql.startswith("UPDATE") and "rooms_message" in sql and '"text" =' in sql:
            updates.append(max(len(param) for param in params if isinstance(param, str)))
        return execute(sql, params, many, context)

    commit_now(Change(None, lambda log: connection.execute_wrappers.append(count)))
    answer, tails = place.post().answer, []
    piece, pieces = "0123456789abcde\n" * 256, 255

    async def written() -> None:
        """Not before the last piece is in the log does the next one come: as many commits as there can be."""
        head, _ = await database.read(log.streaming, place.room)
        while head.seq <= seen[-1]:
            await asyncio.sleep(0)
            head, _ = await database.read(log.streaming, place.room)
        seen.append(head.seq)
        saved = await database.read(lambda: len(Message.objects.values_list("text", flat=True).get(pk=answer)))
        tails.append((len(seen) * len(piece), saved))

    seen = [place.head.seq + 1]
    script = [step for _ in range(pieces) for step in (piece, written)]
    asyncio.run(
        generation.run(place.room, generation_of(answer), "worker", ScriptedProvider([*script, Ended("complete")]))
    )
    done = row(answer)
    assert (done.status, len(done.message.text)) == ("complete", pieces * len(piece))
    assert Delta.objects.filter(message=answer, kind="appended").count() == pieces
    assert 10 <= len(updates) <= 45, f"the text was written {len(updates)} times"
    assert sum(updates) == len(done.message.text), "each character once"
    for length, saved in tails:
        assert length - saved <= max(settings.CHATLAB_CHECKPOINT, length // 8) + 3 * len(piece)
