"""A process that renders, as whoever asks sees it. One that does not answer in time is ended, and started anew."""

from __future__ import annotations

import logging
import os
import pickle
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from queue import SimpleQueue

from . import budget

logger = logging.getLogger(__name__)

# Seconds that an answer may take: at once, and for each of its CPU, which others may need, too. Where no clock rings
# in the process this is the bound.
PATIENCE, TIMES = (10.0, 5.0) if hasattr(signal, "setitimer") else (2.0, 1.0)
ROOT = Path(__file__).resolve().parents[2]
CHILD = ("-m", "rooms.rendering.child")


class Ended(Exception):
    """The process gave no answer."""


class Renderer:
    """The process, which starts when it is needed, and the thread that talks to it."""

    def __init__(self, name: str):
        self._name = name
        self._jobs: SimpleQueue[tuple] = SimpleQueue()
        self._start = threading.Lock()
        self._thread: threading.Thread | None = None
        self._process: subprocess.Popen | None = None

    def ask(self, then: Callable[[object], None], job: str, text: str, *more: object) -> None:
        """`then` gets the answer, or the exception that stands for it; it must not raise."""
        self._jobs.put((then, job, text, *more))
        with self._start:
            if self._thread is None:  # a daemon: the end of the server waits for no text
                self._thread = threading.Thread(target=self._work, name=f"chatlab-render-{self._name}", daemon=True)
                self._thread.start()

    def _work(self) -> None:
        while True:
            self._do(*self._jobs.get())

    def _do(self, then: Callable[[object], None], job: str, text: str, *more: object) -> None:
        try:
            answer = self._answer(job, text, *more) or self._answer(job, text, *more)
            if answer is None:
                raise Ended("its process ended by itself, twice")
        except Exception as error:
            self._end()
            logger.warning("a text of %s characters could not be rendered: %r", len(text), error)
            answer = error
        then(answer)

    def _answer(self, job: str, text: str, *more: object) -> tuple | None:
        """None: the process was about to end by itself."""
        process = self._running()
        patience = threading.Timer(PATIENCE + TIMES * budget.seconds_for(len(text)), process.kill)
        patience.daemon = True
        patience.start()
        try:
            pickle.dump((job, (text, *more)), process.stdin)
            process.stdin.flush()
            return pickle.load(process.stdout)
        except (EOFError, OSError, pickle.UnpicklingError) as error:
            if (code := _end_of(process)) == 0:
                return None
            raise Ended(f"its process ended with {code}") from error
        finally:
            patience.cancel()

    def _running(self) -> subprocess.Popen:
        if self._process is None or self._process.poll() is not None:
            self._end()
            self._process = subprocess.Popen(
                [sys.executable, *CHILD],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                cwd=ROOT,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
                start_new_session=True,  # a Ctrl+C is for the server
            )
        return self._process

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                try:
                    pipe.close()
                except OSError:
                    pass  # what it was not told


def _end_of(process: subprocess.Popen) -> int:
    try:
        return process.wait(1)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()
