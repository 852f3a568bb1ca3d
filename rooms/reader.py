"""One reader of a room: what it was sent, what it has confirmed, and how it catches up.

Live events, first load, reconnect, gap and wake-up end in the same few lines: send what follows `sent`. At most
CHATLAB_WINDOW bytes beyond what was confirmed are sent; beyond that the reader is simply behind, the log is the buffer.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager

from django.conf import settings

from . import database, frames, log
from .errors import Unavailable
from .feed import Feed
from .frames import Cursor
from .rendered import NOTHING, Mark
from .window import Window

PATIENCE_BYTES = 8_192  # of a frame: each such piece gives its reader another CHATLAB_WINDOW_TIMEOUT
ROUNDS = 20  # looks at a head that the rows do not reach


class RoomReader:
    """Sends a room's log to one socket, in order and without a gap. `send` takes a finished frame."""

    def __init__(self, feed: Feed, send: Callable[[str], Awaitable[None]]):
        self.feed = feed
        self.sent: Cursor | None = None
        self.confirmed = 0  # the newest sequence that the client has said it has
        self._send = send
        self._window = Window(settings.CHATLAB_WINDOW)
        self._lock = asyncio.Lock()  # events, syncs and repairs move `sent` one after the other
        self._owes_synced = False
        self._to_show: dict[str, Mark] = {}  # messages whose HTML is owed, and how much of it was sent
        self.full_since: float | None = None
        self._confirmed_at = 0.0

    @property
    def patience(self) -> float:
        """Seconds that the next confirmation may take. A snapshot can be far larger than what a slow line carries in
        CHATLAB_WINDOW_TIMEOUT: without more time it would be sent again and again, and never arrive.
        """
        return settings.CHATLAB_WINDOW_TIMEOUT * (1 + self._window.oldest / PATIENCE_BYTES)

    def stuck_for(self, now: float, busy_since: float | None) -> float:
        """Seconds without a confirmation since the window, or the transport (`busy_since`), is full."""
        since = min((at for at in (self.full_since, busy_since) if at is not None), default=now)
        return now - max(since, self._confirmed_at)

    async def open(self, token: str) -> None:
        """Everything after a cursor, or a snapshot; then `synced`."""
        async with self._turn():
            if self.sent is None:
                await self._start_from(Cursor.parse(token))
            else:  # a `sync` came first, before this socket had joined: what was committed meanwhile is in no event
                await self._catch_up(look=True)

    async def deliver(self, event: dict) -> None:
        """A `room.deltas` event: passed on where it is what follows, dropped where it is known, else read from the
        log.
        """
        async with self._turn():
            head = Cursor(event["last"], event["chain"])
            if self.sent is None or head.seq <= self.sent.seq:
                return
            before, digests = self._hear(event)
            if before == self.sent and event["frame"] and not self._behind:
                await self._send_up_to(head, event["frame"])
                self._owe_rendered(digests)
                await self._send_rendered()
            else:
                await self._catch_up()

    def lets_pass(self, event: dict) -> bool:
        """Whether this event is nothing to its reader: the window is full, and the log is there when it is not. (A turn
        for each event of each of fifty stuck readers cost their neighbours a quarter of their latency.)
        """
        if self.sent is None or not self._window.full:
            return False
        self._hear(event)
        return True

    def _hear(self, event: dict) -> tuple[Cursor, dict[str, str | None]]:
        """(where the event begins, its digests); the first of the room's readers to hear it tells the feed."""
        head = Cursor(event["last"], event["chain"])
        before = Cursor(event["first"] - 1, event.get("before", ""))  # of an older process: none
        digests = self.feed.digests_of(event)
        if head.seq > self.feed.head.seq:
            self.feed.note(before, head, digests)
            self.feed.rendering.hear(event["first"], head.seq, event["frame"])
        return before, digests

    async def sync(self, frame: frames.Sync) -> bool:
        """Confirm, repair where that is asked for, go on, and answer `synced` once level. True if it confirmed
        anything.
        """
        cursor = Cursor.parse(frame.cursor)
        if not frame.repair and self._sent_to_it(cursor):
            confirmed = self._confirm(cursor)
            self._owes_synced = True
            if not self._lock.locked():  # else whoever has the turn goes on: it may hang in a full transport for long
                async with self._turn():
                    await self._catch_up()
            return confirmed
        async with self._turn():
            await self._start_from(cursor)
        return False

    async def catch_up(self) -> None:
        async with self._turn():
            if self.sent is not None:
                await self._catch_up(look=True)

    async def show_rendered(self) -> None:
        """Blocks that have been rendered meanwhile."""
        async with self._turn():
            await self._send_rendered()

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        """One after the other; what was confirmed and asked for meanwhile is done by whoever has the turn."""
        async with self._lock:
            yield
            while self._owes_synced and self.sent is not None and not self._window.full:
                await self._catch_up()

    def _confirm(self, cursor: Cursor) -> bool:
        self.confirmed = cursor.seq
        confirmed = self._window.confirm(cursor.seq)
        if confirmed:
            self._confirmed_at = asyncio.get_running_loop().time()
        if not self._window.full:
            self.full_since = None
        return confirmed

    @property
    def _behind(self) -> bool:
        return self._owes_synced or self._window.full

    def _sent_to_it(self, cursor: Cursor | None) -> bool:
        """Whether a reader of ours can be at this cursor: not one from the future, nor of another history."""
        if cursor is None or self.sent is None:
            return False
        return cursor.seq < self.sent.seq or cursor == self.sent

    async def _start_from(self, cursor: Cursor | None) -> None:
        self._window.forgive()
        self.full_since = None
        self._owes_synced = True
        self._to_show = dict.fromkeys(self._to_show, NOTHING)  # it may have had no use for what it was sent
        head = None if cursor is None else await database.read(log.find, self.feed.room_id, cursor)
        if head is not None:
            self.sent, self.confirmed = cursor, cursor.seq
        else:
            await self._send_snapshot()
            head = self.sent.seq
        await self._catch_up(look=head > self.sent.seq)

    async def _catch_up(self, *, look: bool = False) -> None:
        """Send pages until level with the head, or the window is full. `look`: the head known here may be old."""
        for _ in range(ROUNDS):
            await self._send_pages(look)
            if self._window.full:
                return
            if self.sent != self.feed.head:
                # A read that was shared may be older than the event; or another history was restored.
                self.feed.doubt()
            if not self._owes_synced and self.feed.is_sure:
                break
            await self.feed.prime()
            if self.sent == self.feed.head:
                break
            look = True
        else:
            raise Unavailable("This room's log does not fit its head: manage.py verify tells more.")
        if self._owes_synced:
            self._owes_synced = False
            await self._send(frames.synced(self.sent, self.feed.digests))
        await self._send_rendered()

    async def _send_pages(self, look: bool) -> None:
        while not self._window.full and (look or self.sent.seq < self.feed.head.seq):
            found = await self.feed.read(self.sent)
            if found is None:
                await self._start_over()
                look = False
                continue
            page, frame = found
            if not page.items:
                return
            self.feed.note(self.sent, page.cursor, page.digests)
            self.feed.rendering.hear(self.sent.seq + 1, page.cursor.seq, frame)
            await self._send_up_to(page.cursor, frame)
            self._owe_rendered(page.digests)
            look = not page.up_to_date

    async def _start_over(self) -> None:
        """The log does not go on from what was sent: another history was restored, or the floor has risen."""
        self.feed.doubt()
        self.feed.rendering.forget()
        self._to_show = {}
        self._window.start_over()
        self._owes_synced = True
        await self._send_snapshot()

    async def _send_snapshot(self) -> None:
        await self._send_up_to(*await self.feed.state())
        self._owe_rendered(self.feed.in_snapshot)

    def _owe_rendered(self, messages: Iterable[str]) -> None:
        for message in messages:
            self._to_show.setdefault(message, NOTHING)
        self.feed.rendering.want(messages)

    async def _send_rendered(self) -> None:
        """What there is of the HTML that is owed, to a socket that is level: who is behind needs the text first."""
        for message, mark in list(self._to_show.items()):
            if self.sent is None or self._behind:
                return
            frame, self._to_show[message], over = self.feed.rendering.after(message, mark, self.sent.seq)
            if over:
                del self._to_show[message]
            if frame is not None:
                await self._send_counted(frame)

    async def _send_up_to(self, cursor: Cursor, frame: str) -> None:
        self.sent = cursor
        await self._send_counted(frame)

    async def _send_counted(self, frame: str) -> None:
        self._window.add(self.sent.seq, len(frame) if frame.isascii() else len(frame.encode()))
        if self._window.full and self.full_since is None:
            self.full_since = asyncio.get_running_loop().time()
        await self._send(frame)


class LinkReader(RoomReader):
    """The reader of a read-only link: sent the same, without what only members may know."""

    def __init__(self, feed: Feed, send: Callable[[str], Awaitable[None]], link: str):
        super().__init__(feed, send)
        self._link = link
        self._named: set[str] = set()  # the members whose names the last snapshot told

    async def _send_up_to(self, cursor: Cursor, frame: str) -> None:
        shown = frames.deltas_for_reader(frame, self._named)
        if shown is None:
            await self._send_snapshot()
        else:
            await super()._send_up_to(cursor, shown)

    async def _send_snapshot(self) -> None:
        cursor, frame = await self.feed.state()
        authors = await database.read(log.authors, self.feed.room_id)
        body = frames.snapshot_for_reader(json.loads(frame), self._link, authors)
        self._named = set(body["members"])
        await super()._send_up_to(cursor, frames.dump(body))
        self._owe_rendered(self.feed.in_snapshot)
