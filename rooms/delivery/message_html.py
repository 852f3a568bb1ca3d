"""One message's HTML while it grows: of its text, and of what the model thinks."""

from __future__ import annotations

import itertools

from .. import frames, rendering
from ..rendering import Part
from ..text import digest, utf16_length

LOADS = 3  # of a text that does not fit its digest

_editions = itertools.count(1)

Mark = tuple[tuple[int, int], ...]  # for each part: of which edition of its HTML a reader was sent how much
NOTHING: Mark = ((0, 0),) * len(frames.PARTS)


class RenderedMessage:
    """A message's parts as far as they were heard, and the HTML of them that is there. `body`: as the log has it."""

    def __init__(self, body: dict | None = None):
        self.known = body is not None  # whether nothing of its parts is missing
        self.done = False  # closed, and rendered to its end
        self.parts_seq = 0  # who was not sent this delta does not hold all the text that the parts show
        self.doubts = self.loads = 0
        self._seq = 0  # the last delta that was heard
        self._parts: list[RenderedPart] = []
        self._role = ""  # of who wrote it
        self._closed = False
        self._digest: str | None = None  # of the whole text, where the log has said it
        self._held: list[tuple[int, str, str]] = []  # heard while the parts were not known
        if body is not None:
            self._begin(body)

    def _begin(self, body: dict) -> None:
        self._role, self._seq = body["role"], body["seq"]
        self._parts = [RenderedPart(name, body.get(name, "")) for name in frames.PARTS]
        if body["status"] in frames.TERMINAL:
            self.close(body["digest"])

    @property
    def size(self) -> int:
        """Characters of HTML, once it is done."""
        return sum(part.size for part in self._parts)

    def hear(self, seq: int, part: str, text: str) -> None:
        if not self.known:
            self._held.append((seq, part, text))
        elif seq > self._seq:
            self._parts[frames.PARTS.index(part)].hear(text)
            self._seq = seq

    def close(self, digest: str) -> None:
        self._closed, self._digest = True, digest

    def doubt(self) -> None:
        self.known = False
        self.doubts += 1

    def load(self, body: dict, doubts: int) -> None:
        """Begin again with what the log has. `doubts`: how many there were when it was asked."""
        self.loads += 1
        self._begin(body)
        self.known, held, self._held = doubts == self.doubts, self._held, []
        for seq, part, text in held:
            self.hear(seq, part, text)

    async def advance(self) -> bool:
        """Render what can be; whether anything came of it."""
        seq, closed = self._seq, self._closed
        for part in self._parts:
            part.take()
        if closed and digest(self._parts[0].text) != self._digest and self.loads < LOADS:
            self.doubt()  # something was never heard
            return False
        changed = False
        for part in self._parts:
            if await (part.finish(self._role) if closed else part.advance()):
                self.parts_seq, changed = seq, True
        self.done = closed and self.known
        return changed

    def frame_after(self, message: str, mark: Mark) -> tuple[str | None, Mark]:
        """A frame of what follows a mark (None: nothing), and the mark behind it. Encoded once for all who ask."""
        for at, part in enumerate(self._parts):
            if (start := part.start_after(*mark[at])) is not None:
                return part.frame_from(message, start), (*mark[:at], (part.edition, part.end), *mark[at + 1 :])
        return None, mark

    def is_end(self, mark: Mark) -> bool:
        """Whether nothing will ever follow it."""
        return self.done and all(part.start_after(*mark[at]) is None for at, part in enumerate(self._parts))


class RenderedPart:
    def __init__(self, name: str, text: str):
        self.name = name
        self.size = 0  # characters of HTML, once it is finished
        self._incoming = [text] if text else []
        self._texts: list[str] = []
        self._blocks = rendering.Blocks()
        self.edition = next(_editions)
        self._html: list[Part] = []
        self._frames: dict[int, str] = {}

    @property
    def text(self) -> str:
        return "".join(self._texts)

    @property
    def end(self) -> int:
        return self._html[-1].end if self._html else 0

    def hear(self, text: str) -> None:
        self._incoming.append(text)

    def take(self) -> None:
        """What was heard is to be rendered now."""
        incoming, self._incoming = self._incoming, []
        for text in incoming:
            self._texts.append(text)
            self._blocks.feed(text)

    async def advance(self) -> bool:
        if not self._blocks.due:
            return False
        part = await self._blocks.advance_soon()
        return part is not None and self._add(part)

    async def finish(self, role: str) -> bool:
        if not (text := self.text):
            return False
        html, end = await rendering.rendered(text, role), self.end
        joined = "".join(part.html for part in self._html)
        if not html.startswith(joined):  # a link was defined after its use
            self.edition, self._html, joined, end = next(_editions), [], "", 0
        self.size, self._texts = len(html), []
        length = utf16_length(text)
        return end < length and self._add(Part(end, length, html[len(joined) :]))

    def _add(self, part: Part) -> bool:
        self._html.append(part)
        self._frames.clear()
        return True

    def start_after(self, edition: int, end: int) -> int | None:
        """Where goes on what follows so much of an edition; None where nothing does."""
        start = end if edition == self.edition else 0
        return start if start < self.end else None

    def frame_from(self, message: str, start: int) -> str:
        if start not in self._frames:
            html = "".join(part.html for part in self._html if part.start >= start)
            self._frames[start] = frames.rendered(message, start, self.end, html, self.name)
        return self._frames[start]
