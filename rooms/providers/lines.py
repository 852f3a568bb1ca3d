"""The bytes of an answer as events, whatever the server calls them and however they are cut. Pure: bytes in, the data
of events out.

A server that was asked for events may send one JSON document, or a document in each line; both become events. What is
neither is not read as if it were: HTML comes from an address that is no model's.
"""

from __future__ import annotations

import json
import re

from .base import ProviderError

Event = tuple[str | None, bytes]  # its name, where it is `error`, and its data
NOT_TEXT = ("upstream", "The model provider answered with something else than text.")
WRONG_ADDRESS = ("address", "The configured address of the model provider leads to no model.")
TOO_MUCH = "The model provider sent more at once than it may."

_BOM = b"\xef\xbb\xbf"
_LINE_ENDS = (b"\n\n", b"\n\r", b"\r\r")  # an empty line, of whatever line ends, holds one of these
_CR = ord("\r")
_JSON = b'{}[]" \t'
_FIELDS = (b"data:", b"event:", b"id:", b"retry:", b"error:", b":")
_ERROR = re.compile(rb"(?:.*[._-])?(?:error|exception)", re.IGNORECASE)  # names of events that tell of one


class Lines:
    """Whole events go on, the rest is held. `longest` bounds an event; `kind`: what the server calls the answer.

    A delta is bounded by CHATLAB_EVENT_MAX where it is read. The events at the end repeat the whole answer, in JSON
    with up to six bytes for each of its characters: they are what bounds a single event here.
    """

    def __init__(self, longest: int, kind: str = "text/event-stream"):
        self.done = False  # `[DONE]` was said
        self.objects = 0  # that came as JSON without events around them
        self._longest = longest
        self._kind = kind
        self._read = self._begin  # what is done with the next whole lines
        self._held = bytearray()
        self._size = 0  # of the event that the last whole line belongs to
        self._before, self._mark = b"", _BOM
        self._data: list[bytes] = []  # of the event that is under way
        self._error: list[bytes] | None = None  # the same, where it tells of an error
        self._document = bytearray()  # as far as it has come

    def feed(self, chunk: bytes) -> list[Event]:
        if not (end := max(chunk.rfind(b"\n"), chunk.rfind(b"\r")) + 1):
            self._held += chunk
            self._check(self._size + len(self._held))
            return []
        lines = (bytes(self._held) + chunk[:end]).removeprefix(self._mark)
        self._held, self._mark = bytearray(chunk[end:]), b"\n" if chunk[end - 1] == _CR else b""
        joined = self._before + lines
        ends = max(joined.rfind(end) for end in _LINE_ENDS)
        self._size = self._size + len(lines) if ends < 0 else len(joined) - ends - 2
        self._check(self._size + len(self._held))
        self._before = joined[-1:]
        return self._read(lines)

    def end(self) -> list[Event]:
        """Some servers leave the last empty line out, or the last line end."""
        last = self._read(bytes(self._held).removeprefix(self._mark) + b"\n\n")
        if self._document:
            self.objects = 1
            return [(None, bytes(self._document))]
        if self._read == self._begin and not self._is_declared:
            raise self._no_text(b"")
        return last

    def _check(self, size: int) -> None:
        if size > self._longest:
            raise ProviderError("upstream", TOO_MUCH, f"an event is larger than {self._longest} bytes")

    # -- what kind of answer it is -------------------------------------------------------------------------------------

    def _begin(self, lines: bytes) -> list[Event]:
        """The first line that is not empty decides."""
        lines = lines.lstrip()
        if not lines:
            return []
        if lines.startswith((b"{", b"[")):
            self._read = self._json_lines if _is_object(lines.splitlines()[0]) else self._part_of_document
            return self._read(lines)
        if lines.startswith(b"<"):
            raise self._no_text(lines, WRONG_ADDRESS)
        if not self._is_declared and not lines.startswith(_FIELDS):
            raise self._no_text(lines)
        self._read = self._events
        return self._events(lines)

    def _json_lines(self, lines: bytes) -> list[Event]:
        found = [(None, line) for line in lines.splitlines() if line.strip()]
        self.objects += len(found)
        self._size = 0  # a line is an event here
        return found

    def _part_of_document(self, lines: bytes) -> list[Event]:
        self._document += lines
        self._check(len(self._document))
        return []

    @property
    def _is_declared(self) -> bool:
        return self._kind.strip().lower().startswith("text/event-stream")

    def _no_text(self, lines: bytes, what: tuple[str, str] = NOT_TEXT) -> ProviderError:
        return ProviderError(*what, f"{self._kind[:200]}: {lines[:500].decode('utf-8', 'replace')}")

    # -- events --------------------------------------------------------------------------------------------------------

    def _events(self, lines: bytes) -> list[Event]:
        """Names, ids and comments say nothing that the data does not, but for an error. Nothing follows `[DONE]`."""
        found: list[Event] = []
        for line in lines.splitlines():
            if not line:
                self._end_event(found)
            elif line.startswith(b"data:"):
                if line[5:].strip():
                    (self._data if self._error is None else self._error).append(line[5:].strip())
            elif line.startswith(b"event:"):
                if _ERROR.fullmatch(line[6:].strip()):
                    self._error, self._data = self._data, []
            elif line.startswith(b"error:"):  # llama.cpp has a field of that name
                self._error = [line[6:].strip()]
            elif line[0] in _JSON:  # the name of no field: its `data:` was forgotten
                self._data.append(line)
        return found

    def _end_event(self, found: list[Event]) -> None:
        data, self._data = b"\n".join(self._data), []
        self.done = self.done or data.startswith(b"[DONE]")
        if self.done:
            return
        if self._error is not None:
            found.append(("error", _as_json(b"\n".join(self._error))))
            self._error = None
        elif data:
            found.append((None, data))


def _as_json(said: bytes) -> bytes:
    """What tells of an error may be any text."""
    try:
        json.loads(said)
    except (ValueError, RecursionError):
        return json.dumps(said.decode("utf-8", "replace")).encode()
    return said


def _is_object(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False
