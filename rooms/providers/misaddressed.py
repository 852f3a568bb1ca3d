"""A provider whose address can lead nowhere: each answer says so, and the log does. `manage.py check` does before."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator

from . import errors
from .addresses import Fault
from .base import Ended, Opened, ProviderError, Request, TextDelta
from .lines import WRONG_ADDRESS

logger = logging.getLogger(__name__)


class Misaddressed:
    background = False

    def __init__(self, fault: Fault):
        self._fault = errors.staff_only(f"OPENAI_BASE_URL {fault.what}; perhaps it should be {fault.better}")
        logger.error(self._fault)

    async def stream(self, request: Request) -> AsyncIterator[Opened | TextDelta | Ended]:
        raise ProviderError(*WRONG_ADDRESS, self._fault)
        yield  # it is a generator, as every provider's

    async def cancel(self, response_id: str) -> None:
        """Nothing was begun."""

    async def close(self) -> None:
        """Nothing is open."""
