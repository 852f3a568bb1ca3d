"""Background mode: a response goes on at the provider when its call is lost, and is read on from where the text stands.

Nothing comes twice and nothing is missing, wherever the call was cut and whoever reads on.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta

import pytest

from rooms import database, generation
from rooms.indexed import Indexed
from rooms.models import Generation
from rooms.text import clean
from rooms.worker import Worker

from . import asking
from .asking import Answer, Desk, provided
from .fakes import generation_of, in_thread, new_place
from .harness.upstream import Question, words
from .harness.waiting import eventually

GONE = "The model provider does not have this answer any more."


@pytest.fixture
def desk(upstream, alone, settings):
    with asking.configured(settings, upstream):
        settings.OPENAI_BACKGROUND = True
        yield Desk(upstream, new_place())


def row(answer: str) -> Generation:
    return Generation.objects.get(message=answer)


def calls(desk: Desk, answer: Answer) -> list[tuple[str, object]]:
    """What was asked about the last response of an answer: how, and after which event."""
    name = desk.requests(answer)[-1]["answer"]
    found = [("POST create", None)]
    for entry in asyncio.run(desk.upstream.requests()):
        if f"/{name}" in entry["path"]:
            how = "POST cancel" if entry["path"].endswith("/cancel") else entry["method"]
            found.append((how, entry["query"].get("starting_after")))
    return found


def test_a_response_is_created_to_outlive_its_call(desk) -> None:
    gate = Question().gate()

    async def go_on(answer: str, question: Question) -> None:
        await desk.upstream.open(gate)

    meanwhile = desk.until_shown("w0 w1 w2 ", go_on)
    answer = desk.ask({"text": words(3)}, {"gate": gate}, meanwhile=meanwhile)
    assert (answer.end, answer.text) == (("complete", ""), "w0 w1 w2 ")
    (request,) = desk.requests(answer)
    assert {name: request["body"][name] for name in ("background", "store", "stream")} == dict.fromkeys(
        ("background", "store", "stream"), True
    )
    assert answer.row.background and answer.row.response_id.startswith("resp_")
    assert answer.row.upstream_seq == 6, "the number of the last text: created, in progress, item, part, three deltas"


def test_without_background_mode_nothing_is_stored_at_the_provider(desk, settings) -> None:
    settings.OPENAI_BACKGROUND = False
    answer = desk.ask({"text": "a"})
    (request,) = desk.requests(answer)
    assert request["body"]["store"] is False and "background" not in request["body"]
    assert not answer.row.background and answer.row.response_id == ""


HALVES = ["so \ud83d", "\ude00 it", " goes"]


@pytest.mark.parametrize("accident", ["reset", "truncate"])
@pytest.mark.parametrize(
    ("before", "after"),
    [
        ([{"begin": True}], [{"text": words(6)}]),
        ([{"text": words(3)}], [{"text": words(3, 3)}]),
        ([{"text": words(6)}], [{"completed": {}}]),
        ([{"text": [HALVES[0]]}], [{"text": HALVES[1:]}]),
        ([{"text": [*HALVES, "\ud83d"]}], [{"text": ["\ude00"]}]),
        ([{"begin": True}, {"reasoning": ["Hm."]}], [{"text": words(6)}]),
    ],
    ids=["before text", "in the middle", "before the end", "inside a pair", "at a lone half", "after reasoning"],
)
def test_wherever_it_is_cut_it_goes_on_there(desk, accident, before, after) -> None:
    answer = desk.ask(*before, {accident: True}, *after)
    text = "".join(piece for step in [*before, *after] for piece in step.get("text", []))
    assert (answer.end, answer.text) == (("complete", ""), clean(text))
    assert answer.reasoning == ("Hm." if "reasoning" in before[-1] else "")
    (created, resumed) = calls(desk, answer)
    assert created == ("POST create", None) and resumed[0] == "GET" and answer.row.attempts == 1


def test_a_cut_inside_an_event_asks_for_that_event_again(desk) -> None:
    """The bytes of its first half have come; the number is that of the event before."""
    event = {"type": "response.output_text.delta", "delta": "second ", "sequence_number": 5}
    half = {"raw": "data: " + json.dumps(event)[:40]}
    answer = desk.ask({"text": ["first "]}, half, {"reset": True}, {"text": ["second ", "third"]})
    assert (answer.end, answer.text) == (("complete", ""), "first second third")
    assert calls(desk, answer)[1] == ("GET", "4")


@pytest.mark.parametrize("cut", range(5))
def test_the_border_between_two_messages_comes_once_wherever_it_is_cut(desk, cut) -> None:
    """The final text has it, too. The event that opens the second message tells of it, or the number of its first."""
    added = {"type": "response.output_item.added", "output_index": 1, "item": {"type": "message", "content": []}}
    second = {"type": "response.output_text.delta", "output_index": 1, "item_id": "second"}
    steps = [{"text": "One"}, {"text": "."}, {"event": added}]
    steps += [{"event": {**second, "delta": text}} for text in ("Two", ".")]
    output = [{"type": "message", "content": [{"type": "output_text", "text": text}]} for text in ("One.", "Two.")]
    end = {"completed": {"response": {"output": output}}}
    answer = desk.ask(*steps[: cut + 1], {"reset": True}, *steps[cut + 1 :], end)
    assert (answer.end, answer.text) == (("complete", ""), "One.\n\nTwo.")
    assert len(calls(desk, answer)) == 2


def test_an_end_without_an_end_is_a_cut(desk) -> None:
    """A proxy that has had enough ends the stream as if all were said, in the middle of an event."""
    answer = desk.ask({"text": ["first "]}, {"raw": 'data: {"type": "respon'}, {"finish": True}, {"text": "second"})
    assert (answer.end, answer.text) == (("complete", ""), "first second")
    assert calls(desk, answer)[1] == ("GET", "4")


def test_before_the_response_has_a_name_it_is_asked_for_anew(desk) -> None:
    answer = desk.ask(question=Question(scripts=[[{"headers": {}}, {"reset": True}], [{"text": "second"}]]))
    assert (answer.end, answer.text, answer.row.attempts) == (("complete", ""), "second", 2)


def test_it_is_cut_again_and_again(desk) -> None:
    """As often as it takes, as long as each call brings something."""
    steps = [step for number in range(12) for step in ({"text": words(2, 2 * number)}, {"reset": True})]
    answer = desk.ask(*steps, {"text": "end"})
    assert (answer.end, answer.text) == (("complete", ""), "".join(words(24)) + "end")
    assert [after for _, after in calls(desk, answer)[1:]] == [str(5 + 2 * number) for number in range(12)]
    assert answer.row.attempts == 1


@pytest.mark.parametrize(
    ("steps", "detail"),
    [
        ([{"refuse": 503}, {"reset": True}], "The model provider failed (503)."),
        ([{"eof": True}], "The model provider's stream ended without an end."),
    ],
)
def test_calls_that_bring_nothing_are_counted(desk, settings, steps, detail) -> None:
    settings.CHATLAB_RESUMES = 3
    answer = desk.ask({"text": "some "}, *steps)
    assert (answer.end, answer.text, answer.detail) == (("interrupted", "upstream"), "some ", detail)
    assert calls(desk, answer) == [("POST create", None), *[("GET", "4")] * 3, ("POST cancel", None)]


def test_a_silence_is_a_cut(desk, settings) -> None:
    settings.CHATLAB_SILENCE_TIMEOUT = 0.2
    gate = Question().gate()

    async def open_when_resumed(answer: str, question: Question) -> None:
        async def resumed() -> bool:
            name = (await database.read(row, answer)).response_id
            return any(name in entry["path"] for entry in await desk.upstream.requests())

        await eventually(resumed)
        await desk.upstream.open(gate)

    meanwhile = desk.until_shown("some ", open_when_resumed)
    answer = desk.ask({"text": "some "}, {"gate": gate}, {"text": "more"}, meanwhile=meanwhile)
    assert (answer.end, answer.text) == (("complete", ""), "some more")


@pytest.mark.parametrize(("text", "end"), [("some ", "interrupted"), ("", "interrupted")])
def test_a_response_that_is_gone_cannot_be_resumed(desk, text, end) -> None:
    """About ten minutes after its end, or never stored at all."""
    steps = [{"text": text}] if text else [{"begin": True}]
    answer = desk.ask(*steps, {"refuse": 404}, {"reset": True})
    assert (answer.end, answer.text, answer.detail) == ((end, "upstream"), text, GONE)
    assert "not found" in answer.error and answer.row.attempts == 1


def test_a_provider_that_refuses_to_resume_has_its_reason_shown(desk) -> None:
    answer = desk.ask({"text": "some "}, {"refuse": 401}, {"reset": True})
    assert (answer.end, answer.text) == (("failed", "auth"), "some ")


def test_a_provider_that_is_busy_is_asked_again(desk) -> None:
    answer = desk.ask({"text": "some "}, {"refuse": 503, "times": 2}, {"reset": True}, {"text": "more"})
    assert (answer.end, answer.text) == (("complete", ""), "some more")
    assert len(calls(desk, answer)) == 4


def test_a_server_that_replays_everything_is_heard_from_the_place_on(desk) -> None:
    answer = desk.ask({"replays": True}, {"text": words(3)}, {"reset": True}, {"text": words(3, 3)})
    assert (answer.end, answer.text) == (("complete", ""), "".join(words(6)))


def test_a_hole_is_filled_by_resuming(desk) -> None:
    """An event got lost on its way; the provider has it."""
    answer = desk.ask({"text": ["a"]}, {"lost": True, "text": ["b"]}, {"text": ["c", "d"]})
    assert (answer.end, answer.text) == (("complete", ""), "abcd")
    assert calls(desk, answer)[1] == ("GET", "4")


def test_a_keepalive_costs_no_place(desk) -> None:
    """Here it has the number of the event that follows."""
    alive = {"event": {"type": "keepalive", "sequence_number": 5}}
    answer = desk.ask({"text": "a"}, alive, {"text": "b"}, {"reset": True}, {"text": "c"})
    assert (answer.end, answer.text) == (("complete", ""), "abc")
    assert calls(desk, answer)[1] == ("GET", "5")


def test_a_hole_that_the_provider_has_itself_is_none(desk) -> None:
    answer = desk.ask({"text": ["a"]}, {"skip": 7}, {"text": ["b", "c"]})
    assert (answer.end, answer.text) == (("complete", ""), "abc")
    assert len(calls(desk, answer)) == 2


@pytest.mark.parametrize("number", [None, 0, 2**63])
def test_a_server_that_does_not_count_is_not_resumed(desk, number) -> None:
    """Where nobody knows which events the text contains, reading on would say it twice."""

    def sent(kind: str, **fields: object) -> dict:
        event = {"type": kind, **fields} | ({} if number is None else {"sequence_number": number})
        if number is None:
            return {"raw": f"data: {json.dumps(event)}\n\n"}
        return {"event": event}

    deltas = [sent("response.output_text.delta", delta=text) for text in ("a", "a", "b")]
    answer = desk.ask({"begin": True}, *deltas, {"reset": True})
    assert (answer.end, answer.text) == (("interrupted", "upstream"), "aab")
    assert answer.row.upstream_seq is None
    again = claimed_again(desk, answer)
    assert (again.end, again.text) == (answer.end, "aab")


@pytest.mark.parametrize("name", ["", None, 7, "a" * 201, "a\0b", "../../files", "\ud800", "a b"])
def test_a_name_that_is_no_name_does_not_hurt(desk, name) -> None:
    created = {"event": {"type": "response.created", "response": {"id": name}}}
    answer = desk.ask(created, {"event": {"type": "response.output_text.delta", "delta": "a"}}, {"reset": True})
    assert (answer.text, answer.row.status) == ("a", "interrupted")
    paths = [entry["path"] for entry in asyncio.run(desk.upstream.requests())]
    assert all(path.startswith(("/v1/responses", "/v1/chat/")) for path in paths)


# -- another worker reads on -------------------------------------------------------------------------------------------


def lose_its_worker(desk: Desk, answer: str) -> None:
    """As if the process had died a while ago."""
    long_ago = datetime.now(UTC) - timedelta(hours=1)
    Generation.objects.filter(message=answer).update(lease_until=long_ago, holder="the dead")


def claimed_again(desk: Desk, answer: Answer) -> Answer:
    """As if it had not ended: its worker has died."""
    Indexed.objects.filter(message=answer.row.message_id).delete()
    Generation.objects.filter(message=answer.row.message_id).update(
        status="streaming", lease_until=datetime.now(UTC) - timedelta(hours=1)
    )
    asyncio.run(desk._write(answer.row.message_id, answer.question, None, nullcontext))
    return Answer(answer.question, Generation.objects.select_related("message").get(pk=answer.row.pk))


@pytest.mark.parametrize(
    ("first", "rest", "after"),
    [
        (words(3), words(3, 3), "6"),
        (["so ", "\ud83d"], ["\ude00 it", " goes"], "4"),
        (["so ", "it \ud83d"], ["\ude00 goes"], "4"),
    ],
    ids=["in the middle", "inside a pair", "inside a pair, after text of the same event"],
)
def test_another_worker_goes_on_where_the_text_stands(desk, first, rest, after) -> None:
    """The worker is gone without a word, its connection with it; the place lies with the text, in one transaction."""
    gate = Question().gate()
    question = Question({"text": first}, {"gate": gate}, {"text": rest})
    answer = desk.place.post(question).answer
    seen = "".join(first) if after == "6" else "so "

    async def dies() -> None:
        async with provided() as provider:
            id = await database.read(generation_of, answer)
            running = asyncio.create_task(generation.run(desk.place.room, id, "dies", provider))
            while await database.read(asking.shown, desk.place.room, answer) != seen:
                await asyncio.sleep(0.005)
            await eventually(lambda: sent(4 + len(first)))
            running.cancel()
            await asyncio.wait([running])

    async def sent(count: int) -> bool:
        """The place is recorded, as far as it can be."""
        return (await database.read(row, answer)).upstream_seq == int(after)

    asyncio.run(dies())
    lose_its_worker(desk, answer)
    asyncio.run(desk.upstream.open(gate))
    found = desk.write(answer, question)
    assert (found.end, found.text) == (("complete", ""), clean("".join([*first, *rest])))
    assert calls(desk, found) == [("POST create", None), ("GET", after)]


# -- stopping ----------------------------------------------------------------------------------------------------------


def test_a_stop_cancels_it_at_the_provider(desk) -> None:
    async def run() -> None:
        worker = Worker()
        tidying = asyncio.create_task(worker.tidy())
        await asyncio.sleep(0)
        async with provided() as provider:
            worker._provider = provider
            id = await database.read(generation_of, answer)
            worker.start(desk.place.room, id)
            while await database.read(asking.shown, desk.place.room, answer) != "shown":
                await asyncio.sleep(0.005)
            name = await in_thread(desk.stop, answer)
            worker.release(id)
            worker.cancel_upstream(name)
            await eventually(cancelled)
            await eventually(lambda: not worker.busy)
        tidying.cancel()
        await asyncio.wait([tidying])

    async def cancelled() -> bool:
        name = (await database.read(row, answer)).response_id
        return any(entry["path"].endswith(f"/{name}/cancel") for entry in await desk.upstream.requests())

    question = Question({"text": "shown"}, {"wait": "forever"})
    answer = desk.place.post(question).answer
    asyncio.run(run())
    assert Generation.objects.get(message=answer).status == "stopped"


@pytest.mark.parametrize("steps", [[{"text": "x" * 2_000}, {"wait": "forever"}], [{"text": "a"}, {"wait": "forever"}]])
def test_what_is_not_wanted_any_more_is_cancelled(desk, settings, steps) -> None:
    """It would go on, and be paid for."""
    settings.CHATLAB_ANSWER_MAX, settings.CHATLAB_TOTAL_TIMEOUT = 1_000, 0.5
    answer = desk.ask(*steps)
    assert answer.row.status in ("incomplete", "failed")
    assert calls(desk, answer)[-1] == ("POST cancel", None)


def test_a_cancelled_response_is_not_read(desk, upstream, caplog) -> None:
    """The provider answers with all of it, which may be long; and it has ended."""
    answer = desk.ask({"text": "x" * 100_000})

    async def run() -> None:
        async with provided() as provider:
            await provider.cancel(name)

    name = desk.requests(answer)[0]["answer"]
    caplog.clear()
    asyncio.run(run())
    assert "could not be cancelled" not in caplog.text
    assert calls(desk, answer)[-1] == ("POST cancel", None)


def test_what_is_complete_is_not_cancelled(desk) -> None:
    assert calls(desk, desk.ask({"text": "a"})) == [("POST create", None)]


def test_a_response_that_cannot_be_cancelled_is_let_go(desk, upstream, settings, caplog) -> None:
    """Whatever the provider says to it: nothing is raised, and nothing of it is an alarm."""

    async def run() -> None:
        async with provided() as provider:
            for name in ("resp_unknown", "", "../responses", "a\0b"):
                await provider.cancel(name)
        settings.OPENAI_BASE_URL = "http://127.0.0.1:1/v1"
        async with provided() as provider:
            await provider.cancel("resp_unknown")

    asyncio.run(run())
    assert {record.levelname for record in caplog.records if record.name.startswith("rooms")} == {"INFO"}
