"""kill -9 of the server in the middle of everything, and a start on the same database."""

from __future__ import annotations

import time

from .harness.people import Person
from .harness.tab import Tab
from .harness.upstream import Question, words
from .harness.waiting import eventually

TERMINAL = ("complete", "stopped", "incomplete", "failed", "interrupted")


async def test_nothing_that_was_shown_is_gone_after_kill_9_and_the_answer_ends_by_itself(
    upstream, own_server, visitor, tab
):
    server = own_server()
    alice: Person = visitor(server)
    room = await alice.create_room()
    here: Tab = await tab(alice, room, comes_back=True)
    answer = await here.post(Question({"text": words(400), "rate": 200}, {"wait": "forever"}))
    await here.until(lambda: "w100 " in here.text(answer))
    server.kill()
    shown, cursor = here.text(answer), here.cursor
    assert shown
    started = time.monotonic()
    server.restart()
    await here.until(lambda: here.level, 10, "the tab is back")
    assert here.text(answer).startswith(shown), "text that was shown is gone"
    message = await here.finished(answer, within=20 - (time.monotonic() - started))
    assert message["status"] == "interrupted"
    assert message["text"].startswith(shown)
    assert server.database.text(answer) == message["text"]
    server.database.check_room(room)
    # Whoever had slept through it all goes on from the old cursor.
    late = await tab(alice, room, cursor=cursor)
    assert late.cursor == here.cursor
    # The room works on.
    again = await here.post(Question({"text": words(10)}))
    assert (await here.finished(again))["text"] == "".join(words(10))


async def test_a_message_whose_receipt_came_survives_kill_9(upstream, own_server, visitor, tab):
    """The receipt is the promise: killed right behind it, the question is there, once, and gets its answer."""
    server = own_server()
    alice = visitor(server)
    room = await alice.create_room()
    here = await tab(alice, room, comes_back=True)
    question = Question({"text": words(10)})
    post = {"type": "post", "text": question, "client_id": "survives-kill-9"}
    receipt = await here.command(post)
    server.kill()
    server.restart()
    await here.until(lambda: here.level, 10)
    assert (await here.command(post))["message"] == receipt["message"], "a repeat made a second message"
    answer = await here.until(lambda: here.answer_to(receipt["message"]))
    await here.finished(answer["id"], within=20)
    assert len(server.database.answers(room)) == 1
    server.database.check_room(room)


async def test_what_was_queued_when_the_server_died_is_answered_after_its_next_start(
    upstream, own_server, visitor, tab
):
    server = own_server(CHATLAB_WORKER="external")
    alice = visitor(server)
    room = await alice.create_room()
    here = await tab(alice, room, comes_back=True)
    answer = await here.post(Question({"text": words(10)}))
    assert here.status(answer) == "queued"
    server.kill()
    server.env["CHATLAB_WORKER"] = "embedded"
    server.restart()
    assert (await here.finished(answer, within=10))["text"] == "".join(words(10))


async def test_sigterm_ends_the_server_soon_and_the_answer_survives_it(upstream, own_server, visitor, tab):
    server = own_server()
    alice = visitor(server)
    room = await alice.create_room()
    here = await tab(alice, room, comes_back=True)
    answer = await here.post(Question({"text": words(20)}, {"wait": "forever"}))
    await here.until(lambda: here.text(answer) == "".join(words(20)))
    server.terminate(within=30)
    server.restart()
    await here.finished(answer, within=20)
    await eventually(lambda: here.level)
    assert server.database.status(answer) in TERMINAL
    assert here.text(answer) == server.database.text(answer) == "".join(words(20))
    server.database.check_room(room)
