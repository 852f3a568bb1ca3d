"""The contract between a generation and whatever writes its text."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from ..speakers import Turn


@dataclass(frozen=True, slots=True)
class Resume:
    """A response that goes on at the provider, and the last of its events that is recorded (None: none yet)."""

    response_id: str
    after: int | None


@dataclass(frozen=True, slots=True)
class Request:
    """What a model is asked: turns of (role, text) or (role, text, speaker), oldest first, the question last.

    `goes_on`: the last turn is the model's own, cut short; it is to go on from there. `resume`: go on reading a
    response that exists already, after this event; `said`: some of its text is recorded.
    """

    model: str
    turns: Sequence[Turn | tuple[str, str]]
    goes_on: bool = False
    resume: Resume | None = None
    said: bool = False


@dataclass(frozen=True, slots=True)
class Opened:
    """The provider has taken the request, under an id of its own; or, without one, it gives a sign of life."""

    response_id: str
    seq: int | None = None


@dataclass(frozen=True, slots=True)
class TextDelta:
    """Text as it arrived, not cleaned. `part` is `text` or `reasoning`; `seq` the provider's number of the event."""

    part: str
    text: str
    seq: int | None = None


@dataclass(frozen=True, slots=True)
class Ended:
    """The provider's own word on how it ended. `text` is its final text, where it gives one.

    `wants_tool`: what it came to is a call of a tool.
    """

    status: str  # complete, incomplete or failed
    failure_code: str = ""
    failure_detail: str = ""
    error: str = ""
    usage: dict | None = None
    text: str | None = None
    wants_tool: bool = False


class ProviderError(Exception):
    """The provider refused, or could not be reached. `detail` is for readers, `error` for staff only.

    `passing`: the same request may succeed a moment later, after `retry_after` seconds where the provider said so.
    """

    def __init__(self, code: str, detail: str, error: str = "", *, passing=False, retry_after: float | None = None):
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.error = error
        self.passing = passing
        self.retry_after = retry_after


class Provider(Protocol):
    background: bool  # responses go on at the provider when the call is lost, and can be resumed and cancelled by id

    def stream(self, request: Request) -> AsyncIterator[Opened | TextDelta | Ended]:
        """Ask, and yield what arrives. Closing the iterator closes the upstream call. Raises ProviderError."""
        ...

    async def cancel(self, response_id: str) -> None:
        """End a background response at the provider. Of one that has ended nothing changes; errors are only logged."""
        ...

    async def close(self) -> None: ...
