"""The life of one answer: claim it, ask the provider, record what arrives, keep the lease, end it.

Text is recorded as fast as the log takes it: while one commit is under way what arrives is gathered, and goes with the
next. The reader of the provider, the recorder and the keeper of the lease run side by side; when the log refuses one of
them (somebody stopped the answer, or took it over), all of them end, and with them the upstream call.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import aclosing
from datetime import UTC, datetime

from django.conf import settings

from . import database, log
from .actions import Job, Outcome, Piece, claim, commit, finish, record, renew
from .errors import Fenced, RoomError
from .providers import Ended, Opened, Provider, ProviderError, Request, TextDelta
from .text import EMPTY_DIGEST, Cleaner, digest, utf16_length

logger = logging.getLogger(__name__)

NO_END = Outcome("interrupted", "upstream", "The model provider's stream ended without an end.")
SHUT_DOWN = Outcome("interrupted", "worker_lost", "The server that was writing this answer was shut down.")
TOO_LONG = Outcome("incomplete", "too_long", "The answer reached the longest that is kept.")
OUT_OF_TIME = Outcome("failed", "timeout", "The answer took longer than it may.")
MISMATCH = Outcome("failed", "mismatch", "The provider's final text differs from what it streamed.")


async def run(
    room_id: str, generation_id: int, holder: str, provider: Provider, leaving: Callable[[], bool] = lambda: False
) -> None:
    """Write a generation to its end, if it is to be had. Returns when somebody else is the one who ends it.

    Cancelled, it closes the upstream call; where `leaving` says that this process ends, it ends the answer too, instead
    of leaving its readers to wait for the lease.
    """
    job: Job | None = await commit(claim(room_id, generation_id, holder))
    if job is None:
        return
    try:
        writing = _Writing(job)
        try:
            await writing.run(provider)
        except asyncio.CancelledError:
            if leaving():
                await writing.finish(SHUT_DOWN)
            raise
    except Fenced:
        logger.info("generation %s: it is not ours any more", generation_id)
    except RoomError as error:
        logger.error("generation %s: left to its lease: %s", generation_id, error.detail)


class _Writing:
    def __init__(self, job: Job):
        self.job = job
        self._cleaners = {"text": Cleaner(), "reasoning": Cleaner()}
        self._pieces: list[Piece] = []
        self._wake = asyncio.Event()
        self._done = False
        self._digest = EMPTY_DIGEST
        self._received: list[str] = []  # the cleaned text, to compare with the provider's final one
        self._length = 0
        self._unsaved = 0  # characters since the last checkpoint
        self._renewed = asyncio.get_running_loop().time()

    async def run(self, provider: Provider) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                recorder = group.create_task(self._record())
                keeper = group.create_task(self._keep_lease())
                outcome = await self._read(provider)
                # Not cancelled: a commit under way must be in the log before the end is. What gathers now goes with
                # the end.
                self._done = True
                self._wake.set()
                await recorder
                keeper.cancel()
        except BaseExceptionGroup as errors:
            raise errors.exceptions[0] from None
        await self.finish(outcome)

    async def finish(self, outcome: Outcome) -> None:
        for part, cleaner in self._cleaners.items():
            self._add(part, cleaner.end())
        await commit(finish(self.job, self._take(), outcome))

    async def _read(self, provider: Provider) -> Outcome:
        """Everything the provider says, and how it ended."""
        turns = await database.read(log.context_of, self.job.message)
        request = Request(self.job.model, turns)
        try:
            async with asyncio.timeout(settings.CHATLAB_TOTAL_TIMEOUT), aclosing(provider.stream(request)) as events:
                async for event in events:
                    if isinstance(event, TextDelta):
                        self._add(event.part, self._cleaners[event.part].feed(event.text))
                        if self._length > settings.CHATLAB_ANSWER_MAX:
                            return TOO_LONG
                    elif isinstance(event, Ended):
                        return self._ended(event)
                    elif isinstance(event, Opened):
                        logger.debug("generation %s is %s", self.job.generation, event.response_id)
        except TimeoutError:
            return OUT_OF_TIME
        except ProviderError as error:
            return Outcome("failed", error.code, error.detail, error.error)
        return NO_END

    def _ended(self, end: Ended) -> Outcome:
        """The provider's end; its final text must begin with what it streamed, and may be longer."""
        if end.text is not None:
            final = Cleaner()
            whole = final.feed(end.text) + final.end()
            self._add("text", self._cleaners["text"].end())
            streamed = "".join(self._received)
            if not whole.startswith(streamed):
                return MISMATCH
            self._add("text", whole[len(streamed) :])
        return Outcome(end.status, end.failure_code, end.failure_detail, end.error, end.usage)

    def _add(self, part: str, text: str) -> None:
        if not text:
            return
        if part == "text":
            self._received.append(text)
        self._length += utf16_length(text)
        pieces = self._pieces
        if pieces and pieces[-1].part == part:
            last = pieces.pop()
            text, at = last.text + text, last.at
        else:
            at = datetime.now(UTC)
        pieces.append(Piece(part, text, "", at))
        self._wake.set()

    def _take(self) -> list[Piece]:
        """What has gathered, with its digests: one delta for each run of a part."""
        taken, self._pieces = self._pieces, []
        for number, piece in enumerate(taken):
            self._unsaved += len(piece.text)
            if piece.part == "text":
                self._digest = digest(piece.text, self._digest)
                taken[number] = Piece(piece.part, piece.text, self._digest, piece.at)
        return taken

    async def _record(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self._wake.wait()
            self._wake.clear()
            if self._done:
                return
            while self._pieces and not self._done:
                renewing = loop.time() - self._renewed > settings.CHATLAB_LEASE_RENEW
                pieces = self._take()
                saving = self._unsaved >= max(settings.CHATLAB_CHECKPOINT, self._length // 8)
                await commit(record(self.job, pieces, renew=renewing, checkpoint=saving))
                if renewing:
                    self._renewed = loop.time()
                if saving:
                    self._unsaved = 0

    async def _keep_lease(self) -> None:
        """Renew in a provider's silences; while text arrives its appends do it."""
        loop = asyncio.get_running_loop()
        while True:
            due = self._renewed + settings.CHATLAB_LEASE_RENEW - loop.time()
            if due > 0:
                await asyncio.sleep(due)
                continue
            self._renewed = loop.time()
            await commit(renew(self.job))
