"""What a Redis says that is there and will not have us, or something else in its place; and what mends it.

None of it passes by waiting, so the line names the setting. It is said once a minute at most: the layer goes on trying.
"""

from __future__ import annotations

import logging
import re

from ..seldom import Seldom

logger = logging.getLogger(__name__)

_REMEDIES = (
    (
        r"no permissions|NOPERM",
        "the user in REDIS_URL lacks a right. On that Redis: "
        'ACL SETUSER <user> resetchannels "&{prefix}*" +subscribe +unsubscribe +publish +ping',
    ),
    (
        r"username-password|WRONGPASS|NOAUTH|[Aa]uthenticat|invalid password|HELLO must be called",
        "it wants a user or a password that is not in REDIS_URL: redis://user:password@host:6379/0",
    ),
    (r"DB index|invalid DB", "REDIS_URL ends in the number of a database that it does not have; /0 is always there"),
    (
        r"protected mode",
        "without a password it takes clients of its own machine only: set `requirepass` there, and it in REDIS_URL",
    ),
    (r"SSL|certificate|TLS", "REDIS_URL says rediss://, with TLS, and there it fails; redis:// is without"),
    (r"Protocol Error|invalid response", "that is no Redis, or one with TLS: is it rediss://, or another port?"),
)


class Refused(Exception):
    """The layer will not have this process. The log says so already, and what mends it."""


class Refusals:
    def __init__(self, prefix: str) -> None:
        self._prefix, self._seldom = prefix, Seldom()

    def note(self, error: Exception) -> Refused | None:
        """The error as such a refusal, which is in the log then; None where it is an outage, which may pass."""
        text = str(error)
        for sign, remedy in _REMEDIES:
            if re.search(sign, text):
                if self._seldom(remedy):
                    remedy = remedy.format(prefix=self._prefix)
                    logger.warning("Redis refuses this process (%s); readers go by the log: %s", text[:200], remedy)
                return Refused(text)
        return None
