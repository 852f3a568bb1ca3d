"""Asking again, going on from what was cut short, and several answers at once: over the wire, to the provider."""

from __future__ import annotations

import pytest

from .harness.tab import Refused
from .harness.upstream import Question, words
from .harness.waiting import eventually

pytestmark = pytest.mark.e2e


async def stopped_in_the_middle(here, question: Question) -> str:
    answer = await here.post(question)
    await here.until(lambda: here.text(answer) == "".join(words(20)), 15)
    await here.send({"type": "stop", "message": answer})
    await here.until(lambda: here.status(answer) == "stopped")
    return answer


async def test_retry_is_another_answer_beside_the_old_one(upstream, server, alice, bob, room, tab):
    """Bob asks again what Alice asked: same parent, another text, and the old answer is what it was."""
    question = Question(scripts=[[{"text": words(20)}, {"wait": "forever"}], [{"text": words(30, 100)}]])
    here, there = await tab(alice, room), await tab(bob, room)
    old = await stopped_in_the_middle(here, question)
    before = here.message(old)
    new = (await there.command({"type": "retry", "message": old}))["message"]
    for tab_ in (here, there):
        message = await tab_.finished(new)
        assert (message["status"], message["text"]) == ("complete", "".join(words(30, 100)))
        assert message["parent"] == tab_.message(old)["parent"] and message["id"] != old
    (asker,) = (who for who, member in here.state["members"].items() if member["name"] == "Bob")
    shown = (await alice.snapshot(room))["messages"]
    for messages in (here.state["messages"], shown):
        assert {m["id"]: m.get("asker") for m in messages if m["role"] == "assistant"} == {old: None, new: asker}
    assert here.message(old) == before and server.database.text(old) == "".join(words(20))
    asked = [entry["body"]["input"] for entry in await upstream.requests(question)]
    assert asked[0] == asked[1], "the new answer is not told of the old one"
    server.database.check_room(room)


async def test_continue_goes_on_from_the_text_and_the_provider_is_given_it(upstream, server, alice, bob, room, tab):
    question = Question(scripts=[[{"text": words(20)}, {"wait": "forever"}], [{"text": words(20, 20)}]])
    here, there = await tab(alice, room), await tab(bob, room)
    old = await stopped_in_the_middle(here, question)
    new = (await there.command({"type": "continue", "message": old}))["message"]
    for tab_ in (here, there):
        message = await tab_.finished(new)
        assert (message["status"], message["text"]) == ("complete", "".join(words(40)))
        assert message["parent"] == tab_.message(old)["parent"]
    assert server.database.text(old) == "".join(words(20)), "the old answer stays as it was"
    first, second = [entry["body"]["input"] for entry in await upstream.requests(question)]
    assert second[: len(first)] == first
    assert second[len(first)] == {"role": "assistant", "content": "".join(words(20))}
    assert server.database.appended(new)[0] == "".join(words(20)), "what it begins with is in its own deltas"
    server.database.check_room(room)


async def test_what_is_continued_twice_has_all_of_it(upstream, server, alice, room, tab):
    """The third begins with the text of the second, which begins with that of the first."""
    scripts = [[{"text": words(20)}, {"wait": "forever"}], [{"text": words(20, 20)}, {"eof": True}]]
    question = Question(scripts=[*scripts, [{"text": words(20, 40)}]])
    here = await tab(alice, room)
    first = await stopped_in_the_middle(here, question)
    second = (await here.command({"type": "continue", "message": first}))["message"]
    assert (await here.finished(second))["status"] == "interrupted"
    third = (await here.command({"type": "continue", "message": second}))["message"]
    assert (await here.finished(third))["text"] == "".join(words(60))
    server.database.check_room(room)


async def test_what_is_being_written_is_neither_retried_nor_continued(upstream, server, alice, room, tab):
    gate = Question().gate()
    here = await tab(alice, room)
    answer = await here.post(Question({"text": words(5)}, {"gate": gate}))
    await here.until(lambda: here.text(answer) == "".join(words(5)))
    for kind in ("retry", "continue"):
        with pytest.raises(Refused) as refused:
            await here.command({"type": kind, "message": answer})
        assert refused.value.args[0]["code"] == "conflict"
    await upstream.open(gate)
    await here.finished(answer)
    with pytest.raises(Refused) as refused:
        await here.command({"type": "continue", "message": answer})
    assert refused.value.args[0]["code"] == "conflict"


async def test_the_fourth_answer_waits_until_one_has_ended(upstream, server, alice, room, tab):
    """Three answers, each on a branch, stream in a room at once; the next ones are seen waiting, and come one by one,
    oldest first.
    """
    questions = [Question({"text": words(5)}, {"gate": f"limit-{room}-{number}"}) for number in range(5)]
    here = await tab(alice, room)
    answers = [await here.post(question, parent=None) for question in questions]
    await here.until(lambda: [here.text(answer) for answer in answers[:3]] == ["".join(words(5))] * 3, 15)
    assert [here.status(answer) for answer in answers] == ["streaming"] * 3 + ["queued"] * 2
    for number in (1, 0):
        await upstream.open(f"limit-{room}-{number}")
        await here.finished(answers[number])
        waited = answers[3] if number else answers[4]
        await here.until(lambda waited=waited: here.text(waited) == "".join(words(5)))
        streaming = [server.database.status(answer) for answer in answers].count("streaming")
        assert streaming == 3
    for number in range(5):
        await upstream.open(f"limit-{room}-{number}")
    for answer in answers:
        assert (await here.finished(answer))["status"] == "complete"
    most, now = 0, 0
    for _, kind, *_ in server.database.log(room):
        now += (kind == "started") - (kind == "closed")
        most = max(most, now)
    assert most == 3, "more streamed at once than may"
    server.database.check_room(room)


async def test_a_stop_makes_room_for_the_next(upstream, server, alice, room, tab):
    questions = [Question({"text": words(5)}, {"wait": "forever"}) for _ in range(4)]
    here = await tab(alice, room)
    answers = [await here.post(question, parent=None) for question in questions]
    await here.until(lambda: all(here.text(answer) for answer in answers[:3]), 15)
    await here.send({"type": "stop", "message": answers[3]})
    await here.until(lambda: here.status(answers[3]) == "stopped", what="what waits can be stopped")
    fifth = await here.post(Question({"text": words(7)}), parent=None)
    assert here.status(fifth) == "queued"
    await here.send({"type": "stop", "message": answers[1]})
    assert (await here.finished(fifth))["text"] == "".join(words(7))
    for answer in (answers[0], answers[2]):
        await here.send({"type": "stop", "message": answer})
    await eventually(lambda: "streaming" not in [here.status(answer) for answer in answers])
    server.database.check_room(room)
