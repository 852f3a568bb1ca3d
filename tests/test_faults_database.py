"""Faults of PostgreSQL: it restarts, it locks, it refuses, it is slow, it comes back with another history."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager

import psycopg
import pytest

from .harness.dump import Dump, disconnect_all
from .harness.people import Person
from .harness.raw import RawSocket
from .harness.upstream import Question, words
from .harness.waiting import eventually
from .postgres_under_fault import *  # noqa: F403
from .postgres_under_fault import Engine
from .sending import answered, insist, refused

pytestmark = pytest.mark.e2e

AGAIN = 10.0  # seconds after the database's return, within which everything goes on
SHOWN = 5.0  # seconds, within which a reader is in the history that the database holds


# -- it goes away and comes back ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGQUIT], ids=["fast", "immediate"])
async def test_c1_a_restart_of_postgres_is_survived_in_mid_answer(engine, alice, here, tab, number):
    """Tabs stay open, a send is in flight: all of it goes on by itself, and nothing is there twice."""
    there = await tab(alice, here.room, comes_back=True)
    answer = await here.post(Question({"text": words(300), "rate": 150}))
    await here.until(lambda: "w40 " in here.text(answer))
    sending = [asyncio.create_task(insist(here, "In flight", f"in-flight-{n}", 40)) for n in range(3)]
    await asyncio.to_thread(engine.cluster.restart, number)
    back = time.monotonic()
    receipts = await asyncio.gather(*sending)
    for each in (here, there):
        await each.until(lambda each=each: "w299 " in each.text(answer) or each.status(answer) != "streaming", AGAIN)
        await each.until(lambda each=each: all(each.answer_to(r["message"]) for r in receipts), AGAIN)
        assert (await each.finished(answer, 30))["text"] == "".join(words(300))
        assert each.status(answer) == "complete"
    assert max(arrived for arrived, frame in here.frames if frame["type"] == "receipt") - back < AGAIN
    for receipt in receipts:
        assert (await insist(here, "In flight", receipt["client_id"], 10))["message"] == receipt["message"]
        await here.finished(here.answer_to(receipt["message"])["id"])
    assert len(engine.server.database.answers(here.room)) == 4
    engine.server.database.check_room(here.room)


@pytest.mark.parametrize("forwarded", [True, False], ids=["it had arrived", "it never arrived"])
async def test_c7_a_connection_is_cut_during_commit(upstream, engine, here, forwarded):
    """Nobody knows whether it happened. What the database holds says so: the question is asked once, its text is there
    once.
    """
    gate = Question().gate()
    answer = await here.post(Question({"text": words(5)}, {"gate": gate}, {"text": words(20, 5)}))
    await here.until(lambda: here.text(answer) == "".join(words(5)))
    engine.wire.reset_when(b"COMMIT", forwarded)
    resets = engine.wire.resets
    receipt = await here.command({"type": "post", "text": "Was it there?", "client_id": "once-only"}, 20)
    assert engine.wire.resets == resets + 1, "no COMMIT was cut"
    engine.wire.reset_when(b"COMMIT", forwarded)
    await upstream.open(gate)
    assert (await here.finished(answer))["text"] == "".join(words(25))
    assert engine.wire.resets == resets + 2
    await answered(here, receipt)
    assert len(engine.server.database.answers(here.room)) == 2
    engine.server.database.check_room(here.room)


async def test_c7_a_commit_that_is_still_under_way_is_waited_for_before_it_is_asked_about(upstream, engine, here):
    """The connection is gone, the server is busy with the COMMIT, and who asks now sees nothing of it. So the asking
    waits for the rooms' locks: else the text would be committed twice.
    """
    with engine.connect() as connection:
        connection.execute(
            "CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql"
            " AS 'BEGIN PERFORM pg_sleep(1.5); RETURN NULL; END'"
        )
        connection.execute(
            "CREATE CONSTRAINT TRIGGER dawdle AFTER INSERT ON rooms_delta DEFERRABLE INITIALLY DEFERRED FOR EACH ROW"
            " WHEN (NEW.kind = 'appended' AND NEW.payload LIKE '%slowly%') EXECUTE FUNCTION dawdle()"
        )
    try:
        gate, later = Question().gate(), Question().gate("later")
        said = {"text": words(5)}, {"gate": gate}, {"text": "slowly "}, {"gate": later}, {"text": words(5, 5)}
        answer = await here.post(Question(*said))
        await here.until(lambda: here.text(answer) == "".join(words(5)))
        engine.wire.reset_when(b"COMMIT", True)
        resets = engine.wire.resets
        await upstream.open(gate)
        await here.until(lambda: "slowly" in here.text(answer))
        assert engine.wire.resets == resets + 1
        await upstream.open(later)
        assert (await here.finished(answer))["text"] == "".join(words(5)) + "slowly " + "".join(words(5, 5))
        engine.server.database.check_room(here.room)
    finally:
        with engine.connect() as connection:
            connection.execute("DROP FUNCTION dawdle CASCADE")


# -- it refuses --------------------------------------------------------------------------------------------------------


async def test_c4_a_room_that_somebody_locks_is_waited_for_and_then_refused_cleanly(engine, visitor, tab):
    """A bounded number of tries. Another room goes on meanwhile, though it was in the same batch."""
    bob = visitor(engine.impatient)
    here, there, first = [await tab(bob, await bob.create_room(), comes_back=True) for _ in range(3)]
    with engine.locking(here.room):
        with engine.locking(first.room):
            sent = [asyncio.create_task(insist(first, "?", "held-up-here", 20))]
            await eventually(lambda: engine.waiting_for_locks == 1)
            refusal = asyncio.create_task(refused(here, "?", "into-a-lock", 20))
            sent.append(asyncio.create_task(there.command({"type": "post", "text": "Elsewhere"}, 10)))
            await gathered()
        receipts = await asyncio.gather(*sent)
        await refusal
    receipts.append(await insist(here, "?", "into-a-lock", AGAIN))
    for each, receipt in zip((first, there, here), receipts, strict=True):
        await answered(each, receipt)
        assert len(engine.impatient.database.answers(each.room)) == 1
        engine.impatient.database.check_room(each.room)


async def gathered() -> None:
    """Until what was sent is in the writer's queue, which nobody can look into. Later, it would be another batch."""
    await asyncio.sleep(0.3)


