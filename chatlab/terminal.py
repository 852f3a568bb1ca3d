"""What a command is told by and prints to: a terminal that is not UTF-8, a pipe that closes early, nothing at all."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

ENDED_BY_ITS_READER = 141  # what shells say of a program that SIGPIPE has ended


@contextmanager
def any_terminal() -> Iterator[None]:
    """Characters that the terminal does not have are escaped, and `| head` ends a command without a traceback."""
    if sys.stdout is None:  # `>&-`, and Windows' pythonw
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115  for as long as the process lives
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.reconfigure(errors="backslashreplace")
    # What the locale could not read is UTF-8 all the same, as a rule; no database takes half a character.
    sys.argv = [argument.encode(errors="surrogateescape").decode(errors="replace") for argument in sys.argv]
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        # What is still to be written would be complained of when Python ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(ENDED_BY_ITS_READER) from None
