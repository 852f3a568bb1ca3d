"""Mutants of the channel layer: what publishes, what listens, and what it may cost."""

from __future__ import annotations

from .mutant import Mutant

PUBLISHING = "tests/test_laws_publishing.py"
REDIS = "tests/test_redis_layer.py"

LAYER = [
    Mutant(
        "the layer gets all the time that it wants",
        "rooms/delivery/publisher.py",
        "async with asyncio.timeout(settings.CHATLAB_PUBLISH_TIMEOUT):",
        "async with asyncio.timeout(None):",
        f"{PUBLISHING} -k hangs",
    ),
    Mutant(
        "an event with a hole in it",
        "rooms/delivery/publisher.py",
        "if (segment.first, segment.before) == (self.last + 1, self.chain):",
        "if True:",
        f"{PUBLISHING} -k in_between",
    ),
    Mutant(
        "events wait one by one",
        "rooms/broadcast/redis.py",
        "PIPELINE_MAX = 500",
        "PIPELINE_MAX = 1",
        f"{REDIS} -k round_trip",
    ),
    Mutant(
        "silence is patience",
        "rooms/broadcast/redis.py",
        "while silent < SILENT_WAITS:",
        "while True:",
        f"{REDIS} -k freeze",
    ),
    Mutant(
        "an event loop that stood still is taken for silence",
        "rooms/broadcast/redis.py",
        "SILENT_WAITS = 5",
        "SILENT_WAITS = 1",
        f"{REDIS} -k stood_still",
    ),
    Mutant(
        "nobody asks for a sign of life",
        "rooms/broadcast/redis.py",
        "                await pubsub.ping()\n",
        "                pass\n",
        f"{REDIS} -k silence",
    ),
    Mutant(
        "a new connection subscribes to nothing old",
        "rooms/broadcast/redis.py",
        "asked: set[str] = set()",
        "asked: set[str] = set(self._confirmed)",
        f"{REDIS} -k live_again",
    ),
    Mutant(
        "a join does not wait for Redis",
        "rooms/broadcast/redis.py",
        "        await self._confirmed[topic].wait()\n",
        "        pass\n",
        f"{REDIS} -k misses_nothing",
    ),
    Mutant(
        "a channel grows without a bound",
        "rooms/broadcast/redis.py",
        "asyncio.Queue(self.channel_layer.capacity)",
        "asyncio.Queue()",
        f"{REDIS} -k bounded",
    ),
    Mutant(
        "a channel that ends stays subscribed",
        "rooms/broadcast/redis.py",
        "        self._get_shard(channel).drop(channel)\n",
        "",
        f"{REDIS} -k behind",
    ),
    Mutant(
        "whoever left a group stays in it",
        "rooms/broadcast/redis.py",
        "            self._wanted.discard(topic)\n",
        "            pass\n",
        f"{REDIS} -k subscribed",
    ),
    Mutant(
        "a command that fails is not told to who waits for it",
        "rooms/broadcast/redis.py",
        "taken.set_exception(self._refusals.note(result) or result)",
        "pass",
        f"{REDIS} -k before_redis",
    ),
    Mutant(
        "a refusal is said each time",
        "rooms/broadcast/refusals.py",
        "                if self._seldom(remedy):\n",
        "                if True:\n",
        "tests/test_redis_refusals.py -k one_line_that",
    ),
    Mutant(
        "heads are not looked for while events are expected",
        "rooms/delivery/hub.py",
        "self._compare(known, await database.read(log.heads, known))",
        "pass",
        "tests/test_faults_layer.py -k away_for_one",
    ),
]
