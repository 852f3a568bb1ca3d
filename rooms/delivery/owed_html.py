"""The HTML that one client is owed: of which messages, and how much of each it was sent."""

from __future__ import annotations

from collections.abc import Iterable

from .html_cache import RoomRendering
from .message_html import NOTHING, Mark


class OwedHtml:
    def __init__(self, rendering: RoomRendering):
        self.may_be_more = False  # blocks have come since it was looked for them
        self._rendering = rendering
        self._marks: dict[str, Mark] = {}

    def __bool__(self) -> bool:
        return bool(self._marks)

    def add(self, messages: Iterable[str]) -> None:
        for message in messages:
            self._marks.setdefault(message, NOTHING)
        self._rendering.want(messages)

    def begin_again(self) -> None:
        """Of all of it: the client may have had no use for what it was sent."""
        self._marks = dict.fromkeys(self._marks, NOTHING)

    def clear(self) -> None:
        self._marks = {}

    def messages(self) -> list[str]:
        self.may_be_more = False
        return list(self._marks)

    def next(self, message: str, seq: int) -> str | None:
        """The next frame of a message, for a client that was sent the deltas up to `seq`."""
        if message not in self._marks:
            return None
        frame, self._marks[message], over = self._rendering.after(message, self._marks[message], seq)
        if over:
            del self._marks[message]
        return frame
