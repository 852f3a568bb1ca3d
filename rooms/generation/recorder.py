"""From arriving text to the log, as fast as the log takes it, and the lease on it.

While one commit is under way what arrives is gathered, and goes with the next: how long text waits is decided by load.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from django.conf import settings

from .. import database, log
from ..actions import Job, Outcome, Piece, Place, commit, finish, hand_over, look_at, record, renew
from ..text import EMPTY_DIGEST, Cleaner, clean, digest, utf16_length


class Recorder:
    def __init__(self, job: Job):
        self.job = job
        self.begun = ""  # the text that this answer goes on from
        self.length = 0  # UTF-16 units of all parts
        self.reasons = False
        self._received: list[str] = []  # the provider's own text, cleaned
        self._cleaners = {"text": Cleaner(), "reasoning": Cleaner()}
        self._pieces: list[Piece] = []
        self._place: Place | None = None
        self._digest = EMPTY_DIGEST
        self._unsaved = 0  # characters since the last checkpoint
        self._wake = asyncio.Event()
        self._enough = False
        self._under_way: asyncio.Future | None = None
        self._newest = datetime.min.replace(tzinfo=UTC)
        self._renewed = asyncio.get_running_loop().time()

    async def prepare(self) -> None:
        """Know what the answer has already: the text it goes on from, and what an earlier worker has written."""
        if self.job.continues is not None:
            self.begun, self._digest = await database.read(log.answer_so_far, self.job.continues)
        if self.job.resume is not None:
            text, self._digest = await database.read(log.answer_so_far, self.job.message)
            self._received.append(text[len(self.begun) :])
        self.length = utf16_length(self.begun) + utf16_length(self.received)

    @property
    def received(self) -> str:
        return "".join(self._received)

    @property
    def has_text(self) -> bool:
        """Anything but blanks and line ends, be it only half a character."""
        return bool((self.begun + self.received).strip(" \t\r\n")) or self._cleaners["text"].holding

    def add(self, part: str, text: str) -> None:
        """Text as the provider sent it."""
        self._gather(part, self._cleaners[part].feed(text))

    def reach(self, place: Place) -> None:
        """All text up to this event of the provider has been added. Where half a character is still held back, the
        place before it counts: the event would be needed again.
        """
        if not any(cleaner.holding for cleaner in self._cleaners.values()):
            self._place = place
            self._wake.set()

    def settle(self, final: str | None) -> bool:
        """The provider's final text must begin with what it streamed; what it has more is appended. False: it
        differs.
        """
        if final is None:
            return True
        whole, streamed = clean(final), self.received
        rest = whole[len(streamed) :]
        if not whole.startswith(streamed) or not self._cleaners["text"].may_become(rest):
            return False
        self._cleaners["text"] = Cleaner()  # half a character that is still held back is in the final text, whole
        self._gather("text", rest)
        return True

    def enough(self) -> None:
        """Nothing more is added; `run` returns, and what is gathered goes with the end."""
        self._enough = True
        self._wake.set()

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        while not self._enough:
            await self._wake.wait()
            self._wake.clear()
            while (self._pieces or self._place) and not self._enough:
                renewing = loop.time() - self._renewed > settings.CHATLAB_LEASE_RENEW
                pieces, place = self._take()
                saving = self._unsaved >= max(settings.CHATLAB_CHECKPOINT, self.length // 8)
                change = record(self.job, pieces, renew=renewing, checkpoint=saving, place=place)
                self._under_way = asyncio.ensure_future(commit(change))
                self._under_way.add_done_callback(look_at)
                self.job.written = await asyncio.shield(self._under_way)
                if renewing:
                    self._renewed = loop.time()
                if saving:
                    self._unsaved = 0

    async def keep_lease(self) -> None:
        """Renew in a provider's silences; while text arrives its appends do it."""
        loop = asyncio.get_running_loop()
        while True:
            due = self._renewed + settings.CHATLAB_LEASE_RENEW - loop.time()
            if due > 0:
                await asyncio.sleep(due)
                continue
            self._renewed = loop.time()
            await commit(renew(self.job))

    async def finish(self, outcome: Outcome) -> None:
        await self._settle_under_way()
        for part, cleaner in self._cleaners.items():
            self._gather(part, cleaner.end())
        pieces, place = self._take()
        await commit(finish(self.job, pieces, outcome, place))

    async def hand_over(self) -> None:
        """Give the lease back, with all that is gathered, for another worker to resume."""
        await self._settle_under_way()
        pieces, place = self._take()
        await commit(hand_over(self.job, pieces, place))

    async def _settle_under_way(self) -> None:
        """What was taken must be in the log before anything after it is: a commit that failed would leave a hole."""
        if self._under_way is not None:
            self.job.written = await self._under_way

    def _gather(self, part: str, text: str) -> None:
        if not text:
            return
        if part == "text":
            self._received.append(text)
        else:
            self.reasons = True
        self.length += utf16_length(text)
        pieces = self._pieces
        if pieces and pieces[-1].part == part:
            last = pieces.pop()
            pieces.append(Piece(part, last.text + text, "", last.at))
        else:
            # A clock that is set back does not turn the text around.
            self._newest = max(self._newest, datetime.now(UTC))
            pieces.append(Piece(part, text, "", self._newest))
        self._wake.set()

    def _take(self) -> tuple[list[Piece], Place | None]:
        """What has gathered, with its digests: one delta for each run of a part; and the place it reaches to."""
        taken, self._pieces = self._pieces, []
        place, self._place = self._place, None
        for number, piece in enumerate(taken):
            self._unsaved += len(piece.text)
            if piece.part == "text":
                self._digest = digest(piece.text, self._digest)
                taken[number] = Piece(piece.part, piece.text, self._digest, piece.at)
        return taken, place
