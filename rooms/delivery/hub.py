"""The hub of this process: it hears the events of its rooms once, and offers each to the room's subscriptions.

The process has one mailbox on the channel layer and joins the groups of its rooms with it. But a layer may lose any
event, also the last one of a burst, after which nothing shows the loss. So the hub looks up all heads every
CHATLAB_HEAD_CHECK seconds, in one query, and subscriptions that are behind read the log. The same query compares what
is known here with what the log holds at that very place: a database that was restored has other rows under the same
sequences. Subscriptions that need the same page share one read.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING, TypeVar

from django.conf import settings

from .. import broadcast, database, frames, log
from ..broadcast import RoomEvent
from ..frames import Cursor
from .html_cache import RoomRendering

if TYPE_CHECKING:
    from .subscription import Subscription

logger = logging.getLogger(__name__)

T = TypeVar("T")

NOWHERE = Cursor(0, "")  # of a room whose head is not known here


class RoomHub:
    """One room in this process: its head, the digests of what streams at that head, its HTML, its subscriptions."""

    def __init__(self, room_id: str):
        self.room_id = room_id
        self.head = NOWHERE
        self.digests: dict[str, str] = {}
        self.subscriptions: set[Subscription] = set()
        self.rendering = RoomRendering(room_id, self._rendered)
        self.in_snapshot: list[str] = []  # the messages of the last snapshot, the newest first
        self.suspect = 0  # the head that the last look-up saw
        self._complete = False  # whether `digests` is all of them
        self._noted: list[tuple[Cursor, Cursor, dict]] | None = None  # while they are read
        self._shared: dict[object, asyncio.Future] = {}
        self._state: tuple[Cursor, str] | None = None
        self._joined = False

    async def join(self, mailbox: broadcast.Mailbox) -> None:
        """Hear of this room's events from now on; waited for once, however many subscriptions need it."""
        if not self._joined:
            await self._share("join", lambda: mailbox.join(broadcast.group_of(self.room_id)))
            self._joined = True

    def hear(self, event: RoomEvent) -> None:
        """An event of the layer: first it is known here, then every subscription is offered it."""
        self.note(event.before, event.head, event.frame, event.digests)
        for subscription in self.subscriptions:
            subscription.guarded(subscription.offer, event)

    def note(self, before: Cursor, head: Cursor, frame: str, digests: dict[str, str | None]) -> None:
        """What is behind one cursor up to another has been seen. An empty frame: not what is in it."""
        self.rendering.hear(before.seq + 1, head.seq, frame)
        if self._noted is not None:
            self._noted.append((before, head, digests))
        if head.seq <= self.head.seq:
            return
        self._complete = self._complete and before == self.head
        self.head = head
        for message, digest in digests.items():
            if digest is None:
                self.digests.pop(message, None)
            else:
                self.digests[message] = digest

    @property
    def is_sure(self) -> bool:
        """Whether head and digests are all known."""
        return self._complete

    def doubt(self) -> None:
        """What is known here does not fit the log: look again."""
        self.head, self._complete = NOWHERE, False

    def misses(self, sent: Cursor) -> bool:
        """Whether a subscription at this place has to look: it has not got what was there a look ago already, or it is
        in a history of which nothing is known here.
        """
        return sent.seq < self.suspect or (sent.seq >= self.head.seq and sent != self.head)

    async def prime(self) -> None:
        """Know the head and all digests: looked up once, and again only after events have been lost."""
        while not self._complete:
            known = self.head
            head, digests = await self._share("prime", self._load_streaming)
            if head.seq < known.seq:
                self.doubt()  # a shared read is older than an event, or the log has become shorter
            else:
                self._take(head, digests)

    async def _load_streaming(self) -> tuple[Cursor, dict[str, str]]:
        """As of the newest event that has come meanwhile: where they come faster than one read, the next read would be
        too late again, and so on without an end.
        """
        self._noted = []
        try:
            head, digests = await database.read(log.streaming, self.room_id)
        finally:
            noted, self._noted = self._noted, None
        for before, after, changed in noted:
            if before == head:
                head = after
                digests = {id: digest for id, digest in (digests | changed).items() if digest is not None}
        return head, digests

    def _take(self, head: Cursor, digests: dict[str, str]) -> None:
        if head.seq >= self.head.seq:
            self.head, self.digests, self._complete = head, dict(digests), True

    def _rendered(self) -> None:
        for subscription in self.subscriptions:
            subscription.guarded(subscription.more_is_rendered)

    async def read(self, after: Cursor) -> tuple[log.Page, str] | None:
        """A page and its `deltas` frame: read and encoded once for all who stand at the same place."""
        return await self._share(after, lambda: self._load_page(after))

    async def _load_page(self, after: Cursor) -> tuple[log.Page, str] | None:
        page = await database.read(log.page_after, self.room_id, after)
        return None if page is None else (page, frames.deltas(page.items, page.cursor))

    async def state(self) -> tuple[Cursor, str]:
        """(cursor, `snapshot` frame); built once for all who ask at the same head."""
        return await self._share("snapshot", self._load_state)

    async def _load_state(self) -> tuple[Cursor, str]:
        head = await database.read(log.head_of, self.room_id)
        if self._state is None or self._state[0] != head:
            body = await database.read(log.snapshot, self.room_id)
            cursor = Cursor.parse(body["cursor"])
            streaming = {m["id"]: m["digest"] for m in body["messages"] if m["status"] == "streaming"}
            self._state = cursor, frames.snapshot(body)
            self.in_snapshot = [message["id"] for message in reversed(body["messages"])]
            self._take(cursor, streaming)
        return self._state

    async def _share(self, key: object, load: Callable[[], Awaitable[T]]) -> T:
        """One load for all who ask while it runs; it does not end when one of them goes away."""
        future = self._shared.get(key)
        if future is None:
            future = self._shared[key] = asyncio.ensure_future(load())
            future.add_done_callback(lambda _: self._shared.pop(key, None))
        return await asyncio.shield(future)


