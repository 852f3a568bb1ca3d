"""The four complaints about the usual way to stream an answer, each turned into a promise."""

from __future__ import annotations

from .harness.upstream import Question, words
from .harness.waiting import eventually


async def test_a_stream_that_was_cut_can_be_reconnected_to(upstream, server, alice, room, tab):
    """A ReadableStream ends with its connection. A cursor goes on: exactly behind what was seen, without a replay."""
    gate = Question().gate()
    question = Question({"text": words(40)}, {"gate": gate}, {"text": words(40, 40)})
    here = await tab(alice, room)
    answer = await here.post(question)
    await here.until(lambda: here.text(answer) == "".join(words(40)))
    await here.cut()
    seen, frames = here.seq, len(here.frames)
    await upstream.open(gate)
    await eventually(lambda: server.database.status(answer) == "complete")
    await here.plug()
    assert (await here.finished(answer))["text"] == "".join(words(80)) == server.database.text(answer)
    came = [frame for _, frame in here.frames[frames:]]
    assert "snapshot" not in [frame["type"] for frame in came]
    assert [item["seq"] for frame in came if frame["type"] == "deltas" for item in frame["items"]][0] == seen + 1


async def test_an_answer_is_written_on_after_the_request_that_asked_for_it_is_over(upstream, server, alice, room):
    """A function that returned can't hold a stream and write afterwards. Here nobody has to: the worker does."""
    gate = Question().gate()
    question = Question({"gate": gate}, {"text": words(30), "rate": 100})
    asked = await alice.api("POST", f"/rooms/{room}/messages", {"client_id": "complaint-two", "text": question})
    await alice.close()
    answer = asked["answer"]
    assert server.database.status(answer) in ("queued", "streaming")
    await upstream.open(gate)
    await eventually(lambda: server.database.status(answer) == "complete", 10)
    assert server.database.text(answer) == "".join(words(30))
    server.database.check_room(room)


async def test_everybody_in_the_room_gets_the_deltas_live_and_not_only_who_asked(upstream, own_server, visitor, tab):
    """While the answer is held in its middle, all have its first half, and none has its end."""
    # The look at the heads, which would repair what was not broadcast, is switched off.
    server = own_server(CHATLAB_HEAD_CHECK="1000")
    alice, bob = visitor(server), visitor(server)
    room = await alice.create_room()
    await bob.join(room)
    gate = Question().gate()
    question = Question({"text": words(20)}, {"gate": gate}, {"text": words(20, 20)})
    asking, other, bobs = [await tab(person, room) for person in (alice, alice, bob)]
    answer = await asking.post(question)
    for here in (asking, other, bobs):
        await here.until(lambda here=here: here.text(answer) == "".join(words(20)), 5)
        assert here.status(answer) == "streaming"
    await upstream.open(gate)
    for here in (asking, other, bobs):
        assert (await here.finished(answer))["text"] == "".join(words(40))
    assert len(await upstream.requests(question)) == 1


async def test_a_disconnect_loses_no_progress(upstream, server, alice, bob, room, tab):
    """Everybody is cut off in the middle; the answer goes on, and all of it is there for whoever comes back."""
    gate = Question().gate()
    question = Question({"text": words(20)}, {"gate": gate}, {"text": words(60, 20), "rate": 200})
    here, bobs = await tab(alice, room), await tab(bob, room)
    answer = await here.post(question)
    await bobs.until(lambda: bobs.text(answer) == "".join(words(20)))
    await here.cut()
    await bobs.cut()
    await upstream.open(gate)
    await eventually(lambda: server.database.status(answer) == "complete", 10)
    assert (await upstream.closed(question))["closed_at"] is None, "the upstream call was given up"
    await here.plug()
    fresh = await tab(bob, room)
    assert here.text(answer) == fresh.text(answer) == "".join(words(80)) == server.database.text(answer)
    server.database.check_room(room)
