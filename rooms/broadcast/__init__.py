"""The channel layer, as a hint that makes things fast. The only user of `channels.layers`.

Nothing depends on it for correctness: what it loses is repaired from the log. So nobody waits for it longer than
CHATLAB_PUBLISH_TIMEOUT, and what can't be delivered is dropped.

Events on the layer are flat, of strings and integers only: `room.deltas` to a room's group, `generation.start` and
`generation.stop` to the group of all workers, `presence.tabs` to the group of all processes with sockets.
"""

from __future__ import annotations

import asyncio
import json
import logging
import uuid
from collections.abc import Awaitable
from typing import NamedTuple

from channels.layers import BaseChannelLayer, get_channel_layer
from django.conf import settings

from ..frames import Cursor

logger = logging.getLogger(__name__)

GENERATIONS = "generations"  # the group of all workers
PRESENCE = "presence"  # the group of all processes with sockets


def group_of(room_id: str) -> str:
    return f"room.{room_id}"


class RoomEvent(NamedTuple):
    """The deltas of a room behind one cursor up to another.

    `frame` is finished, or empty: then they are to be read from the log. `digests`: of each answer that these deltas
    touch, what it is behind them; None where it has ended.
    """

    room: str
    before: Cursor
    head: Cursor
    frame: str
    digests: dict[str, str | None]

    def pack(self) -> dict:
        return {
            "type": "room.deltas",
            "room": self.room,
            "first": self.before.seq + 1,
            "before": self.before.chain,
            "last": self.head.seq,
            "chain": self.head.chain,
            "frame": self.frame,
            "digests": json.dumps(self.digests),
        }

    @classmethod
    def unpack(cls, event: dict) -> RoomEvent:
        before = Cursor(event["first"] - 1, event.get("before", ""))  # an older process does not say it
        head = Cursor(event["last"], event["chain"])
        return cls(event["room"], before, head, event["frame"], json.loads(event["digests"]))


class Mailbox:
    """A place on the layer: a channel, and the groups it is in.

    A layer that is away is no reason to end: nothing here raises for it, and memberships hold when it is back.
    """

    def __init__(self, layer: BaseChannelLayer, channel: str) -> None:
        self._layer, self._channel = layer, channel
        self._groups: set[str] = set()

    @classmethod
    async def open(cls) -> Mailbox:
        layer = get_channel_layer()
        return cls(layer, await layer.new_channel())

    async def join(self, group: str) -> bool:
        """Whether the layer has confirmed it, in time."""
        self._groups.add(group)
        return await _bounded(self._layer.group_add(group, self._channel))

    async def leave(self, group: str) -> None:
        self._groups.discard(group)
        await self._layer.group_discard(group, self._channel)

    async def receive(self) -> dict:
        return await self._layer.receive(self._channel)

    async def close(self) -> None:
        for group in list(self._groups):
            await self.leave(group)
        self._layer.forget(self._channel)


async def _bounded(call: Awaitable) -> bool:
    """Whether the layer did it, in time."""
    try:
        async with asyncio.timeout(settings.CHATLAB_PUBLISH_TIMEOUT):
            await call
    except Exception as error:
        logger.debug("the channel layer does not answer: %r", error)
        return False
    return True


async def is_reachable(within: float) -> bool:
    """Whether the layer passes an event on within so many seconds."""
    mailbox, group = await Mailbox.open(), f"echo.{uuid.uuid4().hex}"
    try:
        async with asyncio.timeout(within):
            await mailbox.join(group)
            await get_channel_layer().group_send(group, {"type": "echo"})
            await mailbox.receive()
    except Exception as error:
        logger.debug("the channel layer does not answer: %r", error)
        return False
    finally:
        await mailbox.close()
    return True


async def send_to_room(event: RoomEvent) -> None:
    await get_channel_layer().group_send(group_of(event.room), event.pack())


async def send_presence(process: str, rooms: str) -> None:
    """Tell the other processes who is here in these rooms; it is told again soon, so it may be lost."""
    event = {"type": "presence.tabs", "process": process, "rooms": rooms}
    await _bounded(get_channel_layer().group_send(PRESENCE, event))


async def send_start(room_id: str, generation_id: int) -> None:
    """Wake the workers. Lost or heard by many, it does no harm: the row is the job, and a claim is won once."""
    event = {"type": "generation.start", "room": room_id, "generation": generation_id}
    await get_channel_layer().group_send(GENERATIONS, event)


async def send_stop(generation_id: int) -> None:
    """Tell every worker that a generation is not its own any more."""
    await get_channel_layer().group_send(GENERATIONS, {"type": "generation.stop", "generation": generation_id})


async def close() -> None:
    """End the layer's connections, if it has any."""
    await get_channel_layer().flush()
