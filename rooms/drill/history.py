"""What happened, as a file of JSON lines: each operation is invoked, and then `ok`, `fail` or `info` (as in Jepsen).

`time` is in seconds since the drill began, on one clock that never jumps. An operation that was invoked and never heard
of again may have happened or not. Nothing else is needed for a verdict: `manage.py drill --check FILE` gives it again.

| `process` | `f` | what |
|---|---|---|
| drill | start | the options, the rooms, the faults to come, and `clock`: the server's time of day at 0 |
| drill | quiet, converged | nothing is written any more: {heads}; what tabs show is final |
| drill | late | `by` how many seconds the drill itself was late, and the `load` of each core of its machine |
| tab N | post | a question: invoke {room, client_id, digest}, ok {message, seq, sends}, fail {code} |
| tab N | repeat | the same once more: invoke {client_id}, ok {message, seq} |
| tab N | stop | invoke {room, message}, ok when it has ended here |
| tab N | level, lost, cut, plugged, asleep, awake | its connection, and what was done to it |
| tab N | told to wait | a question was refused for the time being: {code} |
| tab N | read | deltas that it applied: {room, cursor, items: [[seq, checksum, committed]]} |
| tab N | view | what it shows at a cursor: {room, cursor, messages: [[id, status, digest]]}; `replaced`, `final` |
| tab N | complain | a promise that it saw broken |
| reader | log | the log as the API gives it: {room, cursor, items}; the first has no items |
| reader | messages | the API's pages at the end: [[id, client_id, parent, status, digest, digest as claimed]] |
| nemesis | any fault | invoke when it strikes {target}, ok when it is mended |
| nemesis | alarm, died, verified | what was found in the logs of the processes, and by `manage.py verify` |
"""

from __future__ import annotations

import json
import time
import zlib
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path


class History:
    """Written line by line while the drill runs."""

    def __init__(self, path: Path):
        self.path = path
        self._file = path.open("w", encoding="utf-8", buffering=1 << 16)
        self._began = time.monotonic()
        self.clock = time.time()
        self.skew = 0.0  # seconds by which the server's clock is ahead of ours

    @property
    def now(self) -> float:
        return time.monotonic() - self._began

    def note(self, process: str, type: str, f: str, **value: object) -> None:
        entry = {"time": round(self.now, 4), "process": process, "type": type, "f": f, **value}
        self._file.write(json.dumps(entry, ensure_ascii=False, separators=(",", ":")) + "\n")

    def committed(self, item: dict) -> float:
        """A delta's `at` on the history's clock."""
        return round(datetime.fromisoformat(item["at"]).timestamp() - self.clock - self.skew, 4)

    def compare_clocks(self, sent: float, at: str, received: float) -> None:
        """The server wrote `at` between two moments of ours: its clock is ahead or behind by at least what does not
        fit.
        """
        server = datetime.fromisoformat(at).timestamp() - self.clock
        self.skew = max(server - received, min(server - sent, 0.0))

    def close(self) -> None:
        self._file.close()


def checksum(item: dict) -> int:
    """Of all that a delta says: two that differ anywhere differ here."""
    return zlib.crc32(json.dumps(item, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode())


def read(path: Path) -> Iterator[dict]:
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)
