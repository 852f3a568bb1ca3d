"""Publishing: from the writer's commit to the channel layer, without ever standing in the writer's way.

One publisher per process. Segments wait in order; consecutive ones of a room are merged while they wait, so a slow
layer gets fewer and larger events. A room whose waiting text outgrows MERGE_BYTES keeps only its place: readers then
read the log. The frame of an event is encoded here, once, however many sockets it goes to.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque

from django.conf import settings

from . import broadcast, frames
from .frames import Cursor
from .log import Batch, Segment

logger = logging.getLogger(__name__)

MERGE_BYTES = 65_536
WAITING_MAX = 10_000  # segments and wake-ups; beyond that the oldest are dropped


class Publisher:
    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task | None = None
        self._wake: asyncio.Event | None = None
        self._waiting: deque[_Waiting] = deque()
        self._newest: dict[str, _Waiting] = {}
        self._failing = False

    def start(self) -> None:
        """Publish from this event loop on."""
        self._loop = asyncio.get_running_loop()
        self._wake = asyncio.Event()
        self._task = self._loop.create_task(self._run(), name="chatlab-publisher")

    async def stop(self) -> None:
        """Publish what waits (one try each), then end."""
        task, self._task, self._loop = self._task, None, None
        if task is not None:
            task.cancel()
            await asyncio.wait([task])
            while self._waiting:
                await self._send_next()

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
            newest = self._newest.get(segment.room)
            if newest is None or not newest.merge(segment):
                self._newest[segment.room] = waiting = _Waiting(segment)
                self._waiting.append(waiting)
        self._waiting.extend(_Start(*start) for start in batch.starts)
        self._waiting.extend(_Stop(generation) for generation in batch.stops)
        while len(self._waiting) > WAITING_MAX:
            self._forget(self._waiting.popleft())
        self._wake.set()

    async def _run(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._waiting:
                await self._send_next()

    async def _send_next(self) -> None:
        waiting = self._waiting.popleft()
        self._forget(waiting)
        try:
            async with asyncio.timeout(settings.CHATLAB_PUBLISH_TIMEOUT):
                await waiting.send()
        except Exception as error:
            if not self._failing:
                logger.warning("the channel layer does not take events (%r); readers go by the log", error)
            self._failing = True
        else:
            if self._failing:
                logger.warning("the channel layer takes events again")
            self._failing = False

    def _forget(self, waiting: _Waiting) -> None:
        room = getattr(waiting, "room", None)
        if room is not None and self._newest.get(room) is waiting:
            del self._newest[room]


class _Waiting:
    """Consecutive deltas of one room that wait to be published."""

    def __init__(self, segment: Segment):
        self.room, self.first, self.last = segment.room, segment.first, segment.last
        self.before, self.chain = segment.before, segment.chain
        self.digests = dict(segment.digests)
        self.items: list[str] | None = []
        self.size = 0
        self._add(segment.items)

    def merge(self, segment: Segment) -> bool:
        """False where it does not follow: another process has written in between, or another history was restored."""
        if (segment.first, segment.before) != (self.last + 1, self.chain):
            return False
        self.last, self.chain = segment.last, segment.chain
        self.digests |= segment.digests
        self._add(segment.items)
        return True

    def _add(self, items: list[str]) -> None:
        self.size += sum(map(len, items))
        if self.size > MERGE_BYTES:
            self.items = None
        elif self.items is not None:
            self.items += items

    async def send(self) -> None:
        frame = "" if self.items is None else frames.deltas(self.items, Cursor(self.last, self.chain))
        before, last = Cursor(self.first - 1, self.before), Cursor(self.last, self.chain)
        event = broadcast.room_event(self.room, before, last, frame, self.digests)
        await broadcast.send_to_room(self.room, event)


class _Start:
    def __init__(self, room: str, generation: int):
        self._room, self._generation = room, generation

    async def send(self) -> None:
        await broadcast.send_start(self._room, self._generation)


class _Stop:
    def __init__(self, generation: int):
        self._generation = generation

    async def send(self) -> None:
        await broadcast.send_stop(self._generation)
