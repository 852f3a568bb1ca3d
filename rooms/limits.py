"""How often and how many: token buckets and counts, in this process. `CHATLAB_LIMITS=off` switches all of it off."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Callable

from django.conf import settings

from .errors import RateLimited
from .seldom import Seldom

logger = logging.getLogger(__name__)
_seldom = Seldom()

_KEYS_MAX = 50_000  # idle buckets are full ones: forgetting the oldest loses nothing


class Bucket:
    """A token bucket: `count` at once, refilled over `seconds`."""

    __slots__ = ("_at", "_clock", "_count", "_left", "_per_second")

    def __init__(self, rate: tuple[int, float], clock: Callable[[], float] = time.monotonic):
        self._count = rate[0]
        self._per_second = rate[0] / rate[1]
        self._clock = clock
        self._left = float(self._count)
        self._at = clock()

    def take(self) -> float:
        """0 where one may go through; else the seconds until one may."""
        now = self._clock()
        self._left = min(self._count, self._left + (now - self._at) * self._per_second)
        self._at = now
        if self._left < 1:
            return (1 - self._left) / self._per_second
        self._left -= 1
        return 0.0

    def put_back(self) -> None:
        self._left = min(self._count, self._left + 1)


class Limits:
    def __init__(self) -> None:
        self._buckets: OrderedDict[tuple[str, str], Bucket] = OrderedDict()
        self._places: Counter[tuple[str, str]] = Counter()  # the event loop's alone
        self._lock = threading.Lock()

    def spend(self, setting: str, who: str, doing: str) -> None:
        """One of what the setting bounds (`CHATLAB_RATE_POSTS`, say), or RateLimited."""
        if not settings.CHATLAB_LIMITS:
            return
        key = (setting, who)
        with self._lock:  # request threads spend, too
            bucket = self._buckets.pop(key, None) or Bucket(getattr(settings, setting))
            self._buckets[key] = bucket
            if len(self._buckets) > _KEYS_MAX:
                self._buckets.popitem(last=False)
            wait = bucket.take()
        if wait:
            raise RateLimited(f"Too many {doing}. Try again in {max(1, round(wait))} s.", retry_after=wait)

    def give_back(self, setting: str, who: str) -> None:
        """What was spent on something that stood in the log already."""
        with self._lock:
            if (bucket := self._buckets.get((setting, who))) is not None:
                bucket.put_back()

    def take(self, setting: str, who: str = "") -> bool:
        """One of the places that the setting bounds (`CHATLAB_SOCKETS_PER_PERSON`, say); False where all are taken."""
        place = (setting, who)
        if settings.CHATLAB_LIMITS and self._places[place] >= getattr(settings, setting):
            if _seldom(setting):
                logger.warning("%s: %s are taken, and others are sent away", setting, self._places[place])
            return False
        self._places[place] += 1
        return True

    def leave(self, setting: str, who: str = "") -> None:
        """The place is free again."""
        place = (setting, who)
        self._places[place] -= 1
        if self._places[place] <= 0:
            del self._places[place]


limits = Limits()
