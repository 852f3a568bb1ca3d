"""One client's place in the log of a room: what it was sent, what it has confirmed, and how it catches up.

A subscription that is level writes an event as it comes. Any other reads from the log: first load, reconnect, gap and
wake-up end in the same few lines, which send what follows `sent`. At most CHATLAB_WINDOW bytes beyond what was
confirmed are sent; beyond that the client is simply behind, and the log is the buffer.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager

from django.conf import settings

from .. import database, frames, log
from ..broadcast import RoomEvent
from ..database import CONNECTION_ERRORS
from ..errors import Close, NotFound, Unavailable
from ..frames import Cursor
from .client import Client
from .hub import RoomHub
from .owed_html import OwedHtml
from .window import Window

logger = logging.getLogger(__name__)

ROUNDS = 20  # looks at a head that the rows do not reach


def _now() -> float:
    return asyncio.get_running_loop().time()


class Subscription:
    """Sends a room's log to one client, in order and without a gap."""

    def __init__(self, room: RoomHub, client: Client):
        self.room, self.client = room, client
        self.sent: Cursor | None = None
        self.confirmed = 0  # the newest sequence that the client has said it has
        self._window = Window(settings.CHATLAB_WINDOW, _now)
        self._lock = asyncio.Lock()  # opening, syncs and repairs move `sent` one after the other
        self._owes_synced = False
        self._html = OwedHtml(room.rendering)
        self._tasks: dict[Callable, asyncio.Task] = {}  # of what runs but once at a time

    @property
    def is_behind(self) -> bool:
        """Whether the client has to confirm before it is sent anything."""
        return self._window.full

    def check(self, now: float) -> None:
        """Send away a client that takes nothing, or says nothing; go on where a turn has failed. Called every
        CHATLAB_HEAD_CHECK seconds with the loop's time.
        """
        if self._window.is_stuck(now, self.client.busy_since, settings.CHATLAB_WINDOW_TIMEOUT):
            self.client.dismiss(Close.TOO_SLOW)
        elif now - self.client.heard > settings.CHATLAB_IDLE_TIMEOUT:
            self.client.dismiss(Close.IDLE)
        elif self.sent is not None and self._is_owed and not self._window.full and not self._lock.locked():
            self.fell_behind()

    # -- what the client asks for --------------------------------------------------------------------------------------

    async def open(self, token: str) -> None:
        """Everything after a cursor, or a snapshot; then `synced`. Join the room first: so nothing falls between."""
        async with self._turn():
            if self.sent is None:
                await self._start_from(Cursor.parse(token))
            else:  # a `sync` came first, before this client had joined: what was committed meanwhile is in no event
                await self._catch_up(look=True)

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

    # -- what the hub calls ------------------------------------------------------------------------------------------

    def offer(self, event: RoomEvent) -> None:
        """An event of the room. Who has the turn goes on to the room's head by itself, and so does a client that
        confirms what filled its window: neither needs it. (A turn for each event of each of fifty stuck clients cost
        their neighbours a quarter of their latency.)
        """
        if self.sent is None or self._behind or self._lock.locked() or event.head.seq <= self.sent.seq:
            return
        due = event.before == self.sent and event.frame and self.client.busy_since is None
        frame = self._shown(event.frame) if due else None
        if frame is None:
            self._run_once(self._go_on)
            return
        self._count(event.head, frame)
        self.client.write(frame)
        self._html.add(event.digests)
        self._write_rendered()

    def fell_behind(self) -> None:
        """What was sent is not the room's head, and no event has said so."""
        self._run_once(self.catch_up)

    def more_is_rendered(self) -> None:
        """There are blocks that were not sent."""
        self._html.may_be_more = True
        if not self._lock.locked():  # else whoever has the turn looks for them at its end
            self._write_rendered()

    def guarded(self, work: Callable[..., None], *arguments: object) -> None:
        """What goes wrong with one client is no other's business."""
        try:
            work(*arguments)
        except Exception as error:
            self._fail(error)

    def end(self) -> None:
        for task in self._tasks.values():
            task.cancel()

    async def catch_up(self) -> None:
        """Look into the log, whatever is known of it here."""
        async with self._turn():
            if self.sent is not None:
                await self._catch_up(look=True)

    async def _go_on(self) -> None:
        async with self._turn():
            await self._catch_up()

    def _run_once(self, work: Callable[[], Awaitable[None]]) -> None:
        """Start this, unless it is under way already."""
        task = self._tasks.get(work)
        if task is None or task.done():
            self._tasks[work] = asyncio.get_running_loop().create_task(self._surviving(work))

    async def _surviving(self, work: Callable[[], Awaitable[None]]) -> None:
        """A database that is away delays this client; the watch over the heads will call again."""
        try:
            await work()
        except NotFound:
            self.client.dismiss(Close.NO_ROOM)
        except (*CONNECTION_ERRORS, Unavailable) as error:
            logger.warning("room %s: a reader has to wait: %s", self.room.room_id, error)
        except Exception as error:
            self._fail(error)

    def _fail(self, error: Exception) -> None:
        logger.error("room %s: a subscription failed", self.room.room_id, exc_info=error)
        self.client.dismiss(Close.DRAINING)

    # -- the way through the log -------------------------------------------------------------------------------------

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        """One after the other; what was confirmed and asked for meanwhile is done by whoever has the turn."""
        async with self._lock:
            yield
            while self.sent is not None and not self._window.full:
                if self._is_owed:
                    await self._catch_up()
                elif self._html.may_be_more:
                    await self._send_rendered()
                else:
                    break

    @property
    def _is_owed(self) -> bool:
        return self._owes_synced or self.sent.seq < self.room.head.seq

    def _confirm(self, cursor: Cursor) -> bool:
        self.confirmed = cursor.seq
        return self._window.confirm(cursor.seq)

    @property
    def _behind(self) -> bool:
        """Whether something is to be said first, or confirmed."""
        return self._owes_synced or self._window.full

    def _sent_to_it(self, cursor: Cursor | None) -> bool:
        """Whether this client can be at this cursor: not one from the future, nor of another history."""
        if cursor is None or self.sent is None:
            return False
        return cursor.seq < self.sent.seq or cursor == self.sent

    async def _start_from(self, cursor: Cursor | None) -> None:
        self._window.forgive()
        self._owes_synced = True
        self._html.begin_again()
        head = None if cursor is None else await database.read(log.find, self.room.room_id, cursor)
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
            if self.sent != self.room.head:
                # A read that was shared may be older than the event; or another history was restored.
                self.room.doubt()
            if not self._owes_synced and self.room.is_sure:
                break
            await self.room.prime()
            if self.sent == self.room.head:
                break
            look = True
        else:
            raise Unavailable("This room's log does not fit its head: manage.py verify tells more.")
        if self._owes_synced:
            self._owes_synced = False
            await self.client.send(frames.synced(self.sent, self.room.digests))
            self._html.add(self.room.digests)
        await self._send_rendered()

    async def _send_pages(self, look: bool) -> None:
        while not self._window.full and (look or self.sent.seq < self.room.head.seq):
            found = await self.room.read(self.sent)
            if found is None:
                await self._start_over()
                look = False
                continue
            page, frame = found
            if not page.items:
                return
            self.room.note(self.sent, page.cursor, frame, page.digests)
            shown = self._shown(frame)
            if shown is None:
                await self._send_snapshot()
            else:
                await self._send_up_to(page.cursor, shown)
                self._html.add(page.digests)
            look = not page.up_to_date

    async def _start_over(self) -> None:
        """The log does not go on from what was sent: another history was restored, or the floor has risen."""
        self.room.doubt()
        self.room.rendering.forget()
        self._html.clear()
        self._window.start_over()
        self._owes_synced = True
        await self._send_snapshot()

    async def _send_snapshot(self) -> None:
        await self._send_up_to(*await self.room.state())
        self._html.add(self.room.in_snapshot)

    async def _send_rendered(self) -> None:
        for frame in self._rendered():
            self._count(self.sent, frame)
            await self.client.send(frame)

    def _write_rendered(self) -> None:
        if self.client.busy_since is None:
            for frame in self._rendered():
                self._count(self.sent, frame)
                self.client.write(frame)
                if self.client.busy_since is not None:
                    break
        if self.client.busy_since is not None and self._html:
            self._html.may_be_more = True
            self._run_once(self._go_on)

    def _rendered(self) -> Iterator[str]:
        """What there is of the HTML that is owed, to a client that is level: who is behind needs the text first."""
        for message in self._html.messages():
            while self.sent is not None and not self._behind:
                frame = self._html.next(message, self.sent.seq)
                if frame is None:
                    break
                yield frame

    def _shown(self, frame: str) -> str | None:
        """What this client is shown of a `deltas` frame; None where it needs a snapshot instead."""
        return frame

    async def _send_up_to(self, cursor: Cursor, frame: str) -> None:
        self._count(cursor, frame)
        await self.client.send(frame)

    def _count(self, cursor: Cursor, frame: str) -> None:
        self.sent = cursor
        self._window.add(cursor.seq, len(frame) if frame.isascii() else len(frame.encode()))
