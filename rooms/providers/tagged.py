"""A stream whose thoughts stand between tags in its text, as one whose thoughts are reasoning."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import replace

from .base import Ended, Opened, ProviderError, TextDelta
from .memory import Memory
from .speech import join
from .thinking import Thinking, closes_unopened

logger = logging.getLogger(__name__)

LEARNED = (
    "%s begins its answers with a thought, and sends only the closing tag of it: from now on it is taken for one. "
    "Let CHATLAB_THINKS_FIRST name this model, and it is from the start."
)


async def apart(events: AsyncIterator, model: str, memory: Memory) -> AsyncIterator[Opened | TextDelta | Ended]:
    reading = _Apart(model, memory)
    async with aclosing(events):
        try:
            async for event in events:
                for said in reading.take(event):
                    yield said
        except ProviderError:
            for said in reading.rest():
                yield said
            raise
    for said in reading.rest():
        yield said


class _Apart:
    def __init__(self, model: str, memory: Memory):
        self._model, self._memory = model, memory
        self._first = memory.thinks_first
        self._thinking = Thinking(first=self._first)
        self._text: list[str] = []  # as it was sent
        self._over = False

    def take(self, event: Opened | TextDelta | Ended) -> list[Opened | TextDelta | Ended]:
        if isinstance(event, Opened):
            return [event]
        if isinstance(event, Ended):
            return [*self.rest(complete=event.status == "complete"), *self._end(event)]
        if event.part == "reasoning":
            self._thinking.told()
            return [event]
        if not self._text:
            self._all_at_once(event.text)
        self._text.append(event.text)
        if self._thinking.outside:
            return [event]
        return [replace(event, part=part, text=text) for part, text in self._thinking.feed(event.text)]

    def rest(self, *, complete: bool = False) -> list[TextDelta]:
        """What was held back, once nothing more comes."""
        if self._over:
            return []
        self._over = True
        rest = [TextDelta(part, text) for part, text in self._thinking.end(complete=complete)]
        self._learn()
        return rest

    def _learn(self) -> None:
        if self._thinking.unheard:
            self._memory.thinks_first = False
        elif not self._memory.thinks_first and closes_unopened("".join(self._text)):
            self._memory.thinks_first = True
            logger.warning(LEARNED, self._model)

    def _end(self, event: Ended) -> list[TextDelta | Ended]:
        """A final text repeats the tags: what was streamed is compared with what they leave of it."""
        if event.text is None:
            return [event]
        unsaid = not self._text
        if unsaid:
            self._all_at_once(event.text)
        whole = Thinking(first=self._first)
        pieces = whole.feed(event.text) + whole.end(complete=event.status == "complete")
        thought = join(pieces, "reasoning") if unsaid else ""
        return [*[TextDelta("reasoning", thought)] * bool(thought), replace(event, text=join(pieces, "text"))]

    def _all_at_once(self, text: str) -> None:
        """Nothing of it was shown yet, so a closing tag is believed without its opening one."""
        if not self._first and closes_unopened(text):
            self._first, self._thinking = True, Thinking(first=True)
