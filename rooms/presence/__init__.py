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
from .company import Company, Connected, Word

__all__ = ["Connected", "Presence", "presence"]

logger = logging.getLogger(__name__)

TICK = 0.5  # seconds: the most often that a room's presence is told
SENDS = 100  # presence frames a second that the sockets of one room get together
ROOMS_AT_ONCE = 20  # looked at without a pause
REPEAT_EVERY = 5.0  # seconds after which a process says again what the others may have missed


class _Room:
    """One room's company, and what has been told of it."""

    def __init__(self) -> None:
        self.company = Company()
        self.asked = False  # a process that has just come to this room does not know of us
        self._frame, self._signs, self._framed_at = "", None, float("-inf")
        self._told, self._told_at = None, float("-inf")

    def tick(self, now: float) -> Word | None:
        """Give each socket the newest frame, where it has another one. Returns what the others are to be told."""
        word = self.company.word(now)
        tabs = self.company.tabs
        pace = max(TICK, len(tabs) / SENDS)
        if now - self._framed_at >= pace and (signs := self.company.signs(word)) != self._signs:
            self._signs, self._framed_at = signs, now
            self._frame = frames.presence(*self.company.people(word))
        for tab in tabs:
            if tab.shown != self._frame and not tab.socket.is_behind:
                tab.shown = self._frame
                tab.socket.show(self._frame)
        return self._news(word, now, pace)

    def _news(self, word: Word, now: float, pace: float) -> Word | None:
        """Without others in this room, only that we are here."""
        changed = self.company.is_shared and word != self._told and now - self._told_at >= pace
        if not (changed or self.asked or now - self._told_at >= REPEAT_EVERY):
            return None
        self._told, self._told_at, self.asked = word, now, False
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
            told = {}
            for number, room_id in enumerate(list(self._rooms), 1):
                if (word := self.tick(room_id)) is not None:
                    told[room_id] = word
                if number % ROOMS_AT_ONCE == 0:
                    await asyncio.sleep(0)  # what streams does not wait for all rooms
            if told:
                await broadcast.send_presence(self._process, json.dumps(told))

    async def listen(self) -> None:
        """Hear the other processes, for ever."""
        mailbox = await broadcast.Mailbox.open()
        await mailbox.join(broadcast.PRESENCE)
        try:
            while True:
                self.hear(await mailbox.receive())
        finally:
            await mailbox.close()

    def tick(self, room_id: str) -> Word | None:
        """Look at one room. Returns what the other processes are to be told of it."""
        room = self._rooms[room_id]
        word = room.tick(self._clock())
        if room.company.is_empty:
            del self._rooms[room_id]
        return word

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
