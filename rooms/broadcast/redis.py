"""The channel layer of several processes, on Redis pub/sub: at most once, and nothing of it is kept anywhere.

channels_redis has such a layer too. It does not do where Redis is not well: a connection that the kernel gives up
(ETIMEDOUT, after a router has forgotten it) makes its receiver spin without ever yielding, and with it stops the whole
process; its publishes wait for each other's round trips; what it could not subscribe to once it never tries again; and
what a reader has not taken yet grows without a bound. Here:

- One connection publishes. What gathers while a round trip runs goes out in the next one, in a single pipeline.
- One connection listens. It is asked for a sign of life, and one that is silent is given up; the next one subscribes
  to everything again. So who has joined once need not join again.
- Nobody who loses patience cancels a command: they stop waiting, and the connection is never left in mid-answer.
"""

from __future__ import annotations

import asyncio
import json
import logging
import uuid
from collections import defaultdict

from channels.layers import BaseChannelLayer
from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError

logger = logging.getLogger(__name__)

COMMAND_WITHIN = 2.0  # seconds for connecting, and for one round trip
PING_EVERY = 2.0
SILENT_FOR = 5.0  # seconds without a sign of life, after which a connection that listens is given up
AGAIN_AFTER = 0.5  # seconds until the next one is tried
PIPELINE_MAX = 500  # events in one round trip


class RedisLayer(BaseChannelLayer):
    """`capacity`: events that wait in one channel; more are dropped and counted."""

    extensions = ["groups"]

    def __init__(self, url: str, prefix: str = "chatlab", capacity: int = 2000, **kwargs):
        super().__init__(capacity=capacity, **kwargs)
        self.dropped = 0
        self._prefix = prefix
        # A retry belongs to whoever knows what is still worth sending.
        self._redis = Redis.from_url(
            url,
            socket_timeout=COMMAND_WITHIN,
            socket_connect_timeout=COMMAND_WITHIN,
            retry=Retry(NoBackoff(), 0),
        )
        self._queues: dict[str, asyncio.Queue[dict]] = {}
        self._topics: defaultdict[str, set[str]] = defaultdict(set)  # what is subscribed to, and for which channels
        self._outgoing: list[tuple[str, bytes, asyncio.Future]] = []
        self._sending: asyncio.Task | None = None
        self._listening: asyncio.Task | None = None
        self._changed = asyncio.Event()  # `_topics` has
        self._confirmed: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)  # by Redis, on this connection

    # -- the channel layer's interface -------------------------------------------------------------------------------

    async def new_channel(self, prefix: str = "specific") -> str:
        channel = f"{prefix}.{uuid.uuid4().hex}"
        self._queues[channel] = asyncio.Queue(self.capacity)
        self._subscribe(self._topic("channel", channel), channel)
        return channel

    async def receive(self, channel: str) -> dict:
        try:
            return await self._queues[channel].get()
        except asyncio.CancelledError:
            self.forget(channel)
            raise

    async def send(self, channel: str, message: dict) -> None:
        self.require_valid_channel_name(channel)
        await self._publish(self._topic("channel", channel), message)

    async def group_add(self, group: str, channel: str) -> None:
        """Returns once Redis has confirmed it. The membership holds in any case, as soon as there is a connection."""
        self.require_valid_group_name(group)
        topic = self._topic("group", group)
        self._subscribe(topic, channel)
        await self._confirmed[topic].wait()

    async def group_discard(self, group: str, channel: str) -> None:
        self._unsubscribe(self._topic("group", group), channel)

    async def group_send(self, group: str, message: dict) -> None:
        """Returns once Redis has taken it; its errors are raised."""
        self.require_valid_group_name(group)
        await self._publish(self._topic("group", group), message)

    def forget(self, channel: str) -> None:
        """End a channel that nobody receives from any more."""
        self._queues.pop(channel, None)
        self._unsubscribe(self._topic("channel", channel), channel)

    async def close(self) -> None:
        await _end(self._sending)
        await _end(self._listening)
        await self._redis.aclose()

    # -- publishing --------------------------------------------------------------------------------------------------

    async def _publish(self, topic: str, message: dict) -> None:
        taken = asyncio.get_running_loop().create_future()
        self._outgoing.append((topic, json.dumps(message, ensure_ascii=False).encode(), taken))
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
                    taken.set_exception(result)
                else:
                    taken.set_result(None)

    # -- listening ---------------------------------------------------------------------------------------------------

    def _subscribe(self, topic: str, channel: str) -> None:
        self._topics[topic].add(channel)
        self._changed.set()
        if self._listening is None or self._listening.done():
            self._listening = asyncio.create_task(self._listen(), name="chatlab-redis-listen")

    def _unsubscribe(self, topic: str, channel: str) -> None:
        channels = self._topics.get(topic)
        if channels is not None:
            channels.discard(channel)
            if not channels:
                del self._topics[topic]
                self._changed.set()

    async def _listen(self) -> None:
        """One connection after the other, for ever."""
        lost = False
        while True:
            pubsub, steering = self._redis.pubsub(), None
            try:
                await pubsub.subscribe(f"{self._prefix}.hello")
                if lost:
                    logger.warning("Redis is heard again")
                lost = False
                steering = asyncio.create_task(self._steer(pubsub))
                await self._hear(pubsub)
            except Exception as error:
                if not lost:
                    logger.warning("Redis is not heard any more (%s); readers go by the log", error)
                lost = True
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
            wanted = set(self._topics)
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
        while True:
            # None is silence. It is also what redis-py makes of a connection that the kernel gave up, and then at once.
            message = await pubsub.get_message(timeout=SILENT_FOR)
            if message is None:
                raise ConnectionError("no sign of life")
            if message["type"] == "message":
                self._deliver(message["channel"].decode(), message["data"])
            elif message["type"] == "subscribe":
                self._confirmed[message["channel"].decode()].set()

    def _deliver(self, topic: str, data: bytes) -> None:
        message = json.loads(data)
        for channel in self._topics.get(topic, ()):
            try:
                self._queues[channel].put_nowait(message)
            except (asyncio.QueueFull, KeyError):
                self.dropped += 1

    def _topic(self, kind: str, name: str) -> str:
        return f"{self._prefix}.{kind}.{name}"


async def _end(task: asyncio.Task | None) -> None:
    """Cancel it until it is over: redis-py sends by `asyncio.wait_for`, which may swallow it once (Python 3.11)."""
    while task is not None and not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=0.1)
    if task is not None and not task.cancelled():
        task.exception()  # asyncio complains of one that nobody has asked for
