"""How long a commit may wait for company: not at all, until this process has more to do than it gets of a CPU.

A commit costs its transaction, an event, and a frame for each tab, whatever is in it. So under load, behind a commit
that had company, fewer of them carry more, and what the process saves is what others of its deltas wait for. Load is
what the process has used of the last quarter of a second, together with the time that its event loop was ready and did
not get to run.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

LONGEST = 0.04  # seconds
STEP = 0.008  # seconds: as much more, or less, at a look
LOOK_EVERY = 0.25  # seconds
BUSY, EASY = 0.75, 0.5  # of one CPU

_SCHEDSTAT = Path(
    "/proc/self/schedstat"
)  # Linux: of the main thread, nanoseconds that it ran, and that it waited to run


def used() -> float:
    """Seconds that this process has run, and that its main thread was kept waiting for a CPU."""
    try:
        waited = int(_SCHEDSTAT.read_bytes().split()[1]) / 1e9
    except (OSError, IndexError, ValueError):
        waited = 0.0
    return time.process_time() + waited


class Pace:
    def __init__(self, clock: Callable[[], float] = time.monotonic, used: Callable[[], float] = used):
        self._clock, self._used = clock, used
        self._looked_at, self._used_then = clock(), used()
        self._seconds = 0.0

    def next(self) -> float:
        """Seconds from the beginning of one commit to that of the next."""
        now = self._clock()
        passed = now - self._looked_at
        if passed >= LOOK_EVERY:
            used_now = self._used()
            load = (used_now - self._used_then) / passed
            self._looked_at, self._used_then = now, used_now
            if load > BUSY:
                self._seconds = min(self._seconds + STEP, LONGEST)
            elif load < EASY:
                self._seconds = max(self._seconds - STEP * (passed // LOOK_EVERY), 0.0)
        return self._seconds
