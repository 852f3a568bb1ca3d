"""Leases and fences with real processes: a worker dies, freezes, is told to go, and another takes its answer over."""

from __future__ import annotations

import asyncio
import time

import pytest

from .harness.stage import Stage
from .harness.upstream import Question, UpstreamProcess, words
from .harness.waiting import eventually
from .stages import *  # noqa: F403

BACKGROUND = {"OPENAI_BACKGROUND": "1"}
HOURS = {"CHATLAB_LEASE": "3600"}  # whoever goes on before that was handed the answer, or had a clock of its own

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.parametrize("shared_stage", ["sqlite", "postgres"], indirect=True),
]


def halted(*counts: int) -> tuple[Question, list[str], str]:
    """A question whose answer stops at a gate between each two runs of words; the gates, and all of its text."""
    base, steps, gates = Question().name, [], []
    for place, count in enumerate(counts):
        if place:
            gates.append(f"{base}-{place}")
            steps.append({"gate": gates[-1]})
        steps.append({"text": words(count, sum(counts[:place]))})
    return Question(*steps), gates, "".join(words(sum(counts)))


async def begun(stage: Stage, visitor, tab, question: Question, shown: int | str) -> tuple:
    """A room where a question is asked and the first words of its answer are shown: (room, tab, answer)."""
    first = "".join(words(shown)) if isinstance(shown, int) else shown
    alice = visitor(stage.server)
    room = await alice.create_room()
    here = await tab(alice, room)
    answer = await here.post(question)
    await here.until(lambda: here.text(answer) == first, 15, "the answer begins")
    return room, here, answer


async def resumed(upstream: UpstreamProcess, stage: Stage, answer: str) -> list[dict]:
    """The calls that went on with the provider's response of an answer."""
    response = stage.generation(answer, "response_id")
    assert response
    return [entry for entry in await upstream.requests() if entry["path"] == f"/v1/responses/{response}"]


async def whole(stage: Stage, room: str, here, answer: str, text: str) -> None:
    """The answer is complete, and the same to the tab, the row and the deltas."""
    message = await here.finished(answer, 15)
    assert (message["status"], message["text"]) == ("complete", text)
    assert stage.database.text(answer) == text
    stage.database.check_room(room)


# -- A8: kill -9 in mid-answer -----------------------------------------------------------------------------------------


async def test_a8_another_worker_goes_on_with_the_sentence(upstream, stage, visitor, tab):
    """Background mode: the response is resumed exactly behind the last event whose text is in the log."""
    await stage.workers_of(BACKGROUND, BACKGROUND)
    question, (gate,), text = halted(30, 30)
    room, here, answer = await begun(stage, visitor, tab, question, 30)
    (await stage.holder(answer)).kill()
    await upstream.open(gate)
    await here.until(lambda: here.text(answer) == text, 10, "the sentence goes on")
    await whole(stage, room, here, answer, text)
    (call,) = await resumed(upstream, stage, answer)
    assert int(call["query"]["starting_after"]) > 0
    assert len(await upstream.requests(question)) == 1, "the provider was asked twice"
    assert stage.generation(answer, "attempts") == 1


async def test_a8_half_a_character_in_the_last_event_is_neither_lost_nor_doubled(upstream, stage, visitor, tab):
    """An event whose text ends inside a character is needed again, but not what it said before that."""
    await stage.workers_of(BACKGROUND, BACKGROUND)
    gate = Question().gate()
    question = Question({"text": [*words(3), "and \ud83d"]}, {"gate": gate}, {"text": ["\ude00 so on"]})
    room, here, answer = await begun(stage, visitor, tab, question, "")
    await here.until(lambda: here.text(answer).startswith("".join(words(3))))
    (await stage.holder(answer)).kill()
    await upstream.open(gate)
    await whole(stage, room, here, answer, "".join(words(3)) + "and 😀 so on")


async def test_a8_what_cannot_be_resumed_ends_interrupted_with_all_its_text(upstream, stage, visitor, tab):
    await stage.workers_of({}, {})
    question, _, _ = halted(30, 30)
    room, here, answer = await begun(stage, visitor, tab, question, 30)
    (await stage.holder(answer)).kill()
    message = await here.finished(answer, 15)
    assert (message["status"], message["text"]) == ("interrupted", "".join(words(30)))
    assert message["failure"]["code"] == "worker_lost"
    assert len(await upstream.requests(question)) == 1, "asking again would have doubled the text"
    stage.database.check_room(room)


async def test_a8_what_has_no_text_yet_is_begun_again(upstream, stage, visitor, tab):
    """Nothing was shown, so nothing can be doubled; the second request is counted before it is made."""
    await stage.workers_of({}, {})
    question = Question(scripts=[[{"begin": True}, {"wait": "forever"}], [{"text": words(10)}]])
    room, here, answer = await begun(stage, visitor, tab, question, 0)
    await eventually(lambda: upstream.requests(question), 30, "the provider was asked")
    (await stage.holder(answer)).kill()
    await whole(stage, room, here, answer, "".join(words(10)))
    assert stage.generation(answer, "attempts") == len(await upstream.requests(question)) == 2


