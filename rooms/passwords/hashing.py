"""What checking a password costs: 0.3 s of CPU, by intent. So few are hashed at once, a few more wait for their turn,
and everybody else is told to come back.

A page has a thread of its own, and a hash holds no lock of Python's: sixty sign-ins at once would be sixty hashes on
all cores, and the event loop of everybody's sockets one thread among them.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.utils.translation import gettext_noop

from ..errors import Crowded

logger = logging.getLogger(__name__)

CROWDED = gettext_noop("Too many people sign in at this moment.")
WAIT = 10.0  # seconds that somebody waits for a turn
EACH = 0.5  # seconds: about what a turn takes


class Turns:
    """CHATLAB_HASHES_AT_ONCE have theirs, CHATLAB_HASHES_WAITING wait, in the order in which they came."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._line: list[object] = []  # those at its front have their turn
        self._held = threading.local()
        self._under_way = 0
        self.most = 0  # that were under way at once

    @contextmanager
    def take(self) -> Iterator[None]:
        """A turn; Crowded where there is none soon. Whoever has one has it for all that happens inside."""
        if getattr(self._held, "turn", False):
            yield
            return
        ticket = self._wait()
        self._held.turn = True
        try:
            yield
        finally:
            self._held.turn = False
            self._leave(ticket)

    def _wait(self) -> object:
        ticket = object()
        with self._changed:
            if len(self._line) >= settings.CHATLAB_HASHES_AT_ONCE + settings.CHATLAB_HASHES_WAITING:
                self._refuse()
            self._line.append(ticket)
            if not self._changed.wait_for(lambda: ticket in self._line[: settings.CHATLAB_HASHES_AT_ONCE], WAIT):
                self._line.remove(ticket)
                self._refuse()
            self._under_way += 1
            self.most = max(self.most, self._under_way)
        return ticket

    def _leave(self, ticket: object) -> None:
        with self._changed:
            self._line.remove(ticket)
            self._under_way -= 1
            self._changed.notify_all()

    def _refuse(self) -> None:
        logger.warning("a password was not looked at: %s are under way or wait already", len(self._line))
        raise Crowded(CROWDED, retry_after=max(2.0, len(self._line) * EACH))


turns = Turns()


class PBKDF2(PBKDF2PasswordHasher):
    """Django's own, with its own number of rounds, one after the other: whatever door a password comes through."""

    def encode(self, password: str, salt: str, iterations: int | None = None) -> str:
        with turns.take():
            return super().encode(password, salt, iterations)
