"""The socket of a read-only link: it listens like a member's, and may say nothing but where it is."""

from __future__ import annotations

from django.conf import settings

from .. import access, database, frames
from ..delivery.hub import hub
from ..delivery.viewer import ViewerSubscription
from ..errors import Close, NotAllowed
from .commands import obey
from .room import RoomConsumer


class LinkConsumer(RoomConsumer):
    """One socket of somebody who has shown a link's token. Not a member: whatever is for members is not for it."""

    def write(self, frame: str) -> None:
        if frames.is_for_readers(frame):
            super().write(frame)

    def write_latest(self, frame: str) -> None:
        if frames.is_for_readers(frame):
            super().write_latest(frame)

    async def send(self, frame: str) -> None:
        if frames.is_for_readers(frame):
            await super().send(frame)

    async def _admit(self, named: dict, session: str | None, authorization: str) -> int | None:
        self.visitor, link = await database.read(access.admit_reader, session, authorization, named["link"])
        if link is None:
            return Close.NO_ROOM
        self.room_id, self.link_id = link.room_id, link.pk
        self.grant = access.Grant(self.visitor, link=link.pk)
        return None

    def _may_stay(self) -> bool:
        return super()._may_stay() and self._places.may_read_along(self.link_id)

    def _subscribe(self) -> ViewerSubscription:
        return ViewerSubscription(hub.room(self.room_id), self, self.link_id)

    async def _obey(self, frame: frames.ClientFrame) -> None:
        if not isinstance(frame, frames.Sync):
            self.spend_frame()
            raise NotAllowed("This link is for reading only.")
        await obey(self, frame)

    def _welcome(self) -> str:
        me = {"id": "", "name": "", "role": frames.READER}
        return frames.welcome(self.link_id, me, self._limits(), settings.CHATLAB_HEARTBEAT)
