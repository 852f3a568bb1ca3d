"""The history, indexed: what was promised to whom, what each tab saw, and when."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from .ledger import Ledger

SETTLED_AFTER = 10.0  # seconds after a fault is mended from which on everything is healthy again


@dataclass(slots=True)
class Post:
    room: str
    process: str
    digest: str
    invoked: float
    outcome: str = "info"  # ok, fail, or unknown
    at: float = 0.0
    message: str = ""
    seq: int = 0
    sends: int = 1


@dataclass(slots=True)
class View:
    """What somebody showed of a room at a cursor: [id, status, digest] of each message."""

    process: str
    room: str
    seq: int
    messages: list[list[str]]
    final: bool = False


@dataclass(slots=True)
class Connection:
    """Of one tab."""

    level: bool = False
    awake: bool = True
    since: float | None = None  # it has been level and awake since then; None while it is not both
    seq: int | None = None  # what it has applied
    plugged: float | None = None  # when its wire was whole again, while it is not level yet

    def change(self, f: str, now: float) -> None:
        self.level = f == "level" or (self.level and f not in ("lost", "cut"))
        self.awake = f == "awake" or (self.awake and f != "asleep")
        if not (self.level and self.awake):
            self.since = None
        elif self.since is None:
            self.since = now


class Record:
    def __init__(self, history: Iterable[dict]):
        self.start: dict = {}
        self.posts: dict[str, Post] = {}
        self.repeats: list[tuple[str, str, int]] = []  # client_id, message, seq
        self.ledgers: dict[str, Ledger] = {}
        self.seen: dict[str, dict[int, int]] = defaultdict(dict)  # room -> sequence -> checksum
        self.chains: dict[str, dict[int, str]] = defaultdict(dict)
        self.views: list[View] = []
        self.stored: dict[str, dict[str, list]] = defaultdict(dict)  # room -> id -> what the API holds in the end
        self.doubly_stored: list[str] = []
        self.gaps: list[str] = []
        self.divergent: list[str] = []
        self.complaints: list[str] = []
        self.heads: dict[str, int] = {}
        self.effects: Counter[str] = Counter()
        self.faults: list[tuple[str, float]] = []  # name, when
        self.healthy: dict[str, list[float]] = defaultdict(list)  # figure -> seconds
        self.troubled: dict[str, list[float]] = defaultdict(list)
        self.loads: list[float] = []  # of each core of the drill's machine
        self.began = self.ended = 0.0
        self._connections: dict[str, Connection] = defaultdict(Connection)
        self._stops: dict[tuple[str, str], float] = {}
        self._striking: Counter[str] = Counter()
        self._healed = float("-inf")
        for entry in history:
            self._hear(entry)

    def _hear(self, entry: dict) -> None:
        """One line of the history."""
        process, f = entry["process"], entry["f"]
        if f in _COUNTED:
            self.effects[f] += 1
        if process.startswith("tab") and f in _CONNECTIONS:
            self._on_connection(entry)
        elif process == "nemesis" and entry["type"] != "info":
            self._on_fault(entry)
        else:
            take = getattr(self, f"_on_{f}", None)
            if take is not None:
                take(entry)

    def _is_healthy(self, moment: float) -> bool:
        """Whether no fault has been near since then."""
        return not self._striking.total() and moment > self._healed + SETTLED_AFTER

    def _measure(self, figure: str, since: float, took: float) -> None:
        (self.healthy if self._is_healthy(since) else self.troubled)[figure].append(took)

    # -- the drill, its faults, and what was found on the machine ------------------------------------------------------

    def _on_start(self, entry: dict) -> None:
        self.start, self.began = entry, entry["time"]

    def _on_quiet(self, entry: dict) -> None:
        self.heads, self.ended = entry["heads"], entry["time"]

    def _on_late(self, entry: dict) -> None:
        self._measure("late", entry["time"], entry["by"])
        self.loads.append(entry["load"])

    def _on_fault(self, entry: dict) -> None:
        target = entry["target"]
        if entry["type"] == "invoke":
            self._striking[target] += 1
            self.faults.append((entry["f"], entry["time"]))
        else:
            self._striking[target] -= 1
            self._healed = entry["time"]
            self.effects[entry["f"]] += 1

    def _on_alarm(self, entry: dict) -> None:
        self.complaints.append(f"{entry['target']} logged:\n{entry['lines']}")

    def _on_died(self, entry: dict) -> None:
        self.complaints.append(f"{entry['target']} died by itself")

    def _on_verified(self, entry: dict) -> None:
        if entry["found"]:
            self.complaints.append(f"manage.py verify: {entry['found']}")

    def _on_complain(self, entry: dict) -> None:
        self.complaints.append(f"{entry['process']}: {entry['what']}")

    # -- what was asked ------------------------------------------------------------------------------------------------

    def _on_post(self, entry: dict) -> None:
        client_id = entry["client_id"]
        if entry["type"] == "invoke":
            self.posts[client_id] = Post(entry["room"], entry["process"], entry["digest"], entry["time"])
            return
        post = self.posts[client_id]
        post.outcome, post.at = entry["type"], entry["time"]
        if entry["type"] == "ok":
            post.message, post.seq, post.sends = entry["message"], entry["seq"], entry["sends"]
            self.effects["sent again after a cut"] += post.sends > 1
            self._measure("receipt", post.invoked, post.at - post.invoked)

    def _on_repeat(self, entry: dict) -> None:
        if entry["type"] == "ok":
            self.repeats.append((entry["client_id"], entry["message"], entry["seq"]))
            self.effects["sent twice"] += 1

    def _on_stop(self, entry: dict) -> None:
        key = (entry["process"], entry["message"])
        if entry["type"] == "invoke":
            self._stops[key] = entry["time"]
            return
        self.effects["stopped"] += 1
        invoked, connection = self._stops.pop(key), self._connections[entry["process"]]
        if connection.since is not None and connection.since <= invoked:
            self._measure("stop", invoked, entry["time"] - invoked)

    # -- what tabs saw -------------------------------------------------------------------------------------------------

    def _on_connection(self, entry: dict) -> None:
        connection, now = self._connections[entry["process"]], entry["time"]
        connection.change(entry["f"], now)
        if entry["f"] == "plugged":
            connection.plugged = now
        if entry["f"] == "level" and connection.plugged is not None:
            self.effects["back after a cut"] += 1
            self._measure("level again", connection.plugged, now - connection.plugged)
            connection.plugged = None

    def _on_read(self, entry: dict) -> None:
        room, process, connection = entry["room"], entry["process"], self._connections[entry["process"]]
        seen, now = self.seen[room], entry["time"]
        for seq, checksum, committed in entry["items"]:
            if seq != (connection.seq or 0) + 1:
                self.gaps.append(f"{process} in room {room}: {seq} follows {connection.seq}")
            connection.seq = seq
            if seen.setdefault(seq, checksum) != checksum:
                self.divergent.append(f"{process} in room {room} saw another delta {seq} than others did")
            if connection.since is not None and connection.since < committed:
                self._measure("staleness", committed, now - committed)
        self._note_chain(process, room, entry["cursor"])

    def _on_view(self, entry: dict) -> None:
        process, room, seq = entry["process"], entry["room"], int(entry["cursor"].partition(".")[0] or 0)
        if entry.get("replaced"):
            self._connections[process].seq = seq
        elif seq != self._connections[process].seq:
            self.gaps.append(f"{process} in room {room} shows {seq}, and has applied {self._connections[process].seq}")
        self._note_chain(process, room, entry["cursor"])
        self.views.append(View(process, room, seq, entry["messages"], entry.get("final", False)))

    def _note_chain(self, process: str, room: str, cursor: str) -> None:
        seq, _, chain = cursor.partition(".")
        if self.chains[room].setdefault(int(seq or 0), chain) != chain:
            self.divergent.append(f"{process} in room {room} has another history at {seq} than others have")

    # -- what the API says ---------------------------------------------------------------------------------------------

    def _on_log(self, entry: dict) -> None:
        room = entry["room"]
        ledger = self.ledgers.setdefault(room, Ledger(room))
        ledger.read(entry["cursor"], entry["items"], self.start.get("clock", 0.0))
        self._note_chain("reader", room, entry["cursor"])

    def _on_messages(self, entry: dict) -> None:
        stored = self.stored[entry["room"]]
        for message in entry["messages"]:
            if message[0] in stored:
                self.doubly_stored.append(f"room {entry['room']}: the pages hold message {message[0]} twice")
            stored[message[0]] = message


_COUNTED = {"cut", "asleep", "told to wait"}
_CONNECTIONS = {"level", "lost", "cut", "plugged", "asleep", "awake"}
