"""How long a client may take over an HTTP request: to send its head, then its body, and to take what it is answered.

Servers have a time for silence at the most, which a byte now and then begins anew.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from django.conf import settings

from ..seldom import Seldom

logger = logging.getLogger(__name__)
_seldom = Seldom()
_all: set[Patience] = set()

LOOK_EVERY = 0.5  # seconds
HEAD, BODY = "head", "body"
TOO_LATE = b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class Patience:
    """With one connection. `unsent`: bytes that wait for its client to take them."""

    def __init__(self, unsent: Callable[[], int], give_up: Callable[[], None], cut: Callable[[], None]):
        self._measure, self._give_up, self._cut = unsent, give_up, cut
        self._now = asyncio.get_event_loop().time
        self._unsent, self._since = 0, self._now()
        self._due: float | None = None
        self._what = ""
        _all.add(self)

    def head(self) -> None:
        """From now on the next request's head is waited for."""
        self._expect(HEAD, settings.CHATLAB_HEAD_TIMEOUT)

    def body(self) -> None:
        self._expect(BODY, settings.CHATLAB_BODY_TIMEOUT)

    def answer(self) -> None:
        """Nothing is: it is our turn."""
        self._due = None

    def end(self) -> None:
        _all.discard(self)

    def look(self) -> None:
        now, unsent = self._now(), self._measure()
        if unsent != self._unsent or not unsent:
            self._unsent, self._since = unsent, now
        if unsent and self._what == HEAD and self._due is not None:
            self.head()  # the next request has time once the answer to the last one has gone out
        if now - self._since > settings.CHATLAB_TAKE_TIMEOUT:
            self._over("takes nothing of its answer", self._cut)
        elif self._due is not None and now > self._due:
            self._over(f"is too slow with a request's {self._what}", self._give_up)

    def _expect(self, what: str, seconds: float) -> None:
        self._what, self._due = what, self._now() + seconds

    def _over(self, why: str, end: Callable[[], None]) -> None:
        self.end()
        if _seldom(why):
            logger.info("a client %s: its connection is closed (such lines: one a minute)", why)
        end()


async def watch() -> None:
    while True:
        await asyncio.sleep(LOOK_EVERY)
        for patience in list(_all):
            patience.look()
