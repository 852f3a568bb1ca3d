"""Faults of Redis while an answer streams: no commit waits, no tab is later than promised, and all is live again."""

from __future__ import annotations

import asyncio
import time

import pytest
from hypothesis import settings as profile
from redis.asyncio import Redis as Client
from redis.exceptions import OutOfMemoryError

from .harness.tab import Tab
from .harness.upstream import Question, words
from .layers import *  # noqa: F403
from .layers import LATE, LIVE, Scene, lateness

pytestmark = pytest.mark.e2e

AT_FULL_RATE = 8.0  # seconds for what the provider takes 2 for: each commit that waited would add a second


async def test_b1_restarted(scene: Scene):
    await scene.streams()
    await scene.go_on()
    scene.house.redis.kill()
    assert await scene.is_written() < AT_FULL_RATE
    scene.house.redis.start()
    await scene.is_equal()
    assert max(lateness(tab, scene.answer) for tab in (scene.here, scene.there)) < LATE
    await scene.is_live()


async def test_b2_flushed(scene: Scene):
    """It keeps nothing that could be lost: nobody is late at all."""
    await scene.streams()
    await scene.go_on()
    async with Client.from_url(scene.house.redis.url) as client:
        await client.flushall()
    await scene.is_equal()
    assert max(lateness(tab, scene.answer) for tab in (scene.here, scene.there)) < LIVE


async def test_b3_frozen(scene: Scene):
    """Answers are written, asked for and stopped, tabs come and go; and all of it is seen in time."""
    house = scene.house
    await scene.streams()
    house.redis.freeze()
    await scene.go_on()
    assert await scene.is_written() < AT_FULL_RATE
    late = Tab(house.there.url, scene.room, scene.there.headers)
    await late.open()
    answer = await late.post(Question({"text": words(5)}, {"gate": "never"}))
    await late.until(lambda: late.text(answer), 10)
    started = time.monotonic()
    await late.send({"type": "stop", "message": answer})
    await late.until(lambda: late.status(answer) == "stopped", LATE)
    assert time.monotonic() - started < LATE
    await late.close()
    assert late.faults == []
    house.redis.thaw()
    await scene.is_equal()
    assert max(lateness(tab, scene.answer) for tab in (scene.here, scene.there)) < LATE
    await scene.is_live()


async def test_b4_slow(scene: Scene):
    """200 ms ± 100 in each direction, for everybody: events are late by that, and nothing piles up."""
    for wire in scene.house.wires.values():
        wire.delay(0.2, jitter=0.1)
    await scene.streams()
    await scene.go_on()
    assert await scene.is_written() < AT_FULL_RATE
    await scene.is_equal()
    assert max(lateness(tab, scene.answer) for tab in (scene.here, scene.there)) < LATE
    await scene.is_live()


@pytest.mark.parametrize("fault", ["cut", "freeze"])
async def test_b5_away_for_one_web_process(scene: Scene, fault):
    """Its readers are late, and nobody else's."""
    await scene.streams()
    getattr(scene.house.wires["there"], fault)()
    await scene.go_on()
    assert await scene.is_written() < AT_FULL_RATE
    await scene.is_equal()
    assert lateness(scene.here, scene.answer) < LIVE
    assert LIVE < lateness(scene.there, scene.answer) < LATE, "the fault did nothing"
    scene.house.heal()
    await scene.is_live()


@pytest.mark.parametrize("fault", ["cut", "freeze"])
async def test_b5_away_for_the_worker(scene: Scene, fault):
    """It finds its work in the database, and everybody reads it there."""
    scene.house.wires["worker"].freeze() if fault == "freeze" else scene.house.wires["worker"].cut()
    answer = await scene.here.post(Question({"text": words(5)}))
    assert (await scene.here.finished(answer, LATE + 5))["status"] == "complete"
    await scene.streams()
    await scene.go_on()
    assert await scene.is_written() < AT_FULL_RATE
    await scene.is_equal()
    assert max(lateness(tab, scene.answer) for tab in (scene.here, scene.there)) < LATE
    scene.house.heal()
    await scene.is_live()


