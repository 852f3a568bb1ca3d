"""The channel layer, as a hint that makes things fast. The only user of `channels.layers`.

Nothing depends on it for correctness: what it loses is repaired from the log. So publishing never waits for it longer
than CHATLAB_PUBLISH_TIMEOUT, and what can't be delivered is dropped.

Events on the layer are flat, of strings and integers only (msgpack, the format of the Redis layers, refuses more):
`room.deltas` to a room's group, `generation.start` to the workers' channel, `generation.stop` to the workers' group.
"""

from __future__ import annotations

import json

from channels.layers import get_channel_layer

GENERATIONS = "generations"  # the channel that workers listen on, and the group of all of them


def group_of(room_id: str) -> str:
    return f"room.{room_id}"


class Mailbox:
    """One reader's place on the layer: a channel, and the groups it is in."""

    def __init__(self) -> None:
        self._layer = get_channel_layer()
        self._channel: str | None = None
        self._groups: set[str] = set()

    async def join(self, group: str) -> None:
        """Also repeats a membership: a Redis that was flushed has forgotten it."""
        if self._channel is None:
            self._channel = await self._layer.new_channel()
        self._groups.add(group)
        await self._layer.group_add(group, self._channel)

    async def receive(self) -> dict:
        return await self._layer.receive(self._channel)

    async def leave(self) -> None:
        while self._groups:
            await self._layer.group_discard(self._groups.pop(), self._channel)


def room_event(room_id: str, first: int, last: int, chain: str, frame: str, digests: dict) -> dict:
    """The deltas first..last of a room, with the finished frame; an empty frame says: read them from the log."""
    return {
        "type": "room.deltas",
        "room": room_id,
        "first": first,
        "last": last,
        "chain": chain,
        "frame": frame,
        "digests": json.dumps(digests),
    }


async def send_to_room(room_id: str, event: dict) -> None:
    await get_channel_layer().group_send(group_of(room_id), event)


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