class Hub:
    """All rooms that this process serves, and the watch over their heads."""

    def __init__(self) -> None:
        self._rooms: dict[str, RoomHub] = {}
        self._mailbox: broadcast.Mailbox | None = None
        self.draining = False  # this process is about to end: it takes no new subscriptions

    def room(self, room_id: str) -> RoomHub:
        room = self._rooms.get(room_id)
        if room is None:
            room = self._rooms[room_id] = RoomHub(room_id)
        return room

    def attach(self, subscription: Subscription) -> None:
        """Offer it the room's events from now on; at once, or another's `detach` would take its room away."""
        subscription.room.subscriptions.add(subscription)

    async def join(self, room: RoomHub) -> None:
        """Return when the room's events come here. Where the layer doesn't answer in time, they do when it is back."""
        if self._mailbox is not None:
            await room.join(self._mailbox)

    async def detach(self, subscription: Subscription) -> None:
        room = subscription.room
        room.subscriptions.discard(subscription)
        if not room.subscriptions and self._rooms.get(room.room_id) is room:
            del self._rooms[room.room_id]
            room.rendering.forget()
            if self._mailbox is not None:
                await self._mailbox.leave(broadcast.group_of(room.room_id))

    def subscriptions(self) -> list[Subscription]:
        return [subscription for room in self._rooms.values() for subscription in room.subscriptions]

    async def listen(self) -> None:
        """Hear the rooms' events, for ever."""
        self._mailbox = mailbox = await broadcast.Mailbox.open()
        try:
            # Those that were here before it.
            await asyncio.gather(*(mailbox.join(broadcast.group_of(room_id)) for room_id in self._rooms))
            while True:
                self._hear(await mailbox.receive())
                await asyncio.sleep(0)  # whoever else has something to do has a turn between two events
        finally:
            self._mailbox = None
            await mailbox.close()

    def _hear(self, event: dict) -> None:
        room = self._rooms.get(event["room"])
        if room is not None:
            try:
                room.hear(RoomEvent.unpack(event))
            except Exception:  # one event ends nothing: the watch over the heads sees what it was to bring
                logger.exception("room %s: an event could not be passed on", room.room_id)

    async def watch(self) -> None:
        """Look up the heads for ever. A head counts as missed when it was there at the last look already: what was
        committed just now is on its way."""
        while True:
            await asyncio.sleep(settings.CHATLAB_HEAD_CHECK)
            now = asyncio.get_running_loop().time()
            for subscription in self.subscriptions():
                subscription.check(now)
            known = {room_id: room.head for room_id, room in self._rooms.items()}
            try:
                if known:
                    self._compare(known, await database.read(log.heads, known))
            except Exception as error:
                logger.warning("the heads of the rooms could not be read: %r", error)

    def _compare(self, known: Iterable[str], heads: dict[str, int | None]) -> None:
        for room in [self._rooms[room_id] for room_id in known if room_id in self._rooms]:
            head = heads.get(room.room_id)
            if head is None:
                logger.warning(
                    "room %s: its log is not the one that was read here. Was the database restored?", room.room_id
                )
                room.doubt()
            for subscription in room.subscriptions:
                if subscription.sent is not None and room.misses(subscription.sent):
                    subscription.fell_behind()
            room.suspect = head or 0


hub = Hub()
