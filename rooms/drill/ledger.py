"""A room's log as the API gave it, folded: what every observation of the room is compared with."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime

from ..frames import TERMINAL
from ..text import EMPTY_DIGEST, digest
from .history import checksum


@dataclass(slots=True)
class Said:
    """A message, and what it was at each of its deltas: sequences, times, statuses and digests of its text."""

    role: str
    parent: str | None
    client_id: str | None
    seqs: list[int] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    states: list[tuple[str, str]] = field(default_factory=list)

    def note(self, seq: int, at: float, status: str, text_digest: str) -> None:
        self.seqs.append(seq)
        self.times.append(at)
        self.states.append((status, text_digest))

    @property
    def opened(self) -> int:
        return self.seqs[0]

    def at(self, cursor: int) -> tuple[str, str] | None:
        """(status, digest) as a reader at this cursor has it; None where it is not there yet."""
        place = bisect_right(self.seqs, cursor)
        return self.states[place - 1] if place else None

    def silent_from(self, moment: float) -> float | None:
        """Seconds from a moment at which it streamed to the next thing that happened to it; None if it did not
        stream then, or nothing happened any more.
        """
        place = bisect_right(self.times, moment)
        if not 0 < place < len(self.times) or self.states[place - 1][0] != "streaming":
            return None
        return self.times[place] - moment


class Ledger:
    """`gaps`, `ends` and `texts` hold what is wrong with the log by itself, a sentence each."""

    def __init__(self, room: str):
        self.room = room
        self.first: int | None = None  # the sequence before the first that was read
        self.head = 0
        self.checksums: dict[int, int] = {}
        self.chains: dict[int, str] = {}
        self.messages: dict[str, Said] = {}
        self.by_client: dict[str, list[str]] = defaultdict(list)
        self.answers: dict[str, list[str]] = defaultdict(list)  # of each question
        self.gaps: list[str] = []
        self.ends: list[str] = []
        self.texts: list[str] = []

    def read(self, cursor: str, items: list[dict], clock: float) -> None:
        seq, _, chain = cursor.partition(".")
        if self.first is None:
            self.first = self.head = int(seq)
        for item in items:
            if item["seq"] != self.head + 1:
                self.gaps.append(f"room {self.room}: {item['seq']} follows {self.head}")
            self.head = item["seq"]
            self.checksums[item["seq"]] = checksum(item)
            self._apply(item, datetime.fromisoformat(item["at"]).timestamp() - clock)
        self.chains[self.head] = chain

    def unfinished(self) -> list[str]:
        """Answers that never came to an end."""
        return [
            id for id, said in self.messages.items() if said.role == "assistant" and said.states[-1][0] not in TERMINAL
        ]

    def _apply(self, item: dict, at: float) -> None:
        if item["kind"] == "opened":
            self._open(item, at)
        elif item["kind"] in ("started", "appended", "closed"):
            said = self.messages.get(item["message"])
            if said is not None:  # else it was opened before the drill
                self._go_on(said, item, at)

    def _open(self, item: dict, at: float) -> None:
        message = item["message"]
        said = Said(message["role"], message["parent"], message.get("client_id"))
        self.messages[message["id"]] = said
        said.note(item["seq"], at, message["status"], digest(message["text"]))
        if said.client_id:
            self.by_client[said.client_id].append(message["id"])
        if said.role == "assistant":
            self.answers[said.parent].append(message["id"])

    def _go_on(self, said: Said, item: dict, at: float) -> None:
        status, text = said.states[-1]
        where = f"room {self.room}, {item['seq']}: message {item['message']}"
        if status in TERMINAL:
            self.ends.append(f"{where} is {item['kind']} after its end")
        if item["kind"] == "started":
            status = "streaming"
        elif item["kind"] == "closed":
            status = item["status"]
            if status not in TERMINAL:
                self.ends.append(f"{where} is closed as {status}")
            if item["digest"] != text:
                self.texts.append(f"{where} is closed with digest {item['digest']}, its deltas add up to {text}")
        elif item["part"] == "text":
            text = digest(item["text"], text or EMPTY_DIGEST)
        said.note(item["seq"], at, status, text)
