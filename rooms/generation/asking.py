"""Asking the provider: time limits, attempts, resuming, and what each way of ending means.

Before there is text, a request that failed in passing is made again, CHATLAB_ATTEMPTS times in all. After that only a
true resume is tried (a background response, from the last recorded event on): asking again would double the text.
"""

from __future__ import annotations

import asyncio
import logging
import random
from contextlib import aclosing
from dataclasses import replace

from django.conf import settings

from .. import database, lease, log
from ..actions import Job, Outcome, Place, attempt, commit
from ..providers import Ended, Opened, Provider, ProviderError, Request, Resume, TextDelta
from ..speakers import Turn
from ..text import utf16_length
from .recorder import Recorder

logger = logging.getLogger(__name__)

NO_END = Outcome("interrupted", "upstream", "The model provider's stream ended without an end.")
LOST = Outcome("interrupted", "upstream", "This answer was interrupted, and it could not be resumed.")
TOO_LONG = Outcome("incomplete", "too_long", "The answer reached the longest that is kept.")
OUT_OF_TIME = Outcome("failed", "timeout", "The answer took longer than it may.")
MISMATCH = Outcome("failed", "mismatch", "The provider's final text differs from what it streamed.")
EMPTY = Outcome("failed", "empty", "The model ended its answer without a word.")
ONLY_REASONING = Outcome("failed", "only_reasoning", "The model thought, and ended without an answer.")
WANTS_TOOL = Outcome("failed", "wants_tool", "The model wanted to call a tool, and there is none here.")

NOT_BEGUN = "The model provider did not begin to answer in time."
TOO_MUCH = "The model provider sent more at once than it may."
BACK_OFF = (0.5, 8.0)  # seconds: the first wait, and the longest


class _Failed(Exception):
    """One call has come to nothing; `outcome` is how the answer ends unless another call is made."""

    def __init__(self, outcome: Outcome, *, passing: bool, retry_after: float | None = None):
        self.outcome = outcome
        self.passing = passing
        self.retry_after = retry_after


