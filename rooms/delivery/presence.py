"""Presence: who is in a room, how far each of their tabs has got, and who is typing. Never sequenced, never stored.

Each process watches its own sockets. Every TICK it looks at its rooms and, where something has changed, gives its
sockets one `presence` frame and the other processes one event with its own part. An event that is lost is made good by
the next repetition; a process that dies falls silent, and its report runs out. Nothing else depends on any of it.

A room of many sockets gets fewer frames, so that it costs the same as one of fifty.
"""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
from collections.abc import Callable

from .. import broadcast, frames
from .roster import PresenceReport, Roster
from .subscription import Subscription

logger = logging.getLogger(__name__)

TICK = 0.5  # seconds: the most often that a room's presence is told
SENDS = 100  # presence frames a second that the sockets of one room get together
ROOMS_AT_ONCE = 20  # looked at without a pause
REPEAT_EVERY = 5.0  # seconds after which a process says again what the others may have missed


class _Room:
    """One room's roster, and what has been told of it."""

    def __init__(self) -> None:
        self.roster = Roster()
        self.asked = False  # a process that has just come to this room does not know of us
        self._frame, self._signs, self._framed_at = "", None, float("-inf")
        self._told, self._told_at = None, float("-inf")

    def tick(self, now: float) -> PresenceReport | None:
        """Give each socket the newest frame, where it has another one. Returns what the others are to be told."""
        report = self.roster.report(now)
        tabs = self.roster.tabs
        pace = max(TICK, len(tabs) / SENDS)
        if now - self._framed_at >= pace and (signs := self.roster.signs(report)) != self._signs:
            self._signs, self._framed_at = signs, now
            self._frame = frames.presence(*self.roster.people(report))
        for tab in tabs:
            if tab.shown != self._frame and not tab.subscription.is_behind:
                tab.shown = self._frame
                tab.subscription.client.write_latest(self._frame)
        return self._news(report, now, pace)

    def _news(self, report: PresenceReport, now: float, pace: float) -> PresenceReport | None:
        """Without others in this room, only that we are here."""
        changed = self.roster.is_shared and report != self._told and now - self._told_at >= pace
        if not (changed or self.asked or now - self._told_at >= REPEAT_EVERY):
            return None
        self._told, self._told_at, self.asked = report, now, False
        return report


class Presence:
    """All rooms that this process serves."""

    def __init__(self, clock: Callable[[], float] | None = None) -> None:
        self._rooms: dict[str, _Room] = {}
        self._process = secrets.token_hex(6)
        self._clock = clock or (lambda: asyncio.get_running_loop().time())

    def enter(self, subscription: Subscription) -> None:
        self._rooms.setdefault(subscription.client.room_id, _Room()).roster.enter(subscription)

    def leave(self, subscription: Subscription, *, gone: bool) -> None:
        if (room := self._rooms.get(subscription.client.room_id)) is not None:
            room.roster.leave(subscription, self._clock(), gone=gone)

    def type(self, subscription: Subscription) -> None:
        if (room := self._rooms.get(subscription.client.room_id)) is not None:
            room.roster.type(subscription.client.grant.member, self._clock())

    def pause(self, subscription: Subscription) -> None:
        if (room := self._rooms.get(subscription.client.room_id)) is not None:
            room.roster.pause(subscription.client.grant.member)

    async def watch(self) -> None:
        """Tell this process's sockets and the other processes, for ever."""
        while True:
            await asyncio.sleep(TICK)
            told = {}
            for number, room_id in enumerate(list(self._rooms), 1):
                if (report := self.tick(room_id)) is not None:
                    told[room_id] = report
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

    def tick(self, room_id: str) -> PresenceReport | None:
        """Look at one room. Returns what the other processes are to be told of it."""
        room = self._rooms[room_id]
        report = room.tick(self._clock())
        if room.roster.is_empty:
            del self._rooms[room_id]
        return report

    def hear(self, event: dict) -> None:
        if event["process"] == self._process:
            return
        try:
            for room_id, packed in json.loads(event["rooms"]).items():
                if (room := self._rooms.get(room_id)) is not None:
                    room.asked |= room.roster.hear(event["process"], PresenceReport.unpack(packed), self._clock())
        except (ValueError, TypeError, AttributeError) as error:
            logger.warning("another process speaks of presence in another way: %r", error)


presence = Presence()