async def test_b7_what_is_large_is_only_pointed_at(scene: Scene):
    """No event is larger than a page of the log; tabs read a large text there."""
    sizes: list[int] = []
    async with Client.from_url(scene.house.redis.url) as client, client.pubsub() as listening:
        await listening.psubscribe("*__group__room.*")
        answer = await scene.here.post(Question({"stamps": 2, "width": 100_000}, {"text": words(5)}))
        for tab in (scene.here, scene.there):
            message = await tab.finished(answer)
            assert message["text"] == scene.house.stage.database.text(answer) and len(message["text"]) > 200_000
        while (message := await listening.get_message(timeout=1)) is not None:
            if message["type"] == "pmessage" and scene.room.encode() in message["data"]:
                sizes.append(len(message["data"]))
    assert sizes and max(sizes) < 70_000


async def test_b8_full(scene: Scene):
    """A pub/sub message needs no memory that it could refuse."""
    async with Client.from_url(scene.house.redis.url) as client:
        await client.config_set("maxmemory", 1)
        try:
            with pytest.raises(OutOfMemoryError):
                await client.set("anything", "x")
            await scene.streams()
            await scene.go_on()
            await scene.is_equal()
            assert max(lateness(tab, scene.answer) for tab in (scene.here, scene.there)) < LIVE
        finally:
            await client.config_set("maxmemory", 0)


async def test_b9_subscriptions_that_redis_has_ended(scene: Scene):
    """They do not expire; Redis ends them where a reader was too slow for its buffer."""
    await scene.streams()
    await scene.go_on()
    async with Client.from_url(scene.house.redis.url) as client:
        assert await client.client_kill_filter(_type="pubsub") >= 3
    assert await scene.is_written() < AT_FULL_RATE
    await scene.is_equal()
    assert max(lateness(tab, scene.answer) for tab in (scene.here, scene.there)) < LATE
    await scene.is_live()


async def test_b10_senders_whose_clocks_are_wrong(scene: Scene):
    """Events have an order and no age: a clock that is wrong moves none, and expires none."""
    stage, redis_url = scene.house.stage, scene.house.wires["worker"].url
    (right,) = stage.workers
    behind, ahead = await stage.workers_of(
        *({"accident": f"has_another_clock:{seconds}", "REDIS_URL": redis_url} for seconds in (-0.5, 61))
    )
    try:
        await stage.freeze(right)
        for wrong, other in ((behind, ahead), (ahead, behind)):
            wrong.thaw()
            await stage.freeze(other)
            await scene.streams(count=10)
            assert await stage.holder(scene.answer) is wrong
            gone_on = time.monotonic()
            await scene.go_on()
            for tab in (scene.here, scene.there):
                await tab.until(lambda tab=tab: tab.text(scene.answer) == scene.expected, LIVE)
            assert time.monotonic() - gone_on < LIVE, "they were looked for"
            await scene.is_equal()
    finally:
        for wrong in (behind, ahead):
            wrong.kill()
            stage.workers.remove(wrong)
        right.thaw()
    assert behind.alarms() + ahead.alarms() == []


@pytest.mark.soak
async def test_b11_idle(scene: Scene):
    """redis-py gives up after 5 s of silence if it is let. (60 s under `make soak`.)"""
    await scene.is_live()
    marks = [(server, server.mark()) for server in (scene.house.here, scene.house.there)]
    await asyncio.sleep(60 if profile.get_current_profile_name() == "soak" else 7)
    answer = await scene.here.post(Question({"text": words(5)}))
    for tab in (scene.here, scene.there):
        await tab.finished(answer)
        assert lateness(tab, answer) < LIVE
    assert all("not heard" not in server.log(mark) for server, mark in marks)
