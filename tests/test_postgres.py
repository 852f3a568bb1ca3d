"""The same promises on PostgreSQL: the log's order under its row lock, a crash, and text that it is picky about."""

from __future__ import annotations

import asyncio

import pytest

from .harness import postgres
from .harness.upstream import Question, words


@pytest.fixture(scope="module")
def cluster():
    cluster = postgres.Cluster(postgres.require())
    cluster.start()
    yield cluster
    cluster.stop()


@pytest.fixture
def on_postgres(cluster, own_server):
    return lambda **settings: own_server(DATABASE_URL=cluster.new_database(), **settings)


async def test_many_answers_in_one_room_and_in_many_keep_their_order(upstream, on_postgres, visitor, tab):
    server = on_postgres()
    alice = visitor(server)
    rooms = [await alice.create_room() for _ in range(3)]
    tabs = [await tab(alice, room) for room in rooms for _ in range(2)]
    asked = [here.post(Question({"text": words(100), "rate": 400})) for here in tabs]
    answers = await asyncio.gather(*asked)
    for here, answer in zip(tabs, answers, strict=True):
        assert (await here.finished(answer))["text"] == "".join(words(100))
    for room in rooms:
        server.database.check_room(room)


async def test_a_cut_tab_goes_on_where_it_was(upstream, on_postgres, visitor, tab):
    server = on_postgres()
    alice = visitor(server)
    room = await alice.create_room()
    here = await tab(alice, room)
    gate = Question().gate()
    answer = await here.post(Question({"text": words(20)}, {"gate": gate}, {"text": words(20, 20)}))
    await here.until(lambda: here.text(answer) == "".join(words(20)))
    await here.cut()
    seen = len(here.frames)
    await upstream.open(gate)
    await here.plug()
    assert (await here.finished(answer))["text"] == "".join(words(40)) == server.database.text(answer)
    assert "snapshot" not in [frame["type"] for _, frame in here.frames[seen:]]


async def test_text_that_postgres_refuses_is_cleaned_before(upstream, on_postgres, visitor, tab):
    server = on_postgres()
    alice = visitor(server)
    room = await alice.create_room()
    here = await tab(alice, room)
    answer = await here.post(Question({"text": ["a\0b", "\ud83d", "\ude00", "\udc00"]}))
    assert (await here.finished(answer))["text"] == "a\ufffdb😀\ufffd" == server.database.text(answer)
    receipt = await here.command({"type": "post", "text": "x\0y\ud800"})
    assert server.database.text(receipt["message"]) == "x\ufffdy\ufffd"


async def test_kill_9_of_the_server_loses_nothing_that_was_shown(upstream, on_postgres, visitor, tab):
    server = on_postgres(CHATLAB_LEASE="3", CHATLAB_LEASE_RENEW="1")
    alice = visitor(server)
    room = await alice.create_room()
    here = await tab(alice, room, comes_back=True)
    answer = await here.post(Question({"text": words(40)}, {"wait": "forever"}))
    await here.until(lambda: here.text(answer) == "".join(words(40)))
    server.kill()
    server.restart()
    message = await here.finished(answer, within=20)
    assert (message["status"], message["text"]) == ("interrupted", "".join(words(40)))
    server.database.check_room(room)