class Asking:
    def __init__(self, job: Job, provider: Provider, recorder: Recorder):
        self._job = job
        self._provider = provider
        self._recorder = recorder
        self._attempts = job.attempts
        self._resume = job.resume
        self._response_id = job.resume.response_id if job.resume else ""  # what to cancel
        self._heard = False  # text, be it only half a character that is not shown yet

    @property
    def resumable(self) -> bool:
        return self._resume is not None

    async def run(self) -> Outcome:
        """How the answer ends. Everything that came before is with the recorder."""
        self._context = await database.read(log.context_of, self._job.message, self._recorder.begun)
        left = settings.CHATLAB_TOTAL_TIMEOUT - self._job.spent
        try:
            async with asyncio.timeout(max(left, 0)):
                return await self._ask_until_it_ends(self._context.turns)
        except TimeoutError:
            return OUT_OF_TIME

    async def clean_up(self, outcome: Outcome) -> None:
        """A background response that is not wanted any more goes on, and is paid for, until it is cancelled."""
        if self._response_id and outcome.status != "complete":
            await self._provider.cancel(self._response_id)

    async def give_up(self) -> None:
        """The answer has been taken from this worker. Where it has ended, so must its response: whoever stopped it may
        not have known its id yet. Where another worker goes on with it, it must not.
        """
        if self._response_id and await database.read(lease.has_ended, self._job.generation):
            await self._provider.cancel(self._response_id)

    async def _ask_until_it_ends(self, turns: list[Turn]) -> Outcome:
        failures = 0  # calls in a row that brought nothing new
        while True:
            before = self._resume
            if before is not None and before.after is None and self._has_text:
                return LOST  # nobody knows which of its events the text contains
            try:
                said = bool(self._recorder.received)
                return await self._ask(Request(self._job.model, turns, bool(self._recorder.begun), self._resume, said))
            except _Failed as failed:
                failures = 1 if self._resume != before else failures + 1
                if not self._may_ask_again(failed, failures):
                    return failed.outcome
                wait = _back_off(failures) if failed.retry_after is None else failed.retry_after
                again = "generation %s: %s Again in %.1f s"
                logger.info(again, self._job.generation, failed.outcome.failure_detail, wait)
                await asyncio.sleep(wait)

    def _may_ask_again(self, failed: _Failed, failures: int) -> bool:
        if self._resume is not None:
            return failed.passing and failures <= settings.CHATLAB_RESUMES
        return failed.passing and not self._has_text and self._attempts < settings.CHATLAB_ATTEMPTS

    @property
    def _has_text(self) -> bool:
        return self._heard or self._recorder.length > utf16_length(self._recorder.begun)

    async def _ask(self, request: Request) -> Outcome:
        """One call. _Failed where it ended in any other way than by the provider's word."""
        if request.resume is None:
            self._attempts += 1
            await commit(attempt(self._job, self._context.tokens, self._context.left_out))
        limit = settings.CHATLAB_FIRST_EVENT_TIMEOUT
        try:
            async with aclosing(self._provider.stream(request)) as events:
                while True:
                    async with asyncio.timeout(limit):
                        event = await anext(events, None)
                    limit = None  # from now on the transport counts the seconds of silence
                    if event is None:
                        raise _Failed(NO_END, passing=True)
                    if (outcome := self._take(event)) is not None:
                        return outcome
        except TimeoutError:
            raise self._failed(ProviderError("timeout", NOT_BEGUN, passing=True)) from None
        except ProviderError as error:
            raise self._failed(error) from error

    def _failed(self, error: ProviderError) -> _Failed:
        """A stream that broke in the middle is interrupted: its text is good, and there may be a way on."""
        begun = self._has_text or self._resume is not None
        status = "interrupted" if begun and error.code in ("upstream", "timeout") else "failed"
        outcome = Outcome(status, error.code, error.detail, error.error)
        return _Failed(outcome, passing=error.passing, retry_after=error.retry_after)

    def _take(self, event: Opened | TextDelta | Ended) -> Outcome | None:
        if isinstance(event, TextDelta):
            self._hear(event)
            return TOO_LONG if self._recorder.length > settings.CHATLAB_ANSWER_MAX else None
        if isinstance(event, Opened):
            if self._provider.background and event.response_id:
                self._response_id = event.response_id
                self._reach(event.response_id, event.seq)
            return None
        return self._end(event)

    def _hear(self, event: TextDelta) -> None:
        if len(event.text) > settings.CHATLAB_EVENT_MAX:
            raise ProviderError("upstream", TOO_MUCH)
        self._heard = self._heard or bool(event.text)
        self._recorder.add(event.part, event.text)
        if self._resume is not None:
            self._reach(self._resume.response_id, event.seq)

    def _end(self, event: Ended) -> Outcome:
        final = event.text if event.text is None else event.text[: settings.CHATLAB_ANSWER_MAX]
        if not self._recorder.settle(final) and event.status == "complete":
            return MISMATCH
        if final != event.text:
            return TOO_LONG
        if event.status == "complete" and not self._recorder.has_text:
            return replace(self._without_text(event), usage=event.usage)
        return Outcome(event.status, event.failure_code, event.failure_detail, event.error, event.usage)

    def _without_text(self, event: Ended) -> Outcome:
        """Whoever asked got nothing, whatever the provider calls it."""
        if event.wants_tool:
            return WANTS_TOOL
        return ONLY_REASONING if self._recorder.reasons else EMPTY

    def _reach(self, response_id: str, seq: int | None) -> None:
        self._resume = Resume(response_id, seq)
        self._recorder.reach(Place(response_id, seq, background=True))


def _back_off(failures: int) -> float:
    first, longest = BACK_OFF
    return random.uniform(0.5, 1.0) * min(longest, first * 2 ** (failures - 1))
