"""The channel layer on a real Redis, through every kind of bad hour of it."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable

import pytest
from channels.layers import channel_layers
from redis.asyncio import Redis as Client
from redis.exceptions import ConnectionError

from rooms import broadcast
from rooms.broadcast import redis as module
from rooms.broadcast.redis import RedisLayer, _Connection

from .harness.redis import Redis, require
from .harness.waiting import eventually
from .harness.wire import Wire, wire_to
from .stages import layer as redis  # noqa: F401  a Redis for this module

pytestmark = pytest.mark.e2e


@pytest.fixture(autouse=True)
def hurry(monkeypatch) -> None:
    """Seconds of silence are as long as it takes, and tests have better things to do."""
    monkeypatch.setattr(module, "PING_EVERY", 0.2)
    monkeypatch.setattr(module, "SILENT_FOR", 1.0)
    monkeypatch.setattr(module, "AGAIN_AFTER", 0.1)


@pytest.fixture
async def process() -> AsyncIterator[Callable[..., RedisLayer]]:
    """`process(url)`: the layer as a process of its own has it."""
    made: list[RedisLayer] = []

    def make(url: str, **options: object) -> RedisLayer:
        host = {"address": url, "socket_timeout": 1, "socket_connect_timeout": 1}
        made.append(RedisLayer([host], prefix="test", **options))
        return made[-1]

    yield make
    for layer in made:
        await layer.flush()


@pytest.fixture
async def wire(redis: Redis) -> AsyncIterator[Wire]:  # noqa: F811
    async with wire_to(redis.url) as wire:
        yield wire


def event(number: int) -> dict:
    return {"type": "x", "number": number}


async def received(layer: RedisLayer, channel: str, within: float = 5.0) -> int:
    return (await asyncio.wait_for(layer.receive(channel), within))["number"]


async def joined(layer: RedisLayer, *groups: str) -> str:
    channel = await layer.new_channel()
    for group in groups:
        await asyncio.wait_for(layer.group_add(group, channel), 5)
    return channel


async def passes(sender: RedisLayer, receiver: RedisLayer, channel: str, within: float = 10.0) -> None:
    """Whatever was sent before: an event gets through again."""

    async def through() -> bool:
        try:
            await asyncio.wait_for(sender.group_send("group", {"type": "echo"}), 1)
        except Exception:
            return False
        queue = receiver.channels[channel]
        while not queue.empty():
            if receiver.deserialize(queue.get_nowait())["type"] == "echo":
                return True
        return False

    await eventually(through, within, "events get through")


async def test_events_reach_every_channel_of_a_group_in_order_and_nobody_else(redis, process):  # noqa: F811
    here, there = process(redis.url), process(redis.url)
    first, second = await joined(here, "group"), await joined(there, "group")
    beside = await joined(there, "beside")
    await asyncio.gather(*(here.group_send("group", event(number)) for number in range(200)))
    await here.group_send("beside", event(999))
    for layer, channel in ((here, first), (there, second)):
        assert [await received(layer, channel) for _ in range(200)] == list(range(200))
    assert await received(there, beside) == 999
    await here.send(second, event(7))
    assert await received(there, second) == 7
    await there.group_discard("group", second)
    await here.group_send("group", event(1))
    await here.send(second, event(2))
    assert await received(here, first) == 1 and await received(there, second) == 2


async def test_a_join_that_has_returned_misses_nothing(redis, process):  # noqa: F811
    """A reader looks at the log after it: what it does not find there must come as an event."""
    here, there = process(redis.url), process(redis.url)
    for number in range(100):
        channel = await joined(there, f"group-{number}")
        await here.group_send(f"group-{number}", event(number))
        assert await received(there, channel) == number
    (listening,) = [shard._listening for shard in there._shards]
    assert not listening.done()


async def test_what_is_left_is_not_subscribed_to_any_more(redis, process):  # noqa: F811
    here = process(redis.url)
    stays = await joined(here, "stays")
    async with Client.from_url(redis.url) as client:

        async def subscribed() -> set[bytes]:
            return {name for name in await client.pubsub_channels("test*") if b"hello" not in name}

        before = await subscribed()
        for _ in range(20):
            channel = await joined(here, "group", "stays")
            await here.group_discard("group", channel)
            await here.group_discard("stays", channel)
            here.forget(channel)
        leaves = asyncio.create_task(here.receive(await joined(here)))
        await asyncio.sleep(0)
        leaves.cancel()

        async def as_before() -> bool:
            return await subscribed() == before

        await eventually(as_before)
    assert list(here.channels) == [stays] and len(here._shards[0]._wanted) == 2


async def test_asking_whether_it_answers_leaves_nothing_behind(redis, process):  # noqa: F811
    here = process(redis.url)
    channel_layers.set("default", here)
    try:
        for _ in range(20):
            assert await broadcast.is_reachable(2)
        assert not here.channels and not here._shards[0]._wanted
    finally:
        channel_layers.backends.clear()


async def test_ten_thousand_who_lose_patience_disturb_nobody(redis, process):  # noqa: F811
    """A cancelled command must not leave its answer on the connection for the next one to read, nor open another."""
    here, there = process(redis.url), process(redis.url)
    channels = [await joined(there, f"group-{number}") for number in range(10)]
    sent = 0
    for _ in range(100):
        sends = [asyncio.create_task(here.group_send(f"group-{n % 10}", event(n % 10))) for n in range(100)]
        for turn in range(3):
            await asyncio.sleep(0)
            for send in sends[turn::3]:
                sent += send.cancel()
        await asyncio.gather(*sends, return_exceptions=True)
    assert sent > 9_000, "most were under way"
    for number, channel in enumerate(channels):
        await here.group_send(f"group-{number}", event(100 + number))
        while (got := await received(there, channel)) < 100:
            assert got == number, "an event of another group"
        assert got == 100 + number
    async with Client.from_url(redis.url) as client:
        assert len(await client.client_list()) <= 6, "connections are left behind"


async def test_a_channel_that_nobody_reads_is_bounded(redis, process):  # noqa: F811
    here = process(redis.url, capacity=50)
    stuck, awake = await joined(here, "group"), await joined(here, "group")
    for number in range(200):
        await here.group_send("group", event(number))
        assert await received(here, awake) == number
    assert here.channels[stuck].qsize() == 50 and here.dropped == 150
    assert [await received(here, stuck) for _ in range(50)] == list(range(50))


async def test_many_events_share_a_round_trip(redis, process, wire):  # noqa: F811
    """On a slow wire, hundreds of rooms would have to wait for each other otherwise."""
    here, there = process(wire.url), process(redis.url)
    channel = await joined(there, "group")
    await here.group_send("group", event(-1))
    assert await received(there, channel) == -1
    wire.delay(0.2)
    async with asyncio.timeout(5):  # one by one it is two minutes
        await asyncio.gather(*(here.group_send("group", event(number)) for number in range(300)))
    assert [await received(there, channel) for _ in range(300)] == list(range(300))


async def test_silence_is_no_fault(redis, process, caplog):  # noqa: F811
    """It gives a sign of life each time that it is asked."""
    here = process(redis.url)
    channel = await joined(here, "group")
    await asyncio.sleep(2 * module.SILENT_FOR)
    await here.group_send("group", event(1))
    assert await received(here, channel) == 1 and "not heard" not in caplog.text


async def test_an_event_loop_that_stood_still_does_not_take_that_for_silence(redis, process, caplog):  # noqa: F811
    """What came meanwhile has arrived: whoever gives the connection up now loses it."""
    here = process(redis.url)
    channel = await joined(here, "group")
    await here.group_send("group", event(0))
    assert await received(here, channel) == 0
    for number in range(1, 4):
        await here.group_send("group", event(number))
        time.sleep(1.5 * module.SILENT_FOR)  # noqa: ASYNC251  the fault: nothing of this process runs
        assert await received(here, channel) == number
    assert "not heard" not in caplog.text


@pytest.mark.parametrize("fault", ["reset", "cut", "freeze", "killed"])
async def test_it_is_live_again_after(redis, process, wire, fault, caplog):  # noqa: F811
    """Nobody joins again for it, and the log has a line and no traceback."""
    here, there = process(redis.url), process(wire.url)
    channel = await joined(there, "group")
    await passes(here, there, channel)
    with caplog.at_level(logging.WARNING):
        if fault == "reset":
            wire.reset()
        elif fault == "killed":
            redis.kill()
            redis.start()
        else:
            getattr(wire, fault)()
            await eventually(lambda: "not heard any more" in caplog.text, 10)
            wire.plug() if fault == "cut" else wire.thaw()
        await passes(here, there, channel)
        await passes(there, there, channel)
    assert "Traceback" not in caplog.text and caplog.text.count("not heard any more") <= 2, "a line of each process"


async def test_a_connection_that_the_kernel_gives_up_is_replaced(redis, process, caplog):  # noqa: F811
    """redis-py takes ETIMEDOUT for an empty read, for ever and without a pause: the whole process would stand still."""
    here = process(redis.url)
    channel = await joined(here, "group")
    lost = []
    hear = _Connection._hear

    async def hearing(self: _Connection, pubsub) -> None:
        lost.append(pubsub.connection._writer.transport)
        await hear(self, pubsub)

    here._shards[0]._listening.cancel()
    _Connection._hear = hearing
    try:
        await here.group_discard("group", channel)
        await joined(here, "group")
        await asyncio.wait_for(here.group_add("group", channel), 5)
        lost[0]._fatal_error(TimeoutError(110, "Connection timed out"))
        await passes(here, here, channel)
        assert len(lost) == 2
    finally:
        _Connection._hear = hear


async def test_who_comes_before_redis_is_heard_as_soon_as_it_is_there(process, tmp_path):
    late = Redis(require(), tmp_path)
    here = process(late.url)
    channel = await here.new_channel()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(here.group_add("group", channel), 0.5)
    with pytest.raises(ConnectionError):
        await asyncio.wait_for(here.group_send("group", event(1)), 5)
    late.start()
    try:
        await passes(here, here, channel)
    finally:
        late.stop()


@pytest.mark.parametrize("fault", ["maxmemory 1", "maxclients 1"])
async def test_a_redis_that_is_full_is_a_redis_that_is_away(process, tmp_path, fault):
    """Publishing needs no memory of it; a connection that it refuses is tried again."""
    full = Redis(require(), tmp_path)
    full.start()
    try:
        here = process(full.url)
        channel = await joined(here, "group")
        name, value = fault.split()
        async with Client.from_url(full.url) as client:
            before = (await client.config_get(name))[name]
            await client.config_set(name, value)
            if name == "maxmemory":
                await passes(here, here, channel)
            else:
                await client.client_kill_filter(_type="pubsub")
                await client.client_kill_filter(_type="normal", skipme=True)
                with pytest.raises(Exception, match="max number of clients|closed|lost"):
                    await asyncio.wait_for(here.group_send("group", event(1)), 5)
                await client.config_set(name, before)
                await passes(here, here, channel)
    finally:
        full.stop()
