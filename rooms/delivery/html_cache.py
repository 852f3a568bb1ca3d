"""What is rendered of one room's messages, in this process: once for all its sockets, from the deltas that pass by.

Rendering stands in nobody's way. Text is sent as it comes; HTML follows when it is there, and how much of it a client
was sent, its subscription knows. What is missing here, a message from before or a delta that never passed, is read from
the log. A process without a subscription to the room renders nothing.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Iterable

from .. import database, frames, log
from ..database import CONNECTION_ERRORS
from .message_html import Mark, RenderedMessage

logger = logging.getLogger(__name__)

KEPT = 128  # finished messages that are kept for readers who come for them
KEPT_CHARACTERS = 4_000_000  # of their HTML
AGAIN_AFTER = 1.0  # seconds, when the database was away


class RoomRendering:
    """Calls `changed` when there is more to send."""

    def __init__(self, room_id: str, changed: Callable[[], None]):
        self._room_id, self._changed = room_id, changed
        self._messages: dict[str, RenderedMessage] = {}  # the oldest first
        self._heard = 0
        self._waiting: dict[str, None] = {}  # messages that may have something to render, in their order
        self._size = 0  # characters of HTML of those that are done
        self._task: asyncio.Task | None = None

    def forget(self) -> None:
        """The last reader has gone, or the log is another one."""
        if self._task is not None:
            self._task.cancel()
        self._messages, self._waiting, self._heard, self._size, self._task = {}, {}, 0, 0, None

    # -- what readers ask ----------------------------------------------------------------------------------------------

    def want(self, ids: Iterable[str]) -> None:
        """Somebody is going to ask for these."""
        for id in ids:
            if id not in self._messages:
                self._messages[id] = RenderedMessage()
                self._wake(id)

    def after(self, id: str, mark: Mark, seq: int) -> tuple[str | None, Mark, bool]:
        """(a frame of what follows a mark or None, the mark behind it, whether that is the end), for a reader that was
        sent the deltas up to `seq`.
        """
        message = self._messages.get(id)
        if message is None:
            self.want([id])
        elif message.known and message.parts_seq <= seq:
            frame, mark = message.frame_after(id, mark)
            return frame, mark, message.is_end(mark)
        return None, mark, False

    # -- what passes by ------------------------------------------------------------------------------------------------

    def hear(self, first: int, last: int, frame: str) -> None:
        """A `deltas` frame; an empty one says only that there are these deltas."""
        if last <= self._heard:
            return
        if not frame or first > self._heard + 1:
            self._doubt()
        for item in json.loads(frame)["items"] if frame else ():
            if item["seq"] > self._heard:
                self._take(item)
        self._heard = last

    def _doubt(self) -> None:
        for id, message in self._messages.items():
            if not message.done:
                message.doubt()
                self._wake(id)

    def _take(self, item: dict) -> None:
        if item["kind"] == "opened":
            opened = item["message"]
            self._messages[opened["id"]] = RenderedMessage(opened | {"seq": item["seq"]})
            if opened["status"] in frames.TERMINAL:
                self._wake(opened["id"])
        elif item["kind"] in ("appended", "closed") and (message := self._messages.get(item["message"])) is not None:
            if item["kind"] == "closed":
                message.close(item["digest"])
                self._wake(item["message"])
            elif item["part"] in frames.PARTS:
                message.hear(item["seq"], item["part"], item["text"])
                if "\n" in item["text"]:
                    self._wake(item["message"])

    # -- the work ------------------------------------------------------------------------------------------------------

    def _wake(self, id: str) -> None:
        self._waiting[id] = None
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._work(), name=f"chatlab-render-{self._room_id}")

    async def _work(self) -> None:
        while self._waiting:
            ids, self._waiting = list(self._waiting), {}
            try:
                await self._load([id for id in ids if id in self._messages and not self._messages[id].known])
            except CONNECTION_ERRORS as error:
                logger.info("room %s: what is to be rendered can't be read: %s", self._room_id, error)
                self._waiting = dict.fromkeys(ids) | self._waiting
                await asyncio.sleep(AGAIN_AFTER)
                continue
            for id in ids:
                if id in self._messages:
                    await self._render(id, self._messages[id])
            self._tidy()

    async def _load(self, ids: list[str]) -> None:
        if ids:
            doubts = {id: self._messages[id].doubts for id in ids}
            found = {body["id"]: body for body in await database.read(log.messages, ids)}
            for id in ids:
                message = self._messages.get(id)
                if message is not None and id in found:
                    message.load(found[id], doubts[id])
                else:
                    self._messages.pop(id, None)  # the room is being deleted

    async def _render(self, id: str, message: RenderedMessage) -> None:
        if message.done:
            return
        try:
            changed = message.known and await message.advance()
        except Exception:
            logger.exception("room %s: message %s could not be rendered", self._room_id, id)
            message.done = True
            return
        if not message.known:
            self._wake(id)
        if message.done:
            self._size += message.size
        if changed:
            self._changed()
        await asyncio.sleep(0)

    def _tidy(self) -> None:
        if len(self._messages) > KEPT or self._size > KEPT_CHARACTERS:
            done = [id for id, message in self._messages.items() if message.done]
            while done and (len(done) > KEPT or self._size > KEPT_CHARACTERS):
                self._size -= self._messages.pop(done.pop(0)).size
