"""A tab that writes down what it sees and what becomes of its questions, and whose wire can be pulled."""

from __future__ import annotations

import asyncio
import contextlib
import random
import secrets
from dataclasses import dataclass, field

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from ..frames import TERMINAL
from ..text import digest
from .history import History, checksum
from .people import Person
from .tab import Tab

AGAIN = {"rate_limited", "busy", "unavailable"}  # refusals after which the same is sent again
HELD = 60  # ended messages that a tab goes on showing


@dataclass
class _Question:
    frame: dict
    resolved: asyncio.Future = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    sends: int = 0


class Witness(Tab):
    """`urls`: the processes of one deployment; each connection goes to any of them, as behind a balancer."""

    first_wait, longest_wait = 0.5, 5.0

    def __init__(self, name: str, person: Person, urls: list[str], room: str, history: History, chance: random.Random):
        super().__init__(urls[0], room, {}, comes_back=True)
        self.name, self.person, self.urls, self.history, self.chance = name, person, urls, history, chance
        self.acknowledged = 0
        self.plugged, self.awake = asyncio.Event(), asyncio.Event()
        self.plugged.set()
        self.awake.set()
        self._asked: dict[str, _Question] = {}
        self._answer_ids: dict[str, str] = {}  # of the questions that are shown
        self._stopping: set[str] = set()
        self._timers: set[asyncio.Task] = set()

    def note(self, type: str, f: str, **value: object) -> None:
        self.history.note(self.name, type, f, **value)

    def show(self) -> None:
        """Note what is on the screen in the end, for comparison with what the database holds."""
        self._note_view(self.state.get("messages", ()), final=True)

    # -- asking ------------------------------------------------------------------------------------------------------

    async def ask(self, text: str) -> dict | None:
        """Ask, and return the question's receipt, with its frame; None where it was refused for good."""
        frame = {"type": "post", "client_id": secrets.token_urlsafe(12), "text": text}
        question = self._asked[frame["client_id"]] = _Question(frame)
        self.note("invoke", "post", room=self.room, client_id=frame["client_id"], digest=digest(text))
        self._outbox.append(frame)
        await self.quietly(self._pump())
        return await question.resolved

    async def repeat(self, frame: dict) -> None:
        """What was sent before, once more."""
        self.note("invoke", "repeat", room=self.room, client_id=frame["client_id"])
        await super().send(frame)

    async def stop_answer(self, question: str, times: int = 1) -> None:
        """To this question, if it is still being written."""
        answer = await self.answer_id(question)
        if self.level and self.status(answer) not in (None, *TERMINAL):
            self._stopping.add(answer)
            self.note("invoke", "stop", room=self.room, message=answer)
            for _ in range(times):
                await self.quietly(self.send({"type": "stop", "message": answer}))

    async def answer_id(self, question: str) -> str:
        return await self.until(lambda: self._answer_ids.get(question), 5)

    async def send(self, frame: dict | str | bytes) -> None:
        await super().send(frame)
        asked = self._asked.get(frame.get("client_id"))
        if asked is not None:
            asked.sends += 1
            await self.sent(frame)

    async def sent(self, frame: dict) -> None:
        """A question is on its way."""

    async def answered(self, frame: dict) -> None:
        client_id = frame["client_id"]
        asked = self._asked.get(client_id)
        if frame["type"] == "receipt":
            f, more = ("repeat", {}) if asked is None else ("post", {"sends": asked.sends})
            place = {"room": self.room, "client_id": client_id, "message": frame["message"], "seq": frame["seq"]}
            self.note("ok", f, **place, **more)
        if asked is None:
            return
        if frame["type"] == "error" and frame["code"] in AGAIN:
            self.note("info", "told to wait", code=frame["code"])
            timer = asyncio.create_task(self._send_again(self._socket, frame.get("retry_after", 1.0)))
            self._timers.add(timer)
            timer.add_done_callback(self._timers.discard)
            return
        del self._asked[client_id]
        if frame["type"] == "error":
            self.note("fail", "post", room=self.room, client_id=client_id, code=frame["code"])
            asked.resolved.set_result(None)
        else:
            self.acknowledged += 1
            asked.resolved.set_result({**frame, "frame": asked.frame})
        await super().answered(frame)
        self._answers.clear()

    async def _send_again(self, socket: ClientConnection, wait: float) -> None:
        await asyncio.sleep(wait)
        if self._socket is socket:  # else it went out with the welcome of the next one
            self._in_flight = False
            await self.quietly(self._pump())

    async def quietly(self, sending) -> None:
        """What can't be sent now is sent after the next welcome, or not at all."""
        with contextlib.suppress(ConnectionClosed, OSError):
            await sending

    # -- the wire ----------------------------------------------------------------------------------------------------

    def tear(self) -> None:
        if self._socket is not None:
            self.note("info", "cut")
            self._socket.transport.abort()

    async def _connect(self) -> ClientConnection:
        await self.plugged.wait()
        self.url = self.chance.choice(self.urls)
        self.headers = self.person.socket_headers_at(self.url)
        return await super()._connect()

    async def _receive(self, frame: dict) -> None:
        await self.awake.wait()
        await super()._receive(frame)

    async def sync(self, repair: bool = False) -> None:
        if self.awake.is_set():
            await super().sync(repair)

    async def _stop(self, abort: bool) -> None:
        for timer in self._timers:
            timer.cancel()
        await super()._stop(abort)

    # -- what it sees ------------------------------------------------------------------------------------------------

    def keep(self, frame: dict) -> None:
        """The history has what matters."""

    def take(self, frame: dict) -> None:
        was = self.level
        super().take(frame)
        if self.level != was:
            self.note("info", "level" if self.level else "lost")

    def unplugged(self) -> None:
        if self.level:
            self.note("info", "lost")
        super().unplugged()

    def expect(self, promise: bool, fault: str) -> None:
        if not promise:
            self.note("info", "complain", what=fault)

    def applied(self, items: list[dict]) -> None:
        seen = [[item["seq"], checksum(item), self.history.committed(item)] for item in items]
        self.note("ok", "read", room=self.room, cursor=self.cursor, items=seen)
        self._find_answers(item["message"] for item in items if item["kind"] == "opened")
        ended = {item["message"] for item in items if item["kind"] == "closed"}
        if ended:
            self._note_view([message for message in self.state["messages"] if message["id"] in ended])
            for answer in ended & self._stopping:
                self.note("ok", "stop", room=self.room, message=answer)
            self._stopping -= ended
        if len(self.state["messages"]) > 2 * HELD:
            self._forget_old()

    def replaced(self) -> None:
        self._note_view(self.state["messages"], replaced=True)
        self._find_answers(self.state["messages"])

    def _find_answers(self, messages) -> None:
        for message in messages:
            if message["role"] == "assistant":
                self._answer_ids[message["parent"]] = message["id"]

    def _note_view(self, messages: list[dict], **more: bool) -> None:
        shown = [[message["id"], message["status"], digest(message["text"])] for message in messages]
        self.note("ok", "view", room=self.room, cursor=self.cursor, messages=shown, **more)

    def _forget_old(self) -> None:
        """A page that is open for hours shows the newest messages; `fold` passes over what is not held."""
        old, new = self.state["messages"][:-HELD], self.state["messages"][-HELD:]
        self.state["messages"] = [m for m in old if m["status"] not in TERMINAL] + new
        self._answer_ids.clear()
        self._find_answers(self.state["messages"])
