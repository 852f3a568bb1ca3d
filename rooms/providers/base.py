"""The contract between a generation and whatever writes its text."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Request:
    """What a model is asked: turns of (role, text), oldest first, the question last."""

    model: str
    turns: list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Opened:
    """The provider has taken the request, under an id of its own."""

    response_id: str


@dataclass(frozen=True, slots=True)
class TextDelta:
    """Text as it arrived, not cleaned. `part` is `text` or `reasoning`."""

    part: str
    text: str


@dataclass(frozen=True, slots=True)
class Ended:
    """The provider's own word on how it ended. `text` is its final text, where it gives one."""

    status: str  # complete, incomplete or failed
    failure_code: str = ""
    failure_detail: str = ""
    error: str = ""
    usage: dict | None = None
    text: str | None = None


class ProviderError(Exception):
    """The provider refused, or could not be reached. `detail` is for readers, `error` for staff only."""

    def __init__(self, code: str, detail: str, error: str = "", retry_after: float | None = None):
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.error = error
        self.retry_after = retry_after


class Provider(Protocol):
    def stream(self, request: Request) -> AsyncIterator[Opened | TextDelta | Ended]:
        """Ask, and yield what arrives. Closing the iterator closes the upstream call. Raises ProviderError."""
        ...

    async def close(self) -> None: ...