@contextmanager
def isolated_more(engine: Engine) -> Iterator[None]:
    """All transactions are of a kind that PostgreSQL gives up rather than let it see what others have changed."""
    with engine.connect() as connection:
        connection.execute("ALTER ROLE app SET default_transaction_isolation = 'repeatable read'")
        disconnect_all(connection)
        try:
            yield
        finally:
            connection.execute("ALTER ROLE app RESET default_transaction_isolation")
            disconnect_all(connection)


async def test_c4_a_deadlock_is_tried_again(engine, alice, tab):
    """Somebody takes the rooms in another order than we do, and PostgreSQL ends our transaction. Nobody notices."""
    first, second, held = sorted([await alice.create_room() for _ in range(3)])
    tabs = [await tab(alice, room) for room in (first, second, held)]
    mark = engine.cluster.mark()
    with closing(psycopg.connect(engine.url)) as outsider:
        outsider.execute("SET deadlock_timeout = '20s'")
        outsider.execute("SELECT 1 FROM rooms_room WHERE id = %s FOR UPDATE", [second])
        with engine.locking(held):  # what comes meanwhile is one batch, of two rooms
            sent = [asyncio.create_task(insist(tabs[2], "?", "held-up-here", 20))]
            await eventually(lambda: engine.waiting_for_locks == 1)
            sent += [asyncio.create_task(insist(each, "?", "both-of-them", 20)) for each in tabs[:2]]
            await gathered()
        await eventually(lambda: engine.waiting_for_locks == 1)
        await asyncio.to_thread(outsider.execute, "UPDATE rooms_room SET locked = locked WHERE id = %s", [first])
        outsider.commit()
    receipts = await asyncio.gather(*sent)
    assert "deadlock detected" in engine.cluster.log(mark)
    for each, receipt in zip(tabs[2:] + tabs[:2], receipts, strict=True):
        await answered(each, receipt)
        engine.server.database.check_room(each.room)


async def test_c4_a_serialization_failure_is_tried_again(engine, here):
    mark = engine.cluster.mark()
    with isolated_more(engine), closing(psycopg.connect(engine.url)) as outsider:
        outsider.execute("UPDATE rooms_room SET locked = locked WHERE id = %s", [here.room])
        sent = asyncio.create_task(insist(here, "?", "at-the-same-time", 20))
        await eventually(lambda: engine.waiting_for_locks == 1)
        outsider.commit()
        receipt = await sent
        await answered(here, receipt)
    assert "could not serialize access" in engine.cluster.log(mark)
    engine.server.database.check_room(here.room)


async def test_c5_connections_that_are_exhausted_are_said_to_whoever_asks(engine, visitor, tab):
    """503 with Retry-After over HTTP, `unavailable` on the socket, and new sockets are told to come again; none of them
    hangs half open. Then all goes on.
    """
    bob = visitor(engine.impatient)
    here = await tab(bob, await bob.create_room(), comes_back=True)
    with engine.refusing():
        refusal = asyncio.create_task(refused(here, "?", "nobody-home", 30))
        paths = f"/api/rooms/{here.room}", f"/rooms/{here.room}/", "/"
        for response in await asyncio.gather(*(bob.request("GET", path) for path in paths)):
            assert response.status_code == 503, response.url
            assert int(response.headers["Retry-After"]) > 0, response.url
        assert await asyncio.gather(*(turned_away(bob, here.room) for _ in range(8))) == [4412] * 8
        await refusal
    back = time.monotonic()
    receipt = await insist(here, "?", "nobody-home", AGAIN)
    await answered(here, receipt)
    assert time.monotonic() - back < AGAIN
    assert len(engine.impatient.database.answers(here.room)) == 1
    engine.impatient.database.check_room(here.room)


