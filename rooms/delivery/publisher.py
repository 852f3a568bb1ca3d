"""Publishing: from the writer's commit to the channel layer, without ever standing in the writer's way.

One publisher per process. What waits goes out together and gets CHATLAB_PUBLISH_TIMEOUT; what the layer does not take
in that time is dropped. What is committed meanwhile gathers, one event for each room: so a slow layer gets fewer and
larger events, what waits is never older than that time, and nothing old is in the way when the layer is back. A room
whose waiting text outgrows MERGE_BYTES keeps only its place: readers then read the log. The frame of an event is
encoded here, once, however many sockets it goes to.
"""

from __future__ import annotations

import asyncio
import logging

from django.conf import settings

from .. import broadcast, frames
from ..broadcast import RoomEvent
from ..broadcast.refusals import Refused
from ..frames import Cursor
from ..log import Batch, Segment

logger = logging.getLogger(__name__)

MERGE_BYTES = 65_536
AGAIN_AFTER = 0.5  # seconds until a layer that failed is tried again


class Publisher:
    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task | None = None
        self._wake: asyncio.Event | None = None
        self._rooms: dict[str, _Waiting] = {}
        self._starts: set[tuple[str, int]] = set()
        self._stops: set[int] = set()
        self._failing = False

    def start(self) -> None:
        """Publish from this event loop on."""
        self._loop = asyncio.get_running_loop()
        self._wake = asyncio.Event()
        self._task = self._loop.create_task(self._run(), name="chatlab-publisher")

    async def stop(self) -> None:
        """Publish what waits (one try), then end."""
        task, self._task, self._loop = self._task, None, None
        if task is not None:
            task.cancel()
            await asyncio.wait([task])
            await self._send_waiting()

    def publish(self, batch: Batch) -> None:
        """Take over a committed batch; callable from any thread. Without a running loop it is dropped: nobody
        listens.
        """
        loop = self._loop
        if loop is not None:
            try:
                loop.call_soon_threadsafe(self._take, batch)
            except RuntimeError:  # the loop closed meanwhile: the process is ending
                pass

    def _take(self, batch: Batch) -> None:
        for segment in batch.segments:
            waiting = self._rooms.get(segment.room)
            if waiting is None:
                self._rooms[segment.room] = _Waiting(segment)
            else:
                waiting.merge(segment)
        self._starts.update(batch.starts)
        self._stops.update(batch.stops)
        self._wake.set()

    async def _run(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            await self._send_waiting()
            if self._failing:
                await asyncio.sleep(AGAIN_AFTER)

    async def _send_waiting(self) -> None:
        """All of it, side by side."""
        sending = [waiting.send() for waiting in self._rooms.values()]
        sending += [broadcast.send_start(*start) for start in self._starts]
        sending += [broadcast.send_stop(generation) for generation in self._stops]
        self._rooms, self._starts, self._stops = {}, set(), set()
        try:
            async with asyncio.timeout(settings.CHATLAB_PUBLISH_TIMEOUT):
                results = await asyncio.gather(*sending, return_exceptions=True)
        except TimeoutError as error:
            results = [error]
        self._note(next((result for result in results if isinstance(result, Exception)), None))

    def _note(self, error: Exception | None) -> None:
        """Whether the layer takes events, said once; by the layer itself where it knows what mends it."""
        if error is not None and not self._failing and not isinstance(error, Refused):
            logger.warning("the channel layer does not take events (%r); readers go by the log", error)
        elif error is None and self._failing:
            logger.warning("the channel layer takes events again")
        self._failing = error is not None


class _Waiting:
    """Consecutive deltas of one room that wait to be published."""

    def __init__(self, segment: Segment):
        self.room, self.first, self.last = segment.room, segment.first, segment.last
        self.before, self.chain = segment.before, segment.chain
        self.digests = dict(segment.digests)
        self.items: list[str] | None = []
        self._size = 0
        self._add(segment.items)

    def merge(self, segment: Segment) -> None:
        if (segment.first, segment.before) == (self.last + 1, self.chain):
            self.digests |= segment.digests
            self._add(segment.items)
        else:  # another process has written in between, or another history was restored: an event has no hole
            self.first, self.before, self.digests = segment.first, segment.before, dict(segment.digests)
            self.items = None
        self.last, self.chain = segment.last, segment.chain

    def _add(self, items: list[str]) -> None:
        self._size += sum(map(len, items))
        if self._size > MERGE_BYTES:
            self.items = None
        elif self.items is not None:
            self.items += items

    async def send(self) -> None:
        frame = "" if self.items is None else frames.deltas(self.items, Cursor(self.last, self.chain))
        before, last = Cursor(self.first - 1, self.before), Cursor(self.last, self.chain)
        await broadcast.send_to_room(RoomEvent(self.room, before, last, frame, self.digests))
