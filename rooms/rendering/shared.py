"""Who wants the same HTML at once waits for the same work, and what was rendered is kept.

Short texts are rendered where they are needed. All others go to two processes, which hold up nobody: one for what
people write, one for longer texts. A text whose process gave no answer is plain text; after the second time for good.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future

from . import parts
from .html import plain
from .renderer import Renderer
from .written import as_text

AT_ONCE, QUOTES = 1_024, 32  # characters, and marks of quotes, of a text that is short: about 2 ms, never 100
LONG = 40_000  # characters; longer texts wait for each other only
KEPT, KEPT_PLAIN = 16_000_000, 4_000_000  # characters of HTML that are kept; of texts that cost too much

PLAIN = {"whole": plain, "written": as_text}
_usual, _long = Renderer("usual"), Renderer("long")


class Kept:
    """The newest, up to so many characters."""

    def __init__(self, most: int):
        self._most, self._size = most, 0
        self._found: OrderedDict[bytes, tuple] = OrderedDict()

    def get(self, key: bytes) -> tuple | None:
        if key in self._found:
            self._found.move_to_end(key)
        return self._found.get(key)

    def put(self, key: bytes, answer: tuple) -> None:
        if key in self._found:
            self._size -= _size(self._found.pop(key))
        self._found[key], self._size = answer, self._size + _size(answer)
        while self._size > self._most and len(self._found) > 1:
            self._size -= _size(self._found.popitem(last=False)[1])


class Answers:
    """Of pure functions of a text."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._under_way: dict[bytes, Future] = {}
        self._kept, self._expensive = Kept(KEPT), Kept(KEPT_PLAIN)
        self._failed: set[bytes] = set()

    def known(self, job: str, text: str) -> bool:
        """Whether the answer is there, or costs nothing."""
        with self._lock:
            return is_short(text) or self._found(_key(job, text)) is not None

    def to(self, job: str, text: str, instead: tuple) -> Future:
        """The answer; `instead` if there is none. Nobody cancels it: others wait for it, too."""
        key = _key(job, text)
        with self._lock:
            if key in self._under_way:
                return self._under_way[key]
            future = _begun()
            if (answer := self._found(key)) is not None:
                future.set_result(answer)
                return future
            self._under_way[key] = future
        ask(lambda answer: self._settle(key, future, answer, instead), job, text)
        return future

    def _found(self, key: bytes) -> tuple | None:
        return self._kept.get(key) or self._expensive.get(key)

    def _settle(self, key: bytes, future: Future, answer: object, instead: tuple) -> None:
        with self._lock:
            self._under_way.pop(key, None)
            if not isinstance(answer, Exception):
                (self._expensive if answer[-1] else self._kept).put(key, answer)
            elif key in self._failed:
                self._expensive.put(key, instead)
            else:
                self._failed.add(key)
        future.set_result(instead if isinstance(answer, Exception) else answer)


_answers = Answers()


def whole(job: str, text: str) -> Future:
    """Of (HTML, whether some of it is plain text because it cost too much). `job` says what kind of text it is."""
    return _answers.to(job, text, (PLAIN[job](text), True))


def opening(text: str) -> Future:
    """Of what `parts.opening` says."""
    return _answers.to("opening", text, (0, "", True))


def closed(text: str, env: dict) -> Future:
    """Of what `parts.closed` says: of a text that only one reads, and once."""
    future = _begun()
    nothing = (0, "", env, True)
    ask(lambda answer: future.set_result(nothing if isinstance(answer, Exception) else answer), "closed", text, env)
    return future


def known(job: str, text: str) -> bool:
    return _answers.known(job, text)


def ask(then: Callable[[object], None], job: str, text: str, *more: object) -> None:
    if not is_short(text):
        (_long if len(text) > LONG else _usual).ask(then, job, text, *more)
        return
    try:
        answer = parts.JOBS[job](text, *more)
    except Exception as error:
        answer = error
    then(answer)


def is_short(text: str) -> bool:
    """Code is not, and quotes within quotes are not: what is in them is looked at once for each."""
    return len(text) <= AT_ONCE and "```" not in text and "~~~" not in text and text.count(">") <= QUOTES


def _begun() -> Future:
    future = Future()
    future.set_running_or_notify_cancel()
    return future


def _key(job: str, text: str) -> bytes:
    return hashlib.sha256(f"{job} {text}".encode("utf-8", "surrogatepass")).digest()


def _size(answer: tuple) -> int:
    return sum(len(part) for part in answer if isinstance(part, str)) + 100
