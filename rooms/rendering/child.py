"""A process that renders, and can be ended by whoever waits for it. It ends by itself when nobody asks any more."""

from __future__ import annotations

import gc
import os
import pickle
import signal
import sys
from pathlib import Path
from typing import BinaryIO

from . import budget
from .parts import JOBS

NICE = 10  # sockets come first
MEMORY = 512 << 20  # bytes beyond what it has at its start; with half of them it makes room for another process
STATM = Path("/proc/self/statm")  # Linux only; elsewhere the CPU is the bound


def main() -> None:
    source, sink = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # nothing that prints gets in between
    _restrain()
    while (request := _next(source)) is not None:
        job, arguments = request
        pickle.dump(JOBS[job](*arguments), sink)
        sink.flush()
        if _has_grown():
            return


def _next(source: BinaryIO) -> tuple | None:
    try:
        return pickle.load(source)
    except EOFError:
        return None


def _restrain() -> None:
    budget.arm()
    gc.disable()  # nothing here refers to itself, and a long text is many objects
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(os, "nice"):
        os.nice(NICE)
    if STATM.exists():
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (_pages()[0] + MEMORY, resource.RLIM_INFINITY))


def _has_grown() -> bool:
    return STATM.exists() and _pages()[1] > MEMORY // 2


def _pages() -> list[int]:
    """Bytes: what is addressed, what is there."""
    return [int(pages) * os.sysconf("SC_PAGE_SIZE") for pages in STATM.read_text().split()[:2]]


if __name__ == "__main__":
    main()
