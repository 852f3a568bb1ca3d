"""One answer: runs its script into a list of bytes and accidents, which any number of connections follow."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field

from .dialects import USAGE, Chat, Responses
from .http import Connection

TERMINAL = {"completed", "final", "failed", "incomplete", "error"}
HUGE_PIECE = 2**16
ACCIDENTS = {"eof", "truncate", "reset"}


def stamp() -> str:
    """The time now as 16 digits: microseconds of the clock that all processes of a machine share."""
    return f"{time.monotonic_ns() // 1000:016d}"


@dataclass
class Piece:
    """What goes to the connections next: bytes, or something that happens to a connection (once)."""

    data: bytes = b""
    sequence: int = -1
    happens: Callable[[Connection], None] | None = None
    lost: bool = False  # on its way to the first who follows


@dataclass
class Answer:
    """One answer being made. `pieces` grows until `ended`; with background it grows whoever listens."""

    dialect: Responses | Chat
    steps: list[dict]
    gate: Callable[[str], asyncio.Event]
    background: bool = False
    pieces: list[Piece] = field(default_factory=list)
    headers: dict[str, str] | None = None
    usage: dict = field(default_factory=lambda: dict(USAGE))
    stubborn: bool = False
    replays: bool = False  # all of it, whatever `starting_after` says
    refusals: list[int] = field(default_factory=list)  # statuses for those who would resume it
    status: str = "in_progress"
    ended: bool = False
    emitted: int = 0  # text deltas
    last_at: float = 0.0  # of the last text delta; time.monotonic()

    def __post_init__(self) -> None:
        self.stubborn = any(step.get("stubborn") for step in self.steps)
        self.replays = any(step.get("replays") for step in self.steps)
        self._changed = asyncio.Event()
        self._sequence = 0
        self._begun = self._begun_text = False
        self._last_event: bytes = b""
        self._losing = False

    # -- making it -------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        try:
            for step in self.steps:
                await self._step(step)
            if not self._ends_itself():
                self._finish({})
        finally:
            self.ended = True
            self._changed.set()

    def start(self) -> None:
        self._task = asyncio.create_task(self.run())

    def cancel(self) -> None:
        """The answer ends at once: nobody listens any more, or POST /cancel."""
        self.status = "cancelled" if not self.ended else self.status
        self._task.cancel()

    def _ends_itself(self) -> bool:
        """An accident ends the answer only where nothing follows: a background answer goes on behind a reset."""
        told = any(TERMINAL & step.keys() for step in self.steps)
        return told or bool(self.steps and ACCIDENTS & self.steps[-1].keys())

    async def _step(self, step: dict) -> None:
        self._losing = bool(step.get("lost"))
        handlers = (name for name in step if hasattr(self, f"_do_{name}"))
        for name in handlers:
            done = getattr(self, f"_do_{name}")(step)
            if done is not None:
                await done

    async def _do_text(self, step: dict) -> None:
        await self._pace(step, step["text"], self._text)

    async def _do_reasoning(self, step: dict) -> None:
        await self._pace(step, step["reasoning"], lambda piece: self._event(self.dialect.think(piece)))

    async def _do_refusal(self, step: dict) -> None:
        await self._pace(step, step["refusal"], lambda piece: self._event(self.dialect.refuse(piece)))

    async def _do_stamps(self, step: dict) -> None:
        filler = " " * (step.get("width", 20) - 16)
        await self._pace(step, [None] * step["stamps"], lambda _: self._text(stamp() + filler))

    async def _do_wait(self, step: dict) -> None:
        await (asyncio.Event().wait() if step["wait"] == "forever" else asyncio.sleep(step["wait"]))

    async def _do_gate(self, step: dict) -> None:
        await self.gate(step["gate"]).wait()

    def _do_begin(self, step: dict) -> None:
        self.begin()

    def _do_headers(self, step: dict) -> None:
        if "status" not in step:
            self.headers = step["headers"] or None
            self._put(Piece())

    def _do_raw(self, step: dict) -> None:
        self._put(Piece(step["raw"].encode("utf-8", "surrogatepass")))

    def _do_base64(self, step: dict) -> None:
        self._put(Piece(base64.b64decode(step["base64"])))

    async def _do_huge(self, step: dict) -> None:
        self.begin()
        head, tail = self.dialect.encode(self.dialect.delta("|"), json.dumps(self.dialect.delta("|"))).split(b"|")
        for piece in (head, *[b"x" * HUGE_PIECE] * (step["huge"] // HUGE_PIECE), *([] if step.get("bare") else [tail])):
            self._put(Piece(piece))
            await asyncio.sleep(0)

    def _do_event(self, step: dict) -> None:
        self._event(step["event"])

    def _do_delta(self, step: dict) -> None:
        self._text(step["delta"])

    def _do_skip(self, step: dict) -> None:
        self._sequence += step["skip"]

    def _do_again(self, step: dict) -> None:
        self._put(Piece(self._last_event, self._sequence - 1))

    def _do_usage(self, step: dict) -> None:
        self.usage |= step["usage"]

    def _do_completed(self, step: dict) -> None:
        self._finish(step["completed"])

    def _do_final(self, step: dict) -> None:
        self._finish({"final": step["final"]})

    def _do_failed(self, step: dict) -> None:
        error = {"code": "server_error", "message": "The model failed.", **step["failed"]}
        self._finish({"status": "failed", "error": error})

    def _do_incomplete(self, step: dict) -> None:
        self._finish({"status": "incomplete", "incomplete_details": {"reason": step["incomplete"]}})

    def _do_error(self, step: dict) -> None:
        self._events(self.dialect.error(step["error"]))

    def _do_refuse(self, step: dict) -> None:
        self.refusals += [step["refuse"]] * step.get("times", 1_000)

    def _do_finish(self, step: dict) -> None:
        self._put(Piece(happens=Connection.end_stream))

    def _do_truncate(self, step: dict) -> None:
        self._put(Piece(happens=Connection.truncate))

    def _do_reset(self, step: dict) -> None:
        self._put(Piece(happens=Connection.reset))

    async def _pace(self, step: dict, pieces: str | list, emit: Callable[[object], None]) -> None:
        pieces = [pieces] if isinstance(pieces, str) else pieces
        rate, started = step.get("rate"), time.monotonic()
        for number, piece in enumerate(pieces * step.get("repeat", 1)):
            late = 0 if not rate else started + number / rate - time.monotonic()
            if late > 0 or number % 64 == 0:
                await asyncio.sleep(max(late, 0))
            emit(piece)

    def _text(self, piece: object) -> None:
        self.begin()
        if not self._begun_text:
            self._begun_text = True
            self._events(self.dialect.begin_text())
        self.emitted, self.last_at = self.emitted + 1, time.monotonic()
        self._event(self.dialect.delta(piece))

    def begin(self) -> None:
        if not self._begun:
            self._begun = True
            self._events(self.dialect.begin())

    def _finish(self, fields: dict) -> None:
        self.begin()
        self.status = fields.get("status", "completed")
        self._events(self.dialect.finish(usage=self.usage, **fields))
        self._put(Piece(self.dialect.end))

    def _events(self, events: Iterable[dict]) -> None:
        for event in events:
            self._event(event)

    def _event(self, event: dict) -> None:
        if isinstance(self.dialect, Responses) and "sequence_number" not in event:
            event = {**event, "sequence_number": self._sequence}
            self._sequence += 1
        self._last_event = self.dialect.encode(event, json.dumps(event))
        sequence = event.get("sequence_number")
        self._put(Piece(self._last_event, sequence if isinstance(sequence, int) else -1))

    def _put(self, piece: Piece) -> None:
        piece.lost = self._losing
        self.pieces.append(piece)
        self._changed.set()

    # -- following it ----------------------------------------------------------------------------------------------

    def after(self, sequence: int) -> int:
        """The place of the first piece that follows the event with this sequence_number."""
        places = (place for place, piece in enumerate(self.pieces) if piece.sequence > sequence)
        return next(places, len(self.pieces))

    async def follow(self, place: int = 0) -> AsyncIterator[Piece]:
        """Pieces from a place on until the end: what is there at once, then what comes."""
        while True:
            while place < len(self.pieces):
                yield self.pieces[place]
                place += 1
            if self.ended:
                return
            self._changed.clear()
            await self._changed.wait()
