"""The channel layer of several processes: channels_redis' pub/sub layer, on connections that survive their Redis.

The layer is theirs: hosts and sharding, serialisation, channels and groups. Its connections are not up to a Redis that
is not well: one that the kernel gives up (ETIMEDOUT, after a router has forgotten it) makes its receiver spin without
ever yielding on redis-py 8, and with it stops the whole process; publishes wait for each other's round trips; what
could not be subscribed to once is never tried again; what a reader has not taken yet grows without a bound. Here:

- One connection publishes. What gathers while a round trip runs goes out in the next one, in a single pipeline.
- One connection listens. It is asked for a sign of life, and one that is silent is given up; the next one subscribes
  to everything again. So who has joined once need not join again.
- Nobody who loses patience cancels a command: they stop waiting, and the connection is never left in mid-answer.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict

from channels_redis.pubsub import RedisPubSubChannelLayer, RedisPubSubLoopLayer
from channels_redis.utils import _wrap_close, create_pool, decode_hosts
from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError

from .refusals import Refusals

logger = logging.getLogger(__name__)

COMMAND_WITHIN = 2.0  # seconds for connecting, and for one round trip, where the host's configuration says nothing
PING_EVERY = 2.0
SILENT_FOR = 5.0  # seconds without a sign of life, after which a connection that listens is given up
SILENT_WAITS = 5  # in so many waits, one after the other
AGAIN_AFTER = 0.5  # seconds until the next one is tried
PIPELINE_MAX = 500  # events in one round trip


class RedisLayer(RedisPubSubChannelLayer):
    """`capacity`: events that wait in one channel; more are dropped and counted. The rest as in channels_redis."""

    def __init__(self, *args, capacity: int = 2000, **kwargs):
        super().__init__(*args, **kwargs)
        self.capacity = capacity

    def _get_layer(self) -> _LoopLayer:
        loop = asyncio.get_running_loop()
        layer = self._layers.get(loop)
        if layer is None:
            layer = self._layers[loop] = _LoopLayer(*self._args, **self._kwargs, channel_layer=self)
            _wrap_close(self, loop)
        return layer


class _LoopLayer(RedisPubSubLoopLayer):
    """The layer of one event loop."""

    def __init__(self, hosts=None, **kwargs):
        super().__init__(hosts, **kwargs)
        self.dropped = 0
        self._shards = [_Connection(host, self) for host in decode_hosts(hosts)]

    async def _subscribe_to_channel(self, channel: str) -> None:
        """Not waited for: a channel is there at once, and heard as soon as there is a Redis."""
        self.channels[channel] = asyncio.Queue(self.channel_layer.capacity)
        self._get_shard(channel).want(channel)

    def forget(self, channel: str) -> None:
        """End a channel that nobody receives from any more."""
        self.channels.pop(channel, None)
        self._get_shard(channel).drop(channel)

    def deliver(self, topic: str, data: bytes) -> None:
        for channel in (topic,) if topic in self.channels else self.groups.get(topic, ()):
            try:
                self.channels[channel].put_nowait(data)
            except (asyncio.QueueFull, KeyError):
                self.dropped += 1


class _Connection:
    """What a layer asks of a shard: `publish`, `subscribe`, `unsubscribe` and `flush`. To one Redis."""

    def __init__(self, host: dict, layer: _LoopLayer):
        self._layer = layer
        # A retry belongs to whoever knows what is still worth sending.
        limits = {"socket_timeout": COMMAND_WITHIN, "socket_connect_timeout": COMMAND_WITHIN}
        pool = create_pool({**limits, "retry": Retry(NoBackoff(), 0), **host})
        self._redis = Redis.from_pool(pool)
        self._refusals = Refusals(layer.prefix)
        self._by = " with TLS, as rediss:// says" if str(host.get("address")).startswith("rediss:") else ""
        self._lost = False  # and said so
        self._outgoing: list[tuple[str, bytes, asyncio.Future]] = []
        self._sending: asyncio.Task | None = None
        self._listening: asyncio.Task | None = None
        self._wanted: set[str] = set()  # topics: channels, and groups
        self._changed = asyncio.Event()  # `_wanted` has
        self._confirmed: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)  # by Redis, on this connection

    async def subscribe(self, topic: str) -> None:
        """Returns once Redis has confirmed it. It holds in any case, as soon as there is a connection."""
        self.want(topic)
        await self._confirmed[topic].wait()

    async def unsubscribe(self, topic: str) -> None:
        self.drop(topic)

    def want(self, topic: str) -> None:
        self._wanted.add(topic)
        self._changed.set()
        if self._listening is None or self._listening.done():
            self._listening = asyncio.create_task(self._listen(), name="chatlab-redis-listen")

    def drop(self, topic: str) -> None:
        if topic in self._wanted:
            self._wanted.discard(topic)
            self._changed.set()

    async def flush(self) -> None:
        self._wanted.clear()
        await _end(self._sending)
        await _end(self._listening)
        await self._redis.aclose(close_connection_pool=True)

    # -- publishing --------------------------------------------------------------------------------------------------

    async def publish(self, topic: str, data: bytes) -> None:
        """Returns once Redis has taken it; its errors are raised."""
        taken = asyncio.get_running_loop().create_future()
        self._outgoing.append((topic, data, taken))
        if self._sending is None or self._sending.done():
            self._sending = asyncio.create_task(self._send(), name="chatlab-redis-send")
        await taken

    async def _send(self) -> None:
        while self._outgoing:
            batch, self._outgoing = self._outgoing[:PIPELINE_MAX], self._outgoing[PIPELINE_MAX:]
            batch = [entry for entry in batch if not entry[2].done()]  # nobody waits for the others any more
            pipeline = self._redis.pipeline(transaction=False)
            for topic, data, _ in batch:
                pipeline.publish(topic, data)
            try:
                results = await pipeline.execute(raise_on_error=False)
            except Exception as error:
                results = [error] * len(batch)
            for (_, _, taken), result in zip(batch, results, strict=True):
                if taken.done():
                    continue
                if isinstance(result, Exception):
                    taken.set_exception(self._refusals.note(result) or result)
                else:
                    taken.set_result(None)

    # -- listening ---------------------------------------------------------------------------------------------------

    async def _listen(self) -> None:
        """One connection after the other, for ever."""
        while True:
            pubsub, steering = self._redis.pubsub(), None
            try:
                await pubsub.subscribe(f"{self._layer.prefix}__hello__")
                steering = asyncio.create_task(self._steer(pubsub))
                steering.add_done_callback(_seen)
                await self._hear(pubsub)
            except Exception as error:
                if not self._refusals.note(error) and not self._lost:
                    logger.warning("Redis is not heard any more (%s%s); readers go by the log", error, self._by)
                self._lost = True
            finally:
                await _end(steering)
                for confirmed in self._confirmed.values():
                    confirmed.clear()
                await pubsub.aclose()
            await asyncio.sleep(AGAIN_AFTER)

    async def _steer(self, pubsub: PubSub) -> None:
        """Whatever is written on a connection that listens. If this fails, no sign of life comes any more."""
        asked: set[str] = set()
        while True:
            self._changed.clear()
            wanted = set(self._wanted)
            if wanted - asked:
                await pubsub.subscribe(*(wanted - asked))
            if asked - wanted:
                for topic in asked - wanted:
                    self._confirmed.pop(topic, None)
                await pubsub.unsubscribe(*(asked - wanted))
            asked = wanted
            try:
                async with asyncio.timeout(PING_EVERY):
                    await self._changed.wait()
            except TimeoutError:
                await pubsub.ping()

    async def _hear(self, pubsub: PubSub) -> None:
        """Silence is counted in waits, because a time-out of an event loop that stood still runs out before anything
        that arrived meanwhile is read: one long wait would give up a good connection, with the events on it.
        """
        silent = 0
        while silent < SILENT_WAITS:
            # None is silence. It is also what redis-py makes of a connection that the kernel gave up, and then at once.
            message = await pubsub.get_message(timeout=SILENT_FOR / SILENT_WAITS)
            if message is None:
                silent += 1
                continue
            silent = 0
            if message["type"] == "message":
                self._layer.deliver(message["channel"].decode(), message["data"])
            elif message["type"] == "subscribe":
                self._confirmed[message["channel"].decode()].set()
            elif message["type"] == "pong" and self._lost:
                # Not earlier: it comes after the answers to all that was subscribed to, each of which may be a refusal.
                logger.warning("Redis is heard again")
                self._lost = False
        raise ConnectionError("no sign of life")


async def _end(task: asyncio.Task | None) -> None:
    """Cancel it until it is over: redis-py sends by `asyncio.wait_for`, which may swallow it once (Python 3.11)."""
    while task is not None and not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=0.1)


def _seen(task: asyncio.Task) -> None:
    """Asyncio complains of an exception that nobody has asked for; whoever ends it may be cancelled before that."""
    if not task.cancelled():
        task.exception()
