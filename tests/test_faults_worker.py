"""Faults of workers at the moments between two steps: before a claim, between commit and publish, before the end.

What dies, freezes or is told to go in mid-answer is in test_takeover.py, what is stopped in test_stop.py.
"""

from __future__ import annotations

import contextlib

import pytest

from .harness.stage import Stage
from .harness.tab import Tab
from .harness.upstream import Question, words
from .harness.waiting import eventually
from .harness.worker import WorkerProcess
from .stages import *  # noqa: F403

BACKGROUND = {"OPENAI_BACKGROUND": "1"}
POLL = 5.0  # seconds: promised are 2, in which a worker that heard of nothing has found a question

pytestmark = pytest.mark.e2e
on_both = pytest.mark.parametrize("shared_stage", ["sqlite", "postgres"], indirect=True)
on_postgres = pytest.mark.parametrize("shared_stage", ["postgres"], indirect=True)
on_sqlite = pytest.mark.parametrize("shared_stage", ["sqlite"], indirect=True)
without_events = pytest.mark.parametrize("shared_stage", ["no events"], indirect=True)


@pytest.fixture
async def here(stage: Stage, visitor, tab) -> Tab:
    alice = visitor(stage.server)
    return await tab(alice, await alice.create_room())


@without_events
async def test_a7_a_worker_dies_before_its_claim_and_another_finds_the_question(upstream, stage, here):
    """No event says so: the row does."""
    rescuer = await stage.worker()
    await here.finished(await here.post(Question({"text": "Somebody is awake."})))
    await stage.freeze(rescuer)
    dying = await stage.worker("dies_before_it_claims")
    answer = await here.post(Question({"text": words(10)}))
    await dying.died()
    assert stage.generation(answer, "fence") == 0
    rescuer.thaw()
    await eventually(lambda: stage.database.status(answer) != "queued", POLL, "another worker claims it")
    assert (await here.finished(answer))["text"] == "".join(words(10))
    stage.database.check_room(here.room)


@on_both
async def test_a9_a_worker_dies_between_commit_and_publish(upstream, stage, here):
    """Nobody was told of the text, and every reader has it soon; whoever takes over begins exactly behind it."""
    dying = await stage.worker("dies_before_it_publishes:w30 ", **BACKGROUND)
    gate = Question().gate()
    question = Question({"text": words(30)}, {"gate": gate}, {"text": words(10, 30)}, {"text": words(20, 40)})
    answer = await here.post(question)
    await here.until(lambda: here.text(answer) == "".join(words(30)), 15)
    await upstream.open(gate)
    await dying.died()
    committed = "".join(stage.database.appended(answer))
    assert "w30 " in committed, "it died before its commit"
    await here.until(lambda: here.text(answer) == committed, 10, "readers catch up by the log")
    await stage.worker(**BACKGROUND)
    message = await here.finished(answer)
    assert (message["status"], message["text"]) == ("complete", "".join(words(60)))
    assert len(await upstream.requests(question)) == 1
    stage.database.check_room(here.room)


@on_both
async def test_what_is_not_committed_is_not_shown(upstream, stage, here):
    """A worker dies with its rows written and its transaction open: no tab has seen a word of them."""
    dying = await stage.worker("dies_before_it_commits:w30 ", **BACKGROUND)
    gate = Question().gate()
    question = Question({"text": words(30)}, {"gate": gate}, {"text": words(30, 30)})
    answer = await here.post(question)
    await here.until(lambda: here.text(answer) == "".join(words(30)), 15)
    await upstream.open(gate)
    await dying.died()
    assert "".join(stage.database.appended(answer)) == here.text(answer) == "".join(words(30))
    shown = [item["text"] for frame in here.received("deltas") for item in frame["items"] if item["kind"] == "appended"]
    assert "".join(shown) == "".join(words(30)), "something was shown, and taken back"
    await stage.worker(**BACKGROUND)
    assert (await here.finished(answer))["text"] == "".join(words(60))
    stage.database.check_room(here.room)


