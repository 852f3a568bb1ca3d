"""What this process knows about the rooms it serves: their heads, their events, and who is behind.

The process has one mailbox on the channel layer and joins the groups of its rooms with it; events are handed on to the
sockets from here. But a layer may lose any event, also the last one of a burst, after which nothing shows the loss. So
all heads are looked up every CHATLAB_HEAD_CHECK seconds, in one query, and sockets that are behind read the log. The
same query compares what is known here with what the log holds at that very place: a database that was restored has
other rows under the same sequences. Sockets that need the same pages share one read.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Iterable
from typing import Protocol, TypeVar

from django.conf import settings

from . import broadcast, database, frames, log
from .frames import Cursor
from .rendered import RoomRendering

logger = logging.getLogger(__name__)

T = TypeVar("T")

NOWHERE = Cursor(0, "")  # of a room whose head is not known here


class Reader(Protocol):
    """A socket, as the feed sees it."""

    sent: Cursor | None

    def offer(self, event: dict) -> None:
        """An event of the room. A socket that has no place for it drops it."""
        ...

    def fell_behind(self) -> None:
        """What was sent is not the room's head, and no event has said so."""
        ...

    def more_is_rendered(self) -> None:
        """There are blocks that were not sent."""
        ...

    def check(self, now: float) -> None:
        """Called every CHATLAB_HEAD_CHECK seconds with the loop's time."""
        ...


class Feed:
    """One room in this process: its head, and the digests of what streams at that head."""

    def __init__(self, room_id: str):
        self.room_id = room_id
        self.head = NOWHERE
        self.digests: dict[str, str] = {}
        self.readers: set[Reader] = set()
        self.rendering = RoomRendering(room_id, self._rendered)
        self.in_snapshot: list[str] = []  # the messages of the last snapshot, the newest first
        self.suspect = 0  # the head that the last look-up saw
        self._complete = False  # whether `digests` is all of them
        self._shared: dict[object, asyncio.Future] = {}
        self._state: tuple[Cursor, str] | None = None
        self._parsed: tuple[dict, dict[str, str | None]] | None = None  # the newest event, and its digests
        self._joined = False

    async def join(self, mailbox: broadcast.Mailbox) -> None:
        """Hear of this room's events from now on; waited for once, however many sockets need it."""
        if not self._joined:
            await self._share("join", lambda: mailbox.join(broadcast.group_of(self.room_id)))
            self._joined = True

    def note(self, before: Cursor, head: Cursor, digests: dict[str, str | None]) -> None:
        """What is behind one cursor up to another has been seen, and has changed these digests."""
        if head.seq <= self.head.seq:
            return
        self._complete = self._complete and before == self.head
        self.head = head
        for message, digest in digests.items():
            if digest is None:
                self.digests.pop(message, None)
            else:
                self.digests[message] = digest

    def digests_of(self, event: dict) -> dict[str, str | None]:
        """What an event says of digests: parsed once for all sockets that it is handed to."""
        if self._parsed is None or self._parsed[0] is not event:
            self._parsed = event, json.loads(event["digests"])
        return self._parsed[1]

    @property
    def is_sure(self) -> bool:
        """Whether head and digests are all known."""
        return self._complete

    def doubt(self) -> None:
        """What is known here does not fit the log: look again."""
        self.head, self._complete = NOWHERE, False

    def misses(self, sent: Cursor) -> bool:
        """Whether a reader at this place has to look: it has not got what was there a look ago already, or it is in a
        history of which nothing is known here.
        """
        return sent.seq < self.suspect or (sent.seq >= self.head.seq and sent != self.head)

    async def prime(self) -> None:
        """Know the head and all digests: looked up once, and again only after events have been lost."""
        while not self._complete:
            known = self.head
            head, digests = await self._share("prime", lambda: database.read(log.streaming, self.room_id))
            if head.seq < known.seq:
                self.doubt()  # a shared read is older than an event, or the log has become shorter
            else:
                self._take(head, digests)

    def _take(self, head: Cursor, digests: dict[str, str]) -> None:
        if head.seq >= self.head.seq:
            self.head, self.digests, self._complete = head, dict(digests), True

    def _rendered(self) -> None:
        for reader in list(self.readers):
            reader.more_is_rendered()

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


class Feeds:
    """All rooms that this process serves, and the watch over their heads."""

    def __init__(self) -> None:
        self._feeds: dict[str, Feed] = {}
        self._mailbox: broadcast.Mailbox | None = None
        self.draining = False  # this process is about to end: it takes no new readers

    def attach(self, room_id: str, reader: Reader) -> Feed:
        feed = self._feeds.get(room_id)
        if feed is None:
            feed = self._feeds[room_id] = Feed(room_id)
        feed.readers.add(reader)
        return feed

    async def join(self, feed: Feed) -> None:
        """Return when the room's events come here, or the layer doesn't answer in time: they do when it is back."""
        if self._mailbox is not None:
            await feed.join(self._mailbox)

    async def detach(self, feed: Feed, reader: Reader) -> None:
        feed.readers.discard(reader)
        if not feed.readers and self._feeds.get(feed.room_id) is feed:
            del self._feeds[feed.room_id]
            feed.rendering.forget()
            if self._mailbox is not None:
                await self._mailbox.leave(broadcast.group_of(feed.room_id))

    def readers(self) -> list[Reader]:
        return [reader for feed in self._feeds.values() for reader in feed.readers]

    async def listen(self) -> None:
        """Hand events on to the sockets of their rooms, for ever."""
        self._mailbox = mailbox = await broadcast.Mailbox.open()
        try:
            # Those that were here before it.
            await asyncio.gather(*(mailbox.join(broadcast.group_of(room_id)) for room_id in self._feeds))
            while True:
                event = await mailbox.receive()
                if (feed := self._feeds.get(event["room"])) is not None:
                    for reader in feed.readers:
                        reader.offer(event)
                await asyncio.sleep(0)  # they take it before the next one comes
        finally:
            self._mailbox = None
            await mailbox.close()

    async def watch(self) -> None:
        """Look up the heads for ever. A head counts as missed when it was there at the last look already: what was
        committed just now is on its way."""
        while True:
            await asyncio.sleep(settings.CHATLAB_HEAD_CHECK)
            now = asyncio.get_running_loop().time()
            for reader in self.readers():
                reader.check(now)
            known = {room_id: feed.head for room_id, feed in self._feeds.items()}
            try:
                if known:
                    self._compare(known, await database.read(log.heads, known))
            except Exception as error:
                logger.warning("the heads of the rooms could not be read: %r", error)

    def _compare(self, known: Iterable[str], heads: dict[str, int | None]) -> None:
        for feed in [self._feeds[room_id] for room_id in known if room_id in self._feeds]:
            head = heads.get(feed.room_id)
            if head is None:
                logger.warning(
                    "room %s: its log is not the one that was read here. Was the database restored?", feed.room_id
                )
                feed.doubt()
            for reader in list(feed.readers):
                if reader.sent is not None and feed.misses(reader.sent):
                    reader.fell_behind()
            feed.suspect = head or 0


feeds = Feeds()
