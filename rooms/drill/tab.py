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

from ..frames import TERMINAL
from .screen import Screen
from .waiting import NotInTime, describe

CONFIRM_EVERY = 64 * 1024
FINAL_CODES = range(4500, 5000)
SILENT_FOR = 5.0  # seconds that a server gets however short its heartbeat: in a flood it may be late


class Refused(Exception):
    """The server answered a command with an `error` frame."""


class Tab(Screen):
    """One socket at a time of one member in one room. `cut` and `plug` lose it and get it back."""

    first_wait, longest_wait = 0.1, 2.0  # seconds until it comes back: shorter than a browser's, for many cuts

    def __init__(self, url: str, room: str, headers: dict[str, str], *, comes_back: bool = False):
        super().__init__(room)
        self.url, self.headers, self.comes_back = url, headers, comes_back
        self.frames: list[tuple[float, dict]] = []
        self.close_code: int | None = None
        self._socket: ClientConnection | None = None
        self._tasks: list[asyncio.Task] = []
        self._changed = asyncio.Event()
        self._unconfirmed = 0
        self._outbox: list[dict] = []
        self._in_flight = False
        self._welcomed = False  # commands may be sent
        self._answers: dict[str, dict] = {}
        self._welcome: dict = {}
        self._heard = 0.0

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
        self._socket = None
        self.unplugged()

    async def _live(self) -> None:
        """One socket after the other while the tab wants to come back, else just one."""
        wait = self.first_wait
        while True:
            with contextlib.suppress(OSError, InvalidHandshake, TimeoutError):
                await self._one_socket()
                wait = self.first_wait
            self.unplugged()
            if not self.comes_back or self.close_code in FINAL_CODES:
                return
            await asyncio.sleep(wait * (0.5 + secrets.randbelow(1000) / 1000))
            wait = min(wait * 2, self.longest_wait)

    async def _connect(self) -> ClientConnection:
        address = f"{self.url.replace('http', 'ws', 1)}/ws/rooms/{self.room}/"
        return await connect(
            f"{address}?cursor={self.cursor}" if self.cursor else address,
            subprotocols=["chatlab.v1"],
            additional_headers=self.headers,
            compression=None,
            max_size=None,
            ping_interval=None,
            proxy=None,
            open_timeout=10,
        )

    async def _one_socket(self) -> None:
        self.close_code = None
        try:
            self._socket = await self._connect()
        except BaseException:
            if not self.comes_back:
                self.close_code = -1
                self._changed.set()
            raise
        self._unconfirmed, self._in_flight, self._welcomed = 0, False, False
        self._heard = time.monotonic()
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
            interval = self._welcome.get("heartbeat")
            await asyncio.sleep(interval or 0.1)
            if interval is None:  # nobody has said yet how long to wait
                continue
            if self._socket is not None and time.monotonic() - self._heard > max(2.5 * interval, SILENT_FOR):
                self._socket.transport.abort()
            elif self.level:
                await self.sync()

    # -- what comes in ---------------------------------------------------------------------------------------------

    async def _receive(self, frame: dict) -> None:
        self._heard = time.monotonic()
        self.keep(frame)
        repairing = self.repairing
        self.take(frame)
        if self.repairing and not repairing:
            await self.sync(repair=True)
        if frame["type"] == "welcome":
            self._welcome, self._welcomed = frame, True
            await self._pump()
        elif frame["type"] == "bye":
            self.comes_back = False
        elif frame["type"] in ("receipt", "error") and frame.get("client_id"):
            await self.answered(frame)
        if self._unconfirmed >= CONFIRM_EVERY and self.cursor:
            await self.sync()

    def keep(self, frame: dict) -> None:
        self.frames.append((self._heard, frame))

    async def answered(self, frame: dict) -> None:
        """What was under way has its `receipt`, or an `error`."""
        self._answers[frame["client_id"]] = frame
        self._outbox = [waiting for waiting in self._outbox if waiting["client_id"] != frame["client_id"]]
        self._in_flight = False
        await self._pump()

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
        if self._outbox and self._welcomed and not self._in_flight:
            self._in_flight = True
            await self.send(self._outbox[0])

    # -- looking at it ---------------------------------------------------------------------------------------------

    def received(self, kind: str) -> list[dict]:
        return [frame for _, frame in self.frames if frame["type"] == kind]

    async def until(self, predicate: Callable[[], object], within: float = 10.0, what: str = "") -> object:
        """The first truthy result of `predicate`, looked at after every frame; NotInTime where there is none."""
        ends = time.monotonic() + within
        while not (result := predicate()):
            left = ends - time.monotonic()
            if left <= 0:
                raise NotInTime(within, f"{what or describe(predicate)}\n{self.summary()}")
            self._changed.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), min(left, 0.25))
        return result

    async def finished(self, message: str, within: float = 20.0) -> dict:
        """The message, once it has reached a terminal status here."""
        await self.until(lambda: self.status(message) in TERMINAL, within, f"{message} ends")
        return self.message(message)

    def summary(self) -> str:
        last = [json.dumps(frame)[:300] for _, frame in self.frames[-5:]]
        return f"cursor {self.cursor}, level {self.level}, closed {self.close_code}, last frames:\n" + "\n".join(last)
