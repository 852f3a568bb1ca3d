"""One consumer per socket: it passes its room's events on, and hears its client.

A consumer of Channels hands every event of the layer through a thread (`close_old_connections`), makes new tasks for
each wait, and has a channel of its own. All are replaced here: the process hears the layer once for all its sockets
(`rooms.feed`), a socket has one task that passes events on and one that listens to its client; database reads have
threads of their own (`rooms.database`).
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections import deque
from collections.abc import Awaitable, Callable
from functools import partial

from channels.consumer import AsyncConsumer
from django.conf import settings

from .. import access, database, frames, spending
from ..database import CONNECTION_ERRORS
from ..errors import FINAL, BadFrame, Close, NotFound, RoomError, TooLong, Unavailable
from ..feed import Feed, feeds
from ..limits import Bucket, limits
from ..models import Member
from ..presence import presence
from ..reader import RoomReader
from .commands import Closing, obey
from .door import query_of, refuse
from .line import Line

logger = logging.getLogger(__name__)

LEFT = (1000, 1001)  # close codes of a page that goes by itself; a wire that is lost has others

ADMIT_WITHIN = 4.0  # seconds for looking up who this is; daphne gives a whole handshake 5
INBOX_MAX = 100  # events that wait for one socket; what comes then is lost to it, and read from the log


class RoomConsumer(AsyncConsumer):
    """One socket of one member in one room."""

    async def __call__(self, scope, receive, send):
        self._line = Line(send)
        self._bad_frames: deque[float] = deque(maxlen=settings.CHATLAB_BAD_FRAMES[0])  # when the newest came
        self._frames = Bucket(settings.CHATLAB_RATE_FRAMES)
        self._tasks: set[asyncio.Task] = set()
        self._under_way: dict[Callable, asyncio.Task] = {}  # of what needs to run but once at a time
        self._presence = ""  # the newest `presence` frame that is to be sent
        self._is_gone = False  # it left, or was sent away for good
        self.away = False
        try:
            if (await receive())["type"] == "websocket.connect":
                await self._live(scope, receive, send)
        finally:
            self._line.cut_later()

    async def _live(self, scope: dict, receive, send) -> None:
        code = await self._enter(scope)
        if code is not None:
            await refuse(scope, send, code)
            return
        try:
            await send({"type": "websocket.accept", "subprotocol": frames.PROTOCOL})
            await self._serve(scope, receive)
        finally:
            limits.close_socket(self.visitor.name)

    async def send(self, frame: str) -> None:
        """Send a finished frame."""
        await self._line.send(frame)

    # -- the life of the socket --------------------------------------------------------------------------------------

    async def _enter(self, scope: dict) -> int | None:
        """Who this is, or the code to refuse with."""
        if frames.PROTOCOL not in scope["subprotocols"]:
            return Close.OLD_PAGE
        if feeds.draining:
            return Close.DRAINING
        headers = dict(scope["headers"])
        session = scope.get("cookies", {}).get(settings.SESSION_COOKIE_NAME)
        authorization = headers.get(b"authorization", b"").decode("latin-1")
        try:
            async with asyncio.timeout(ADMIT_WITHIN):
                code = await self._admit(scope["url_route"]["kwargs"], session, authorization)
        except (TimeoutError, *CONNECTION_ERRORS) as error:
            logger.warning("%s: nobody can be admitted: %r", scope["path"], error)
            return Close.DRAINING
        if code is not None:
            return code
        if not limits.open_socket(self.visitor.name):
            return Close.TOO_MANY
        return None

    async def _admit(self, named: dict, session: str | None, authorization: str) -> int | None:
        """Look up what the path names, and who this is in it."""
        self.room_id = named["room"]
        self.visitor, member = await database.read(access.admit, session, authorization, self.room_id)
        if member is None:
            return Close.SIGNED_OUT if session and not self.visitor.known else Close.NO_ROOM
        self.member: Member = member
        self.may_ask = not spending.is_restricted() or await database.read(spending.may_ask, member)
        self.seat = access.Seat(self.visitor, member.pk)
        return None

    async def _serve(self, scope: dict, receive) -> None:
        feed = feeds.attach(self.room_id, self)
        self._inbox: asyncio.Queue[dict] = asyncio.Queue(INBOX_MAX)
        self.reader = self._reader_of(feed)
        self.heard = asyncio.get_running_loop().time()
        query = query_of(scope)
        self.tab = frames.parse_tab(query.get("tab")) or secrets.token_urlsafe(8)
        try:
            await self.send(self._welcome())
            async with asyncio.TaskGroup() as group:
                follower = group.create_task(self._follow(feed, query.get("cursor", "")))
                await self._listen(receive)
                follower.cancel()
        except* Closing as closing:
            await self._close(closing.exceptions[0].code)
        finally:
            for task in self._tasks:
                task.cancel()
            presence.leave(self, gone=self._is_gone)
            await feeds.detach(feed, self)

    def _reader_of(self, feed: Feed) -> RoomReader:
        return RoomReader(feed, self.send)

    async def _follow(self, feed: Feed, token: str) -> None:
        """Join first, then read, then pass on what came meanwhile: so nothing falls between."""
        await feeds.join(feed)
        await self._surviving(partial(self.reader.open, token))
        if self.reader.sent is None:
            raise Closing(Close.DRAINING)  # the database is away: come again
        if self.member_id:  # whoever only reads, by a link, is not among those who are here
            presence.enter(self)
        while True:
            await self._surviving(partial(self.reader.deliver, await self._inbox.get()))

    async def _listen(self, receive) -> None:
        while True:
            event = await receive()
            if event["type"] == "websocket.disconnect":
                self._is_gone = self._is_gone or event.get("code") in LEFT
                return
            self.heard = asyncio.get_running_loop().time()
            await self._hear(event.get("text"))

    async def _close(self, code: int) -> None:
        self._is_gone = self._is_gone or code in FINAL
        await self._line.close(code)

    async def _surviving(self, send: Callable[[], Awaitable]) -> None:
        """A database that is away delays this reader; the watch over the heads will call again.

        It takes no coroutine: a task that is cancelled before its first step would leave that one never awaited.
        """
        try:
            await send()
        except NotFound:
            raise Closing(Close.NO_ROOM) from None
        except (*CONNECTION_ERRORS, Unavailable) as error:
            logger.warning("room %s: a reader has to wait: %s", self.room_id, error)

    # -- what the feed and the watches call ---------------------------------------------------------------------------

    @property
    def sent(self):
        return self.reader.sent

    @property
    def confirmed(self) -> int:
        return self.reader.confirmed

    @property
    def member_id(self) -> str:
        return self.seat.member

    def offer(self, event: dict) -> None:
        if not self.reader.lets_pass(event) and not self._inbox.full():
            self._inbox.put_nowait(event)

    def fell_behind(self) -> None:
        self._run_once(self.reader.catch_up)

    def more_is_rendered(self) -> None:
        if not self.is_behind:  # else it is sent when that is over
            self._run_once(self.reader.show_rendered)

    def check(self, now: float) -> None:
        if self.reader.stuck_for(now, self._line.busy_since) > self.reader.patience:
            self.dismiss(Close.TOO_SLOW)
        elif now - self.heard > settings.CHATLAB_IDLE_TIMEOUT:
            self.dismiss(Close.IDLE)

    @property
    def is_behind(self) -> bool:
        return self.reader.full_since is not None

    def show(self, frame: str) -> None:
        """Who is here: one at a time and only the newest, so that a slow reader gets fewer."""
        self._presence = frame
        self._run_once(self._show)

    async def _show(self) -> None:
        while self._presence:
            frame, self._presence = self._presence, ""
            await self.send(frame)

    def dismiss(self, code: int) -> None:
        """Close this socket from outside its own tasks."""
        self._spawn(self._close(code))

    def _run_once(self, work: Callable[[], Awaitable]) -> None:
        """Start this, unless it is under way already."""
        task = self._under_way.get(work)
        if task is None or task.done():
            self._under_way[work] = self._spawn(self._surviving(work))

    def _spawn(self, coroutine) -> asyncio.Task:
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._forget)
        return task

    def _forget(self, task: asyncio.Task) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if isinstance(error, Closing):
            self.dismiss(error.code)
        elif error is not None:
            logger.error("room %s: a socket's task failed", self.room_id, exc_info=error)
            self.dismiss(Close.DRAINING)

    # -- what the client says ----------------------------------------------------------------------------------------

    async def _hear(self, text: str | None) -> None:
        try:
            if text is None:
                raise BadFrame("Frames are text messages, not binary ones.")
            if (
                len(text) > settings.CHATLAB_FRAME_MAX
                or len(text.encode(errors="replace")) > settings.CHATLAB_FRAME_MAX
            ):
                raise BadFrame(f"A frame has at most {settings.CHATLAB_FRAME_MAX:,} bytes.")
            frame = frames.parse(text, text_max=settings.CHATLAB_TEXT_MAX)
            await self._obey(frame)
        except RoomError as refusal:
            await self._refuse(refusal, text)
        except Closing:
            raise
        except Exception:
            logger.exception("room %s: a frame of %s failed", self.room_id, self.seat.member or self.seat.link)
            await self._refuse(Unavailable("Something went wrong here. Try again."), text)

    async def _obey(self, frame: frames.ClientFrame) -> None:
        await obey(self, frame)

    async def _refuse(self, refusal: RoomError, text: str | None) -> None:
        request_id = secrets.token_hex(4)
        level = logging.INFO if isinstance(refusal, BadFrame) else logging.DEBUG
        logger.log(level, "room %s: refused [%s] %s: %s", self.room_id, request_id, refusal.code, refusal.detail)
        await self.send(frames.error(refusal, request_id, frames.client_id_of(text) if text else None))
        if isinstance(refusal, BadFrame):
            self._count_bad_frame()
        elif isinstance(refusal, TooLong):  # refused before it could be counted
            self.spend_frame()

    def _count_bad_frame(self) -> None:
        most, within = settings.CHATLAB_BAD_FRAMES
        self._bad_frames.append(self.heard)
        if len(self._bad_frames) == most and self.heard - self._bad_frames[0] <= within:
            raise Closing(Close.BAD_FRAMES)

    def spend_frame(self) -> None:
        if settings.CHATLAB_LIMITS and self._frames.take():
            raise Closing(Close.TOO_MANY)

    def _welcome(self) -> str:
        me = {"id": self.member.pk, "name": self.member.name, "role": self.member.role}
        if not self.may_ask:
            me["may_ask"] = False
        return frames.welcome(self.room_id, me, self._limits(), settings.CHATLAB_HEARTBEAT)

    def _limits(self) -> dict:
        return {
            "text": settings.CHATLAB_TEXT_MAX,
            "frame": settings.CHATLAB_FRAME_MAX,
            "window": settings.CHATLAB_WINDOW,
        }
