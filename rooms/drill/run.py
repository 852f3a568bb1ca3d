"""One drill from its first tab to its last look. What happens goes into the history; nothing is judged here."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

import httpx2

from ..text import digest
from .auditor import Auditor, patiently
from .deployment import Deployment
from .faults import Nemesis
from .history import History
from .people import ApiError, Person
from .player import Manners, Player
from .waiting import NotInTime, eventually

DEMO_MODEL = "demo-model"
LEVEL_WITHIN = 60.0  # seconds for all tabs to be there at the beginning
FINISH_WITHIN = 60.0  # seconds for questions that are under way at the end
ANSWERS_WITHIN = 90.0  # seconds for answers that are being written at the end; after half of it they are stopped
CONVERGE_WITHIN = 10.0  # seconds after the last write within which every tab shows what the database holds
LOOK_EVERY = 0.25  # seconds
STUCK_AFTER = 60.0  # seconds without an acknowledged send after which more time would not help


class Unwilling(Exception):
    """The drill will not run like this; the text says why, and what to do."""


@dataclass
class Options:
    urls: list[str] = field(default_factory=list)
    tabs: int = 12
    rooms: int = 3
    seconds: float = 30.0
    sends: int = 100
    seed: int = 0
    pace: float = 2.0
    answers: float = 0.15
    room: str = ""
    token: str = ""
    yes: bool = False


class Drill:
    def __init__(self, options: Options, history: History, say: Callable[[str], None]):
        self.options, self.history, self.say = options, history, say
        self.people: list[Person] = []
        self.players: list[Player] = []
        self.auditors: list[Auditor] = []
        self._tasks: list[asyncio.Task] = []
        self._demo = False

    async def run(self, deployment: Deployment | None = None) -> None:
        nemesis = Nemesis(deployment, self.history, self.options.seed, self.options.seconds) if deployment else None
        try:
            await self._knock()
            await self._gather()
            self._note_start(nemesis.planned if nemesis else [])
            await self._play(nemesis)
            await self._settle()
            for auditor in self.auditors:
                await auditor.messages()
            if deployment:
                await asyncio.to_thread(self._inspect, deployment)
        finally:
            await self._leave()

    # -- coming ------------------------------------------------------------------------------------------------------

    async def _knock(self) -> None:
        for url in self.options.urls:
            person = Person(url)
            try:
                await person.request("GET", "/healthz")
            except (httpx2.HTTPError, httpx2.InvalidURL) as error:
                raise Unwilling(f"{url} does not answer: {error}. Start it, or give another --url.") from error
            finally:
                await person.close()

    async def _gather(self) -> None:
        rooms = [await self._room(number) for number in range(self.options.rooms)]
        for number in range(self.options.tabs):
            self.players.append(await self._player(number, rooms[number % len(rooms)]))
        await asyncio.gather(*(player.open(within=LEVEL_WITHIN) for player in self.players))

    async def _room(self, number: int) -> str:
        options = self.options
        owner = self._person()
        if options.room:
            room = options.room
            await self._join(owner, room, "Drill")
        else:
            room = await self._patiently(owner, lambda: owner.create_room(f"Drill {options.seed}, room {number + 1}"))
        auditor = Auditor(owner, options.urls, room, self.history)
        await auditor.begin()
        self.auditors.append(auditor)
        if number == 0:
            await self._ask_who_answers(owner, room)
        return room

    async def _ask_who_answers(self, person: Person, room: str) -> None:
        """One question, stopped at once: only its answer says which model it is."""
        question = {"client_id": f"drill-{time.time_ns()}", "text": "A drill begins here."}
        asked = {"room": room, "client_id": question["client_id"], "digest": digest(question["text"])}
        self.history.note("drill", "invoke", "post", **asked)
        sent = self.history.now
        receipt = await self._patiently(person, lambda: person.api("POST", f"/rooms/{room}/messages", question))
        received = self.history.now
        answer = receipt["answer"]
        await self._patiently(person, lambda: person.api("POST", f"/rooms/{room}/messages/{answer}/stop", {}))
        shown = await self._patiently(person, lambda: person.snapshot(room))
        messages = {message["id"]: message for message in shown["messages"]}
        place = {"message": receipt["message"], "seq": messages[receipt["message"]]["seq"], "sends": 1}
        self.history.note("drill", "ok", "post", **asked, **place)
        self.history.compare_clocks(sent, messages[receipt["message"]]["at"], received)
        model = messages[answer]["model"]
        self._demo = model == DEMO_MODEL
        if not self._demo and not self.options.yes:
            raise Unwilling(
                f"{model!r} would answer, and may cost money: {self.options.answers:.0%} of the questions "
                "are answered to their end, the others are stopped after some words. Give --yes to do it (with "
                "--answers 0 all are stopped), or start the deployment with CHATLAB_PROVIDER=demo."
            )

    async def _player(self, number: int, room: str) -> Player:
        person = self._person()
        await self._join(person, room, f"Tab {number + 1}")
        chance = random.Random(f"{self.options.seed} tab {number}")
        return Player(f"tab {number + 1}", person, self.options.urls, room, self.history, chance)

    def _manners(self, number: int) -> Manners:
        options = self.options
        slow = self._demo and number < options.rooms  # one in each room
        return Manners(pace=options.pace, answers=options.answers, slow=slow, phase=number / options.tabs)

    async def _join(self, person: Person, room: str, name: str) -> None:
        if not person.token:  # which is a member's already
            await self._patiently(person, lambda: person.join(room, name))

    def _person(self) -> Person:
        person = Person(self.options.urls[len(self.people) % len(self.options.urls)], self.options.token)
        self.people.append(person)
        return person

    async def _patiently(self, person: Person, call: Callable) -> object:
        try:
            return await patiently(call, self.options.urls, person)
        except ApiError as error:
            raise Unwilling(f"The deployment does not let the drill in: {error}") from error

    def _note_start(self, faults: list[str]) -> None:
        options = asdict(self.options) | {"token": ""}
        rooms = [auditor.room for auditor in self.auditors]
        self.history.note(
            "drill",
            "info",
            "start",
            clock=self.history.clock + self.history.skew,
            rooms=rooms,
            faults=faults,
            options=options,
            demo=self._demo,
        )

    # -- playing -----------------------------------------------------------------------------------------------------

    async def _play(self, nemesis: Nemesis | None) -> None:
        following = [asyncio.create_task(auditor.follow()) for auditor in self.auditors]
        striking = [asyncio.create_task(nemesis.strike())] if nemesis else []
        self._tasks = [*following, *striking, asyncio.create_task(self._watch_lateness())]
        for number, player in enumerate(self.players):
            player.begin(self._manners(number))
        await self._until_enough(striking)
        self.say("No new questions; what is under way comes to its end ...")
        await asyncio.gather(*(player.finish(FINISH_WITHIN) for player in self.players))
        for auditor in self.auditors:
            auditor.over = True
        await asyncio.gather(*following)

    async def _watch_lateness(self) -> None:
        """How late this process itself is, and how many others want each core: times are no better than that."""
        while True:
            due = self.history.now + LOOK_EVERY
            await asyncio.sleep(LOOK_EVERY)
            load = os.getloadavg()[0] / os.cpu_count() if hasattr(os, "getloadavg") else 0.0
            self.history.note("drill", "info", "late", by=round(self.history.now - due, 4), load=round(load, 2))

    async def _until_enough(self, striking: list[asyncio.Task]) -> None:
        """For `seconds`, and on until the last fault is over and `sends` are acknowledged, unless none are any more."""
        started = said = newest = time.monotonic()
        before = 0
        while True:
            await asyncio.sleep(LOOK_EVERY)
            for task in self._tasks:
                if task.done() and task.exception():
                    raise task.exception()
            now, acknowledged = time.monotonic(), self.acknowledged
            if acknowledged > before:
                before, newest = acknowledged, now
            enough = acknowledged >= self.options.sends or now - newest > STUCK_AFTER
            if now - started >= self.options.seconds and enough and all(task.done() for task in striking):
                return
            if now - said >= 10:
                said = now
                level = sum(player.level for player in self.players)
                self.say(
                    f"{now - started:6.0f} s   {acknowledged:,} sends acknowledged   "
                    f"{level} of {len(self.players)} tabs level"
                )

    @property
    def acknowledged(self) -> int:
        return sum(player.acknowledged for player in self.players)

    # -- the end -----------------------------------------------------------------------------------------------------

    async def _settle(self) -> None:
        """Until no answer is open; then every tab has CONVERGE_WITHIN to show what there is."""
        began = time.monotonic()
        stopped = False
        while await self._is_open() and time.monotonic() - began < ANSWERS_WITHIN:
            if not stopped and not self.options.room and time.monotonic() - began > ANSWERS_WITHIN / 2:
                stopped = True
                await self._stop_all()
            await asyncio.sleep(0.5)
        heads = {auditor.room: auditor.seq for auditor in self.auditors}
        self.history.note("drill", "info", "quiet", heads=heads)
        with contextlib.suppress(NotInTime):  # the verdict says so
            await eventually(lambda: all(p.level and p.seq >= heads[p.room] for p in self.players), CONVERGE_WITHIN)
        self.history.note("drill", "info", "converged")
        for auditor in self.auditors:
            await auditor.catch_up()
        for player in self.players:
            player.show()

    async def _is_open(self) -> bool:
        """Whether an answer is open now: what was read a second ago does not know of the last question."""
        for auditor in self.auditors:
            await auditor.catch_up()
        return any(auditor.open for auditor in self.auditors)

    async def _stop_all(self) -> None:
        for auditor in self.auditors:
            for answer in list(auditor.open):
                path = f"/rooms/{auditor.room}/messages/{answer}/stop"
                person = auditor.person
                await self._patiently(person, lambda person=person, path=path: person.api("POST", path, {}))

    def _inspect(self, deployment: Deployment) -> None:
        """What only somebody at the machine can see."""
        for name, alarms in deployment.alarms().items():
            for alarm in alarms:
                self.history.note("nemesis", "info", "alarm", target=name, lines=alarm)
        self.history.note("nemesis", "info", "verified", found=deployment.verify())
        for name, process in deployment.processes.items():
            if not process.running:
                self.history.note("nemesis", "info", "died", target=name)

    async def _leave(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*(player.close() for player in self.players), return_exceptions=True)
        await asyncio.gather(*(person.close() for person in self.people), return_exceptions=True)


@asynccontextmanager
async def own_deployment(logs: Path | None = None) -> AsyncIterator[Deployment]:
    deployment = Deployment(logs)
    try:
        await asyncio.to_thread(deployment.start)
        yield deployment
    finally:
        await deployment.stop()
