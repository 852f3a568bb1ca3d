"""One consumer per socket: it subscribes to its room through the hub, and does what its client says.

A consumer of Channels hands every event of the layer through a thread (`close_old_connections`), makes new tasks for
each wait, and has a channel of its own. All are replaced here: the process hears the layer once for all its sockets
(`rooms.delivery.hub`), and a socket that is level has one task, which listens to its client; database reads have
threads of their own (`rooms.database`).
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections import deque

from channels.consumer import AsyncConsumer
from django.conf import settings

from .. import access, addresses, database, frames, spending
from ..database import CONNECTION_ERRORS
from ..delivery.hub import hub
from ..delivery.presence import presence
from ..delivery.subscription import Subscription
from ..errors import FINAL, BadFrame, Close, NotFound, RoomError, TooLong, Unavailable
from ..limits import Bucket
from ..models import Member
from .commands import Closing, obey
from .handshake import query_of, refuse
from .places import Places
from .sender import BoundedSender

logger = logging.getLogger(__name__)

LEFT = (1000, 1001)  # close codes of a page that goes by itself; a wire that is lost has others

ADMIT_WITHIN = 4.0  # seconds for looking up who this is; daphne gives a whole handshake 5


class RoomConsumer(AsyncConsumer):
    """One socket of one member in one room."""

    async def __call__(self, scope, receive, send):
        self._sender = BoundedSender(send)
        self._bad_frames: deque[float] = deque(maxlen=settings.CHATLAB_BAD_FRAMES[0])  # when the newest came
        self._frames = Bucket(settings.CHATLAB_RATE_FRAMES)
        self._closing: asyncio.Task | None = None
        self._places = Places()
        self._is_gone = False  # it left, or was sent away for good
        self.away = False
        try:
            if (await receive())["type"] == "websocket.connect":
                await self._live(scope, receive, send)
        finally:
            self._sender.cut_later()

    async def _live(self, scope: dict, receive, send) -> None:
        try:
            if (code := await self._enter(scope)) is None:
                await send({"type": "websocket.accept", "subprotocol": frames.PROTOCOL})
                await self._serve(scope, receive)
            else:
                await refuse(scope, send, code)
        finally:
            self._places.leave()

    # -- the life of the socket --------------------------------------------------------------------------------------

    async def _enter(self, scope: dict) -> int | None:
        """Who this is, or the code to refuse with."""
        if frames.PROTOCOL not in scope["subprotocols"]:
            return Close.OLD_PAGE
        if hub.draining:
            return Close.DRAINING
        self.address = addresses.of_scope(scope)
        if not self._places.may_knock(self.address):
            return Close.TOO_MANY
        headers = dict(scope["headers"])
        session = scope.get("cookies", {}).get(settings.SESSION_COOKIE_NAME)
        authorization = headers.get(b"authorization", b"").decode("latin-1")
        try:
            async with asyncio.timeout(ADMIT_WITHIN):
                code = await self._admit(scope["url_route"]["kwargs"], session, authorization)
        except (TimeoutError, *CONNECTION_ERRORS) as error:
            logger.warning("%s: nobody can be admitted: %r", scope["path"], error)
            return Close.DRAINING
        if code is None and not self._may_stay():
            return Close.TOO_MANY
        return code

    def _may_stay(self) -> bool:
        return self._places.may_stay(self.visitor.name)

    async def _admit(self, named: dict, session: str | None, authorization: str) -> int | None:
        """Look up what the path names, and who this is in it."""
        self.room_id = named["room"]
        self.visitor, member = await database.read(access.admit, session, authorization, self.room_id)
        if member is None:
            return Close.SIGNED_OUT if session and not self.visitor.known else Close.NO_ROOM
        self.member: Member = member
        self.may_ask = not spending.is_restricted() or await database.read(spending.may_ask, member)
        self.grant = access.Grant(self.visitor, member.pk)
        return None

    async def _serve(self, scope: dict, receive) -> None:
        self.heard = asyncio.get_running_loop().time()
        query = query_of(scope)
        self.tab = frames.parse_tab(query.get("tab")) or secrets.token_urlsafe(8)
        self.subscription = self._subscribe()
        hub.attach(self.subscription)
        try:
            await self.send(self._welcome())
            async with asyncio.TaskGroup() as group:
                opening = group.create_task(self._open(query.get("cursor", "")))
                await self._listen(receive)
                opening.cancel()
        except* Closing as closing:
            await self._close(closing.exceptions[0].code)
        finally:
            self.subscription.end()
            presence.leave(self.subscription, gone=self._is_gone)
            await hub.detach(self.subscription)

    def _subscribe(self) -> Subscription:
        return Subscription(hub.room(self.room_id), self)

    async def _open(self, token: str) -> None:
        """Join first, then read: so nothing falls between."""
        await hub.join(self.subscription.room)
        try:
            await self.subscription.open(token)
        except NotFound:
            raise Closing(Close.NO_ROOM) from None
        except (*CONNECTION_ERRORS, Unavailable) as error:
            logger.warning("room %s: a reader has to wait: %s", self.room_id, error)
            if self.subscription.sent is None:
                raise Closing(Close.DRAINING) from None  # the database is away: come again
        if self.grant.member:  # whoever only reads, by a link, is not among those who are here
            presence.enter(self.subscription)

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
        await self._sender.close(code)

    # -- what its subscription needs -----------------------------------------------------------------------------------

    @property
    def busy_since(self) -> float | None:
        return self._sender.busy_since

    def write(self, frame: str) -> None:
        self._sender.write(frame)

    def write_latest(self, frame: str) -> None:
        self._sender.write_latest(frame)

    async def send(self, frame: str) -> None:
        await self._sender.send(frame)

    def dismiss(self, code: int) -> None:
        if self._closing is None:
            self._closing = asyncio.get_running_loop().create_task(self._close(code))

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
            logger.exception("room %s: a frame of %s failed", self.room_id, self.grant.member or self.grant.link)
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
