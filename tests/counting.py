"""What work costs as a number that is the same on any machine, however slow or busy: of Python's calls and returns."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass
class Count:
    calls: int = 0


@contextmanager
def counted() -> Iterator[Count]:
    """The calls of this thread meanwhile, and the returns. A millisecond is about 10,000 of them."""
    count = Count()

    def note(frame: object, event: str, argument: object) -> None:
        count.calls += 1

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        yield count
    finally:
        sys.setprofile(before)