@on_both
@pytest.mark.parametrize("mode", ["background", "plain"])
async def test_a10_a_worker_dies_between_the_provider_s_end_and_its_own(upstream, stage, here, mode):
    """One end, and no second request: in background mode the provider says again that it is over."""
    settings = BACKGROUND if mode == "background" else {}
    dying = await stage.worker("dies_before_it_ends_an_answer", **settings)
    question = Question({"text": words(20), "rate": 200})
    answer = await here.post(question)
    await dying.died(15)
    assert stage.database.status(answer) == "streaming"
    await stage.worker(**settings)
    message = await here.finished(answer)
    if mode == "background":
        assert (message["status"], message["text"]) == ("complete", "".join(words(20)))
    else:
        assert message["status"] == "interrupted" and "".join(words(20)).startswith(message["text"])
    assert len(await upstream.requests(question)) == stage.generation(answer, "attempts") == 1
    stage.database.check_room(here.room)


@on_postgres
async def test_a12_a_worker_that_was_frozen_in_its_transaction_writes_it_again(upstream, stage, here):
    """The database has ended the transaction, the lease still holds: nothing is lost, nothing comes twice."""
    frozen = await stage.worker("freezes_in_a_transaction:w19 ", CHATLAB_LEASE="60")
    gate = Question().gate()
    answer = await here.post(Question({"text": words(10)}, {"gate": gate}, {"text": words(20, 10)}))
    await here.until(lambda: here.text(answer) == "".join(words(10)), 15)
    await upstream.open(gate)
    await eventually(frozen.is_frozen, 10)
    await eventually(lambda: not stage.locked(), 10, "the database ends the transaction")
    frozen.thaw()
    message = await here.finished(answer)
    assert (message["status"], message["text"]) == ("complete", "".join(words(30)))
    stage.database.check_room(here.room)


async def test_a14_no_worker_at_all(upstream, own_server, visitor, tab):
    """Everybody sees that it waits, and then that it is over: `expired`, without anybody to say so but the server."""
    server = own_server(CHATLAB_WORKER="external", CHATLAB_QUEUE_TTL="3", CHATLAB_QUEUE_POLL="0.2")
    alice = visitor(server)
    here = await tab(alice, await alice.create_room())
    answer = await here.post("Is anybody there?")
    assert here.status(answer) == "queued"
    message = await here.finished(answer, 15)
    assert (message["status"], message["failure"]["code"]) == ("failed", "expired")
    server.database.check_room(here.room)


async def test_a14_the_last_worker_dies_and_no_other_comes(upstream, own_server, visitor, tab, tmp_path):
    server = own_server(CHATLAB_WORKER="external", CHATLAB_ORPHAN_TTL="1", CHATLAB_QUEUE_POLL="0.2")
    alice = visitor(server)
    here = await tab(alice, await alice.create_room())
    last = WorkerProcess(server, tmp_path / "worker.log", CHATLAB_LEASE="1", CHATLAB_LEASE_RENEW="0.3")
    last.start()
    await last.ready()
    answer = await here.post(Question({"text": words(10)}, {"wait": "forever"}))
    await here.until(lambda: here.text(answer) == "".join(words(10)), 15)
    last.kill()
    message = await here.finished(answer, 15)
    assert (message["status"], message["text"]) == ("interrupted", "".join(words(10)))
    server.database.check_room(here.room)


@on_sqlite
async def test_a15_a_worker_whose_listener_fails_works_on(upstream, stage, here):
    """It finds questions in the database; and it listens again."""
    deaf = await stage.worker("hears_nothing:1000000")
    answer = await here.post(Question({"text": words(5)}))
    assert (await here.finished(answer))["text"] == "".join(words(5))
    await eventually(lambda: "worker-events failed, and starts again" in deaf.log(), 10)
    assert deaf.running
    deaf.kill()

    hears = await stage.worker("hears_nothing:1", CHATLAB_QUEUE_POLL="3600")
    await eventually(lambda: "worker-events failed, and starts again" in hears.log(), 10)

    async def hears_of_it() -> bool:
        """What is said before it listens again is lost, so it is asked more than once."""
        asked = await here.post(Question({"text": words(5)}), parent=None)
        with contextlib.suppress(AssertionError):
            return bool(await here.finished(asked, 1))
        return False

    await eventually(hears_of_it, 15, "an event reaches the worker again")
