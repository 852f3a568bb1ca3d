"""Reads every room over the HTTP API while the drill runs, and once more when it is over: what the database holds."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable

import httpx2

from ..text import digest
from .history import History
from .people import ApiError, Person

LOOK_EVERY = 1.0  # seconds; a reader that is more than 2,000 deltas behind is given a snapshot, and no log
GIVE_UP_AFTER = 60.0  # seconds for which nobody answers
NAME = "reader"


class Unreadable(Exception):
    """The log or the messages could not be read: there can be no verdict."""


async def patiently(call: Callable[[], Awaitable[dict]], urls: list[str], person: Person) -> dict:
    """Ask one process after the other until one answers; wait where the API says so."""
    ends = asyncio.get_running_loop().time() + GIVE_UP_AFTER
    for url in itertools.cycle(urls):
        try:
            return await call()
        except ApiError as error:
            if error.status not in (429, 502, 503, 504):
                raise
            wait, failure = error.retry_after or 1.0, error
        except httpx2.HTTPError as error:
            wait, failure = 0.2, error
        if asyncio.get_running_loop().time() + wait > ends:
            raise Unreadable(f"nobody answers: {failure!r}") from failure
        await asyncio.sleep(wait)
        person.url = url
    raise AssertionError("a cycle does not end")


class Auditor:
    """One room, read by one of its members."""

    def __init__(self, person: Person, urls: list[str], room: str, history: History):
        self.person, self.urls, self.room, self.history = person, urls, room, history
        self.cursor = ""
        self.open: set[str] = set()  # answers that have not ended
        self.over = False  # nothing new is asked

    @property
    def seq(self) -> int:
        return int(self.cursor.partition(".")[0])

    async def begin(self) -> None:
        """From here on the log is followed; what is open already is somebody else's."""
        self.cursor = (await self._get(""))["cursor"]
        self._note_log([])

    async def follow(self) -> None:
        """Until it is over."""
        while not self.over:
            await self._read_on()
            await asyncio.sleep(LOOK_EVERY)

    async def catch_up(self) -> None:
        """Up to the head of this moment."""
        await self._read_on()

    async def _read_on(self) -> None:
        while True:
            page = await self._get(f"/deltas?after={self.cursor}")
            if "snapshot" in page:
                raise Unreadable(f"room {self.room}: the log does not go on from {self.cursor}")
            if page["items"]:
                self.cursor = page["cursor"]
                self._note_log(page["items"])
                self._follow_answers(page["items"])
            if page["up_to_date"]:
                return

    def _follow_answers(self, items: list[dict]) -> None:
        for item in items:
            if item["kind"] == "opened" and item["message"]["role"] == "assistant":
                self.open.add(item["message"]["id"])
            elif item["kind"] == "closed":
                self.open.discard(item["message"])

    async def messages(self) -> None:
        """Everything that the room holds now, page by page."""
        page = await self._get("")
        cursor = page["cursor"]
        while True:
            found = [
                [m["id"], m.get("client_id"), m["parent"], m["status"], digest(m["text"]), m["digest"]]
                for m in page["messages"]
            ]
            oldest = page["earlier"] is None
            self.history.note(NAME, "ok", "messages", room=self.room, cursor=cursor, messages=found, oldest=oldest)
            if oldest:
                return
            page = await self._get(f"/messages?before={page['earlier']}")

    def _note_log(self, items: list[dict]) -> None:
        self.history.note(NAME, "ok", "log", room=self.room, cursor=self.cursor, items=items)

    async def _get(self, path: str) -> dict:
        return await patiently(lambda: self.person.api("GET", f"/rooms/{self.room}{path}"), self.urls, self.person)
