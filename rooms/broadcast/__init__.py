"""The channel layer, as a hint that makes things fast. The only user of `channels.layers`.

Nothing depends on it for correctness: what it loses is repaired from the log. So publishing never waits for it longer
than CHATLAB_PUBLISH_TIMEOUT, and what can't be delivered is dropped.

Events on the layer are flat, of strings and integers only (msgpack, the format of the Redis layers, refuses more):
`room.deltas` to a room's group, `generation.start` to the workers' channel, `generation.stop` to the workers' group,
`presence.tabs` to the group of all processes with sockets.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable

from channels.layers import get_channel_layer
from django.conf import settings

from ..frames import Cursor

logger = logging.getLogger(__name__)

RECEIVE_AGAIN = 1.0  # seconds after which a layer that failed is listened to again
GENERATIONS = "generations"  # the channel that workers listen on, and the group of all of them
PRESENCE = "presence"  # the group of all processes with sockets


def group_of(room_id: str) -> str:
    return f"room.{room_id}"


class Mailbox:
    """One reader's place on the layer: a channel, and the groups it is in.

    A layer that is away is no reason to end: what it would have brought is read from the log, later. So nothing here
    raises for it; `rejoin` brings back what it has lost or never took.
    """

    def __init__(self) -> None:
        self._layer = get_channel_layer()
        self._channel: str | None = None
        self._groups: dict[str, bool] = {}  # whether the layer has taken the membership

    @property
    def complete(self) -> bool:
        return all(self._groups.values())

    async def join(self, group: str) -> None:
        if self._channel is None:
            self._channel = await self._layer.new_channel()
        self._groups[group] = await _bounded(self._layer.group_add(group, self._channel))

    async def rejoin(self) -> None:
        """Repeat all memberships: those that the layer never took, and those that a flushed Redis has forgotten."""
        for group in list(self._groups):
            await self.join(group)

    async def receive(self) -> dict:
        while True:
            try:
                return await self._layer.receive(self._channel)
            except Exception as error:
                logger.debug("no events: %r", error)
                await asyncio.sleep(RECEIVE_AGAIN)

    async def leave(self) -> None:
        while self._groups:
            group, _ = self._groups.popitem()
            await _bounded(self._layer.group_discard(group, self._channel))


async def _bounded(call: Awaitable) -> bool:
    """Whether the layer did it, in time."""
    try:
        async with asyncio.timeout(settings.CHATLAB_PUBLISH_TIMEOUT):
            await call
    except Exception as error:
        logger.debug("the channel layer does not answer: %r", error)
        return False
    return True


def room_event(room_id: str, before: Cursor, last: Cursor, frame: str, digests: dict) -> dict:
    """The deltas behind one cursor up to another, with the finished frame; an empty frame says: read them from the
    log.
    """
    return {
        "type": "room.deltas",
        "room": room_id,
        "first": before.seq + 1,
        "before": before.chain,
        "last": last.seq,
        "chain": last.chain,
        "frame": frame,
        "digests": json.dumps(digests),
    }


async def answers(within: float) -> bool:
    """Whether the layer passes an event on within so many seconds."""
    layer = get_channel_layer()
    try:
        async with asyncio.timeout(within):
            channel = await layer.new_channel()
            await layer.send(channel, {"type": "room.ping"})
            await layer.receive(channel)
    except Exception as error:
        logger.debug("the channel layer does not answer: %r", error)
        return False
    return True


async def send_to_room(room_id: str, event: dict) -> None:
    await get_channel_layer().group_send(group_of(room_id), event)


async def send_presence(process: str, rooms: str) -> None:
    """Tell the other processes who is here in these rooms; it is told again soon, so it may be lost."""
    event = {"type": "presence.tabs", "process": process, "rooms": rooms}
    await _bounded(get_channel_layer().group_send(PRESENCE, event))


async def send_start(room_id: str, generation_id: int) -> None:
    """Wake a worker. Lost or doubled, it does no harm: the row is the job, and a claim is won once."""
    event = {"type": "generation.start", "room": room_id, "generation": generation_id}
    await get_channel_layer().send(GENERATIONS, event)


async def receive_start() -> dict:
    """The next wake-up for a worker."""
    return await get_channel_layer().receive(GENERATIONS)


async def send_stop(generation_id: int) -> None:
    """Tell every worker that a generation is not its own any more."""
    await get_channel_layer().group_send(GENERATIONS, {"type": "generation.stop", "generation": generation_id})
