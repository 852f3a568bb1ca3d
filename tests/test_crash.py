"""kill -9 of the server in the middle of everything, and a start on the same database."""

from __future__ import annotations

import asyncio
import itertools
import random
import time

import httpx2
import pytest
from hypothesis import settings as profile

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


@pytest.mark.soak
@pytest.mark.timeout(3600)
async def test_what_was_acknowledged_is_there_once_however_often_the_server_is_killed(own_server, visitor):
    """At random, under load. Who got no answer sends it again, under its name, as a page does.

    (200 times under `make soak`.)
    """
    kills, posts = (200, 10_000) if profile.get_current_profile_name() == "soak" else (3, 150)
    server = own_server(CHATLAB_WORKER="external", CHATLAB_ROOM_QUEUE="1000000")
    alice: Person = visitor(server)
    rooms = [await alice.create_room() for _ in range(4)]
    chance, numbers, acknowledged, killed = random.Random(20), itertools.count(), {}, asyncio.Event()

    async def send() -> None:
        for number in numbers:
            if killed.is_set() and number >= posts:
                return
            path, name = f"/api/rooms/{rooms[number % 4]}/messages", f"post-number-{number}"
            while name not in acknowledged:
                try:
                    answer = await alice.request("POST", path, {"client_id": name, "text": f"Number {number}"})
                except httpx2.TransportError:
                    await asyncio.sleep(0.05)
                    continue
                if answer.status_code != 503:
                    acknowledged[name] = answer.json()["message"]

    async with asyncio.TaskGroup() as senders:
        for _ in range(12):
            senders.create_task(send())
        for _ in range(kills):
            await asyncio.sleep(chance.uniform(0.05, 0.6))  # at any moment of its work
            server.kill()
            await asyncio.to_thread(server.restart)
        killed.set()
    found = server.database.rows("SELECT client_id, id FROM rooms_message WHERE role = 'user'")
    assert len(acknowledged) >= posts and sorted(found) == sorted(acknowledged.items()), "lost, or doubled"
    for room in rooms:
        server.database.check_room(room)
