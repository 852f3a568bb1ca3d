"""A tab: a client that does what the protocol asks of one, keeps every frame it got, and notes every broken promise."""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import time
from collections.abc import Callable

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from ..fold import fold
from ..text import digest
from .waiting import describe

CONFIRM_EVERY = 64 * 1024
FINAL_CODES = range(4500, 5000)


class Refused(Exception):
    """The server answered a command with an `error` frame."""


class Tab:
    """One socket at a time of one member in one room. `cut` and `plug` lose it and get it back."""

    def __init__(self, url: str, room: str, headers: dict[str, str], *, comes_back: bool = False):
        self.address = f"{url.replace('http', 'ws', 1)}/ws/rooms/{room}/"
        self.room, self.headers, self.comes_back = room, headers, comes_back
        self.frames: list[tuple[float, dict]] = []
        self.state: dict = {}
        self.cursor, self.seq = "", 0
        self.level = False  # nothing is known to be missing: `synced` came, and no gap since
        self.close_code: int | None = None
        self.duplicates = self.gaps = self.digests_checked = 0
        self.faults: list[str] = []
        self._socket: ClientConnection | None = None
        self._tasks: list[asyncio.Task] = []
        self._changed = asyncio.Event()
        self._repairing = False
        self._unconfirmed = 0
        self._outbox: list[dict] = []
        self._in_flight = False
        self._answers: dict[str, dict] = {}
        self._welcome: dict = {}

    # -- connecting ------------------------------------------------------------------------------------------------

    async def open(self, cursor: str | None = None, within: float = 10.0) -> Tab:
        """Connect from the own cursor (or the one given), and return when level."""
        if cursor is not None:
            self.cursor, self.seq = cursor, int(cursor.partition(".")[0] or 0)
        self._tasks = [asyncio.create_task(self._live()), asyncio.create_task(self._beat())]
        await self.until(lambda: self.level or self.close_code is not None, within, "the tab is level")
        return self

    plug = open

    async def cut(self) -> None:
        """Lose the connection without a word, as a network does."""
        await self._stop(abort=True)

    async def close(self) -> None:
        await self._stop(abort=False)

    async def _stop(self, abort: bool) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []
        if self._socket is not None:
            if abort:
                self._socket.transport.abort()
            else:
                await self._socket.close()
        self._socket, self.level = None, False

    async def _live(self) -> None:
        """One socket after the other while the tab wants to come back, else just one."""
        wait = 0.1
        while True:
            with contextlib.suppress(OSError, InvalidHandshake, TimeoutError):
                await self._one_socket()
                wait = 0.1
            self.level = False
            if not self.comes_back or self.close_code in FINAL_CODES:
                return
            await asyncio.sleep(wait * (0.5 + secrets.randbelow(1000) / 1000))
            wait = min(wait * 2, 2)

    async def _one_socket(self) -> None:
        uri = f"{self.address}?cursor={self.cursor}" if self.cursor else self.address
        self.close_code = None
        try:
            self._socket = await connect(
                uri,
                subprotocols=["chatlab.v1"],
                additional_headers=self.headers,
                compression=None,
                max_size=None,
                ping_interval=None,
                proxy=None,
                open_timeout=10,
            )
        except BaseException:
            if not self.comes_back:
                self.close_code = -1
                self._changed.set()
            raise
        self._repairing, self._unconfirmed, self._in_flight = False, 0, False
        try:
            async for text in self._socket:
                self._unconfirmed += len(text)
                await self._receive(json.loads(text))
                self._changed.set()
        except ConnectionClosed:
            pass
        self.close_code = self._socket.close_code or 1006
        self._changed.set()

    async def _beat(self) -> None:
        """A heartbeat on time, and the end of a socket that has gone silent."""
        while True:
            interval = self._welcome.get("heartbeat", 10)
            await asyncio.sleep(interval)
            silent = time.monotonic() - self.frames[-1][0] if self.frames else 0
            if self._socket is not None and silent > 2.5 * interval:
                self._socket.transport.abort()
            elif self.level:
                await self.sync()

    # -- what comes in ---------------------------------------------------------------------------------------------

    async def _receive(self, frame: dict) -> None:
        self.frames.append((time.monotonic(), frame))
        take = getattr(self, f"_on_{frame['type']}", None)
        if take is not None:
            take(frame)
        if frame["type"] == "welcome":
            await self._pump()
        if frame["type"] in ("receipt", "error") and frame.get("client_id"):
            self._answers[frame["client_id"]] = frame
            await self._sent(frame["client_id"])
        if self._unconfirmed >= CONFIRM_EVERY and self.cursor:
            await self.sync()

    def _on_welcome(self, frame: dict) -> None:
        self._welcome = frame
        self._expect(frame["protocol"] == "chatlab.v1" and frame["room"] == self.room, f"a strange welcome: {frame}")

    def _on_snapshot(self, frame: dict) -> None:
        self.state = {name: value for name, value in frame.items() if name not in ("type", "cursor")}
        self._move(frame["cursor"])
        self._repairing = False
        for message in self.state["messages"]:
            self._expect(digest(message["text"]) == message["digest"], f"digest in snapshot: {message['id']}")

    def _on_deltas(self, frame: dict) -> None:
        sequences = [item["seq"] for item in frame["items"]]
        self._expect(sequences == list(range(sequences[0], sequences[0] + len(sequences))), f"a torn frame {sequences}")
        self._expect(sequences[-1] == int(frame["cursor"].partition(".")[0]), "a cursor that is not the last item's")
        if sequences[0] > self.seq + 1:
            self.gaps += 1
            self.level = False
            if not self._repairing:
                self._repairing = True
                self._tasks.append(asyncio.create_task(self.sync(repair=True)))
            return
        fresh = [item for item in frame["items"] if item["seq"] > self.seq]
        self.duplicates += len(sequences) - len(fresh)
        if fresh:
            self._repairing = False
            self.state = fold(self.state or {"room": {}, "members": {}, "messages": []}, fresh)
            self._move(frame["cursor"])
            for item in fresh:
                self._check_item(item)

    def _on_synced(self, frame: dict) -> None:
        self.level = not self._repairing
        if frame["cursor"] == self.cursor:
            for message, expected in frame["digests"].items():
                self._check_digest(message, expected)

    def _on_bye(self, frame: dict) -> None:
        self.comes_back = False

    def _move(self, cursor: str) -> None:
        self.cursor, self.seq = cursor, int(cursor.partition(".")[0])

    def _check_item(self, item: dict) -> None:
        self._expect(item["kind"] != "appended" or item["text"] != "", f"an empty delta at {item['seq']}")
        if item["kind"] == "closed":
            self._check_digest(item["message"], item["digest"])

    def _check_digest(self, message: str, expected: str) -> None:
        held = self.message(message)
        if held is not None:
            self.digests_checked += 1
            self._expect(digest(held["text"]) == expected, f"digest of {message}")

    def _expect(self, promise: bool, fault: str) -> None:
        if not promise:
            self.faults.append(fault)

    # -- what goes out ---------------------------------------------------------------------------------------------

    async def send(self, frame: dict | str | bytes) -> None:
        await self._socket.send(json.dumps(frame) if isinstance(frame, dict) else frame)

    async def sync(self, repair: bool = False) -> None:
        self._unconfirmed = 0
        with contextlib.suppress(ConnectionClosed):
            await self.send({"type": "sync", "cursor": self.cursor, **({"repair": True} if repair else {})})

    async def command(self, frame: dict, within: float = 10.0) -> dict:
        """Send through the outbox and return the receipt; Refused where an `error` came."""
        frame = {"client_id": secrets.token_urlsafe(12), **frame}
        self._answers.pop(frame["client_id"], None)
        self._outbox.append(frame)
        if self.level:
            await self._pump()
        await self.until(lambda: frame["client_id"] in self._answers, within, f"a receipt for {frame['type']}")
        answer = self._answers[frame["client_id"]]
        if answer["type"] == "error":
            raise Refused(answer)
        return answer

    async def post(self, text: str, **fields: object) -> str:
        """Ask, and return the id of the message that will hold the answer."""
        receipt = await self.command({"type": "post", "text": text, **fields})
        answer = await self.until(lambda: self.answer_to(receipt["message"]), 10, "the answer is opened")
        return answer["id"]

    async def _pump(self) -> None:
        if self._outbox and not self._in_flight:
            self._in_flight = True
            await self.send(self._outbox[0])

    async def _sent(self, client_id: str) -> None:
        self._outbox = [frame for frame in self._outbox if frame["client_id"] != client_id]
        self._in_flight = False
        await self._pump()

    # -- what is shown ---------------------------------------------------------------------------------------------

    def message(self, message: str) -> dict | None:
        return next((held for held in self.state.get("messages", ()) if held["id"] == message), None)

    def answer_to(self, question: str) -> dict | None:
        held = self.state.get("messages", ())
        return next((m for m in held if m["parent"] == question and m["role"] == "assistant"), None)

    def text(self, message: str) -> str:
        held = self.message(message)
        return held["text"] if held else ""

    def status(self, message: str) -> str | None:
        held = self.message(message)
        return held["status"] if held else None

    def received(self, kind: str) -> list[dict]:
        return [frame for _, frame in self.frames if frame["type"] == kind]

    async def until(self, predicate: Callable[[], object], within: float = 10.0, what: str = "") -> object:
        """The first truthy result of `predicate`, looked at after every frame."""
        ends = time.monotonic() + within
        while not (result := predicate()):
            left = ends - time.monotonic()
            if left <= 0:
                raise AssertionError(f"not within {within} s: {what or describe(predicate)}\n{self.summary()}")
            self._changed.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), min(left, 0.25))
        return result

    async def finished(self, message: str, within: float = 20.0) -> dict:
        """The message, once it has reached a terminal status here."""
        done = ("complete", "stopped", "incomplete", "failed", "interrupted")
        await self.until(lambda: self.status(message) in done, within, f"{message} ends")
        return self.message(message)

    def summary(self) -> str:
        last = [json.dumps(frame)[:300] for _, frame in self.frames[-5:]]
        return f"cursor {self.cursor}, level {self.level}, closed {self.close_code}, last frames:\n" + "\n".join(last)