# -- A11: the zombie ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["background", "plain"])
async def test_a11_a_worker_that_wakes_up_after_a_take_over_writes_nothing(upstream, stage, visitor, tab, mode):
    """It has the provider's next words in its hands when it wakes up, and it may not write them."""
    settings = BACKGROUND if mode == "background" else {}
    zombie = await stage.worker(**settings)
    question, (first, second), text = halted(30, 30, 30)
    room, here, answer = await begun(stage, visitor, tab, question, 30)
    await stage.freeze(zombie)
    await stage.worker(**settings)
    await eventually(lambda: stage.generation(answer, "fence") > 1, 15, "the answer is taken over")
    await upstream.open(first)
    if mode == "background":
        await here.until(lambda: here.text(answer) == "".join(words(60)), 10)
    else:
        assert (await here.finished(answer))["status"] == "interrupted"
    head = stage.database.rows("SELECT head FROM rooms_room WHERE id = ?", room)
    zombie.thaw()
    woke = time.monotonic()
    closed_at = (await upstream.closed(question))["closed_at"]
    assert closed_at is not None and closed_at - woke < 5, "the zombie held on to the provider (promised: 2 s)"
    assert stage.database.rows("SELECT head FROM rooms_room WHERE id = ?", room) == head
    await upstream.open(second)
    if mode == "background":
        await whole(stage, room, here, answer, text)
    assert zombie.running, "it is a worker like any other again"
    stage.database.check_room(room)


async def test_a_worker_whose_clock_is_ahead_takes_nothing_from_others(upstream, stage, visitor, tab):
    """Leases are compared in the database's time and in no worker's."""
    holder = await stage.worker(**HOURS)
    question, (gate,), text = halted(30, 30)
    room, here, answer = await begun(stage, visitor, tab, question, 30)
    await stage.freeze(holder)
    await stage.worker(accident="has_another_clock:7200")
    await here.finished(await here.post(Question({"text": "It is there, and takes what is to be had."}), parent=None))
    with pytest.raises(AssertionError):
        await eventually(lambda: stage.generation(answer, "fence") > 1, 1.5)
    holder.thaw()
    await upstream.open(gate)
    await whole(stage, room, here, answer, text)
    assert stage.generation(answer, "fence") == 2, "one claim and one end"


# -- A13: SIGTERM ------------------------------------------------------------------------------------------------------


async def test_a13_a_worker_that_is_told_to_go_finishes_what_it_writes(upstream, stage, visitor, tab):
    leaving = await stage.worker()
    question, (gate,), text = halted(30, 30)
    room, here, answer = await begun(stage, visitor, tab, question, 30)
    leaving.terminate_soon()
    await eventually(lambda: "drains" in leaving.log())
    await upstream.open(gate)
    await whole(stage, room, here, answer, text)
    await leaving.died()
    assert leaving.popen.returncode == 0


async def test_a13_a_worker_that_must_go_hands_its_answer_over(upstream, stage, visitor, tab):
    """Nobody waits for its lease, which would last for an hour."""
    leaving = await stage.worker(CHATLAB_DRAIN="0.2", **BACKGROUND, **HOURS)
    question, (gate,), text = halted(30, 30)
    room, here, answer = await begun(stage, visitor, tab, question, 30)
    await stage.worker(**BACKGROUND)
    leaving.terminate_soon()
    await leaving.died()
    assert leaving.popen.returncode == 0
    await upstream.open(gate)
    await here.until(lambda: here.text(answer) == text, 10, "another worker goes on at once")
    await whole(stage, room, here, answer, text)
    assert len(await upstream.requests(question)) == 1


async def test_a13_what_cannot_be_handed_over_ends_at_once(upstream, stage, visitor, tab):
    leaving = await stage.worker(CHATLAB_DRAIN="0.2", **HOURS)
    question, _, _ = halted(30, 30)
    room, here, answer = await begun(stage, visitor, tab, question, 30)
    leaving.terminate_soon()
    message = await here.finished(answer, 10)
    assert (message["status"], message["text"]) == ("interrupted", "".join(words(30)))
    await leaving.died()
    assert leaving.popen.returncode == 0
    stage.database.check_room(room)


# -- A16: two at once --------------------------------------------------------------------------------------------------


async def test_a16_of_two_workers_that_claim_at_once_one_wins(upstream, stage, tmp_path, visitor, tab):
    """Both wait in front of the same twenty questions, and start at the same moment."""
    number, start = 20, tmp_path / "start"
    settings = {"accident": f"holds_its_claims:{start}", "CHATLAB_ROOM_ANSWERS": "100"}
    await stage.workers_of(settings, settings)
    alice = visitor(stage.server)
    room = await alice.create_room()
    here = await tab(alice, room)
    questions = [Question({"text": words(3)}) for _ in range(number)]
    answers = [await here.post(question, parent=None) for question in questions]
    waiting = tmp_path / "start.waiting"
    await eventually(lambda: waiting.exists() and waiting.stat().st_size >= 2 * number, 15, "both wait for all")
    start.touch()
    for answer in answers:
        assert (await here.finished(answer, 30))["text"] == "".join(words(3))
    kinds = [kind for _, kind, *_ in stage.database.log(room)]
    assert kinds.count("started") == kinds.count("closed") == number
    asked = await asyncio.gather(*(upstream.requests(question) for question in questions))
    assert [len(requests) for requests in asked] == [1] * number
    assert [stage.generation(answer, "fence") for answer in answers] == [2] * number, "one claim and one end each"
    stage.database.check_room(room)
