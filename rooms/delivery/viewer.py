"""The subscription of somebody who has shown a read-only link."""

from __future__ import annotations

import json

from .. import database, frames, log
from .client import Client
from .hub import RoomHub
from .subscription import Subscription


class ViewerSubscription(Subscription):
    """Sent the same as a member, without what only members may know."""

    def __init__(self, room: RoomHub, client: Client, link: str):
        super().__init__(room, client)
        self._link = link
        self._named: set[str] = set()  # the members whose names the last snapshot told

    def _shown(self, frame: str) -> str | None:
        return frames.deltas_for_reader(frame, self._named)

    async def _send_snapshot(self) -> None:
        cursor, frame = await self.room.state()
        authors = await database.read(log.authors, self.room.room_id)
        body = frames.snapshot_for_reader(json.loads(frame), self._link, authors)
        self._named = set(body["members"])
        await self._send_up_to(cursor, frames.dump(body))
        self._html.add(self.room.in_snapshot)
