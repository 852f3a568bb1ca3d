"""Presence: who is in a room, how far each of their tabs has got, and who is typing. Never sequenced, never stored.

Each process watches its own sockets. Every TICK it looks at its rooms and, where something has changed, gives its
sockets one `presence` frame and the other processes one event with its own part. An event that is lost is made good by
the next repetition; a process that dies falls silent, and its word runs out. Nothing else depends on any of it.

A room of many sockets gets fewer frames, so that it costs the same as one of fifty.
"""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
from collections.abc import Callable

from .. import broadcast, frames
from .company import Company, Connected, People, Word

__all__ = ["Connected", "Presence", "presence"]

logger = logging.getLogger(__name__)

TICK = 0.5  # seconds: the most often that a room's presence is told
SENDS = 100  # presence frames a second that the sockets of one room get together
REPEAT_EVERY = 5.0  # seconds after which a process says again what the others may have missed


class _Room:
    """One room's company, and what has been told of it."""

    def __init__(self) -> None:
        self.company = Company()
        self.people: People | None = None
        self.frame = ""
        self.framed_at = float("-inf")
        self.told: Word | None = None
        self.told_at = float("-inf")
        self.asked = False  # a process that has just come to this room does not know of us

    @property
    def pace(self) -> float:
        """Seconds between two frames, and between two events."""
        return max(TICK, len(self.company.tabs) / SENDS)

    def make_frame(self, now: float) -> str:
        """The newest frame; made anew where there is news, and where it is time."""
        if now - self.framed_at >= self.pace:
            people = self.company.people(now)
            if people.is_news_after(self.people):
                self.people, self.framed_at = people, now
                self.frame = frames.presence(people.members, people.more)
        return self.frame

    def news(self, now: float) -> Word | None:
        """What the other processes are to be told now. Without others in this room, only that we are here."""
        word = self.company.word(now)
        changed = word != self.told and self.company.is_shared and now - self.told_at >= self.pace
        if not (changed or self.asked or now - self.told_at >= REPEAT_EVERY):
            return None
        self.told, self.told_at, self.asked = word, now, False
        return word


class Presence:
    """All rooms that this process serves."""

    def __init__(self, clock: Callable[[], float] | None = None) -> None:
        self._rooms: dict[str, _Room] = {}
        self._process = secrets.token_hex(6)
        self._clock = clock or (lambda: asyncio.get_running_loop().time())

    def enter(self, socket: Connected) -> None:
        self._rooms.setdefault(socket.room_id, _Room()).company.enter(socket)

    def leave(self, socket: Connected, *, gone: bool) -> None:
        if (room := self._rooms.get(socket.room_id)) is not None:
            room.company.leave(socket, self._clock(), gone=gone)

    def type(self, socket: Connected) -> None:
        if (room := self._rooms.get(socket.room_id)) is not None:
            room.company.type(socket.member_id, self._clock())

    def pause(self, socket: Connected) -> None:
        if (room := self._rooms.get(socket.room_id)) is not None:
            room.company.pause(socket.member_id)

    async def watch(self) -> None:
        """Tell this process's sockets and the other processes, for ever."""
        while True:
            await asyncio.sleep(TICK)
            self.show()
            if news := self.news():
                await broadcast.send_presence(self._process, json.dumps(news))

    async def listen(self) -> None:
        """Hear the other processes, for ever."""
        mailbox = await broadcast.Mailbox.open()
        await mailbox.join(broadcast.PRESENCE)
        try:
            while True:
                self.hear(await mailbox.receive())
        finally:
            await mailbox.close()

    def show(self) -> None:
        """Give each of our sockets the newest frame of its room, where it has another one."""
        now = self._clock()
        for room in self._rooms.values():
            frame = room.make_frame(now)
            for tab in room.company.tabs:
                if tab.shown != frame and not tab.socket.is_behind:
                    tab.shown = frame
                    tab.socket.show(frame)

    def news(self) -> dict[str, list]:
        """What the other processes are to be told, by room. Rooms that nobody of ours is in any more are forgotten."""
        now, told = self._clock(), {}
        for room_id, room in list(self._rooms.items()):
            if (word := room.news(now)) is not None:
                told[room_id] = word.packed()
            if room.company.is_empty:
                del self._rooms[room_id]
        return told

    def hear(self, event: dict) -> None:
        if event["process"] == self._process:
            return
        try:
            for room_id, packed in json.loads(event["rooms"]).items():
                if (room := self._rooms.get(room_id)) is not None:
                    room.asked |= room.company.hear(event["process"], Word.unpack(packed), self._clock())
        except (ValueError, TypeError, AttributeError) as error:
            logger.warning("another process speaks of presence in another way: %r", error)


presence = Presence()