async def turned_away(person: Person, room: str) -> int:
    """The code that a new socket is closed with."""
    socket = await RawSocket.open(person.server.url, f"/ws/rooms/{room}/", person.socket_headers)
    return await socket.ended(10)


# -- it is slow --------------------------------------------------------------------------------------------------------


async def test_c6_a_slow_database_slows_no_provider_down(upstream, engine, here):
    """Half a second for each query: the stream is read at its own pace, what gathers meanwhile is one commit."""
    gate = Question().gate()
    question = Question({"text": words(1)}, {"gate": gate}, {"text": words(150, 1), "rate": 150})
    answer = await here.post(question)
    await here.until(lambda: here.text(answer) == "w0 ")
    engine.wire.delay(0.25)
    await upstream.open(gate)
    opened = time.monotonic()
    await upstream.closed(question, 20)
    assert time.monotonic() - opened < 1 + 1 + 1, "the provider sends for 1 s and was held up"
    assert here.status(answer) == "streaming", "the database was not slow"
    assert (await here.finished(answer, 30))["text"] == "".join(words(151))
    assert len(engine.server.database.appended(answer)) < 10, "batches did not grow"
    engine.wire.delay(0)
    engine.server.database.check_room(here.room)


# -- it has another history --------------------------------------------------------------------------------------------


async def test_c2_a_failover_that_loses_the_last_commits(upstream, engine, alice, here, tab):
    """Who had seen what is lost is shown what is there, at once; the worker does not write on behind the hole; and the
    history that goes on is one.
    """
    asleep = await tab(alice, here.room)
    gate, later = Question().gate(), Question().gate("later")
    said = {"text": words(20)}, {"gate": gate}, {"text": words(20, 20)}, {"gate": later}, {"text": ["end"]}
    answer = await here.post(Question(*said))
    await here.until(lambda: here.text(answer) == "".join(words(20)))
    dump = Dump(engine.url, "before_the_failover")
    await upstream.open(gate)
    for each in (here, asleep):
        await each.until(lambda each=each: each.text(answer) == "".join(words(40)))
    await asleep.cut()
    seen = len(here.frames)
    await asyncio.to_thread(dump.restore, disconnect=True)
    await here.until(lambda: here.text(answer) == "".join(words(20)), SHOWN)
    await upstream.open(later)
    message = await here.finished(answer, 20)
    assert (message["status"], message["text"]) == ("interrupted", "".join(words(20)))
    shown = [frame["type"] for _, frame in here.frames[seen:] if frame["type"] in ("snapshot", "deltas")]
    assert shown[0] == "snapshot"
    await asleep.plug()
    assert asleep.state["messages"] == here.state["messages"]
    again = await here.post(Question({"text": words(10)}))
    assert (await here.finished(again))["text"] == "".join(words(10))
    engine.server.database.check_room(here.room)


@pytest.mark.parametrize("questions", [0, 4], ids=["shorter", "longer"])
async def test_c3_an_old_state_is_restored_under_open_tabs(engine, alice, here, tab, questions):
    """Longer: the restored log has been written past the old head, under the same sequences."""
    await here.finished(await here.post(Question({"text": words(5)})))
    old = Dump(engine.url, f"old_{questions}")
    await here.send({"type": "room", "title": "Restored"})
    await here.until(lambda: here.state["room"]["title"] == "Restored")
    for number in range(questions):
        await here.finished(await here.post(Question({"text": [f"restored {number}"]})))
    other, truth = Dump(engine.url, f"other_{questions}"), await alice.snapshot(here.room)
    old.restore()
    await here.until(lambda: len(here.state["messages"]) == 2 and here.state["room"]["title"] != "Restored", SHOWN)
    answer = await here.post(Question({"text": ["lost"]}))
    await here.finished(answer)
    there, seen, head = await tab(alice, here.room), len(here.frames), here.seq
    other.restore()
    for each in (here, there):
        await each.until(lambda each=each: each.cursor == truth["cursor"], SHOWN)
        assert each.state["messages"] == truth["messages"] and each.message(answer) is None
    assert (here.seq > head) == (questions > 0)
    shown = [frame["type"] for _, frame in here.frames[seen:] if frame["type"] in ("snapshot", "deltas")]
    assert shown == ["snapshot"]
    last = await there.post(Question({"text": words(10)}))
    for each in (here, there):
        assert (await each.finished(last))["text"] == "".join(words(10))
    engine.server.database.check_room(here.room)
