"""A witness with habits: it asks, stops, says things twice, loses its wire, falls asleep and comes back."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from dataclasses import dataclass

from ..frames import TERMINAL
from .waiting import NotInTime
from .witness import Witness

ODDITIES = ("👩‍🚀", "漢字", "עברית", "e\u0301", "\u2028", '"\\/', "<b>&amp;", "\ufffd", "x" * 2000)
SLOW_ENDS_WITHIN = 120.0  # seconds that a long answer of the demo model takes at most
COMES_BACK_WITHIN = 10.0  # seconds
TWICE_EVERY = 20  # stops: doing it twice is doing it once


@dataclass(frozen=True)
class Manners:
    """How a player behaves. Every so many-th question has something done to it, counted from `phase`: so that what is
    to happen does happen, in a short drill too.
    """

    pace: float = 2.0  # questions a second; 0 for as fast as receipts come
    answers: float = 0.15  # the share of questions whose answers may come to their end
    slow: bool = False  # one long answer is always under way (the demo model's)
    phase: float = 0.0  # from 0 to 1: where in all of these cycles it begins
    repeat_every: int = 10  # sent again after its receipt
    double_every: int = 20  # sent twice at once
    tear_every: int = 20  # its wire is cut before the receipt can come
    trouble_every: float = 8.0  # seconds between two troubles with the wire, on average
    trouble_lasts: float = 2.0  # seconds, at most


class Player(Witness):
    manners = Manners()

    def begin(self, manners: Manners) -> None:
        self.manners = manners
        self._over = asyncio.Event()
        self._sends = self._stops = 0
        self._said: deque[dict] = deque(maxlen=20)  # questions that have their receipt
        habits = [self._ask_on(), self._have_trouble()]
        if manners.slow:
            habits.append(self._keep_one_going())
        self._habits = [asyncio.create_task(habit) for habit in habits]

    async def finish(self, within: float) -> None:
        """Do nothing new; whatever was asked is brought to its receipt, if that is possible in this time."""
        self._over.set()
        done, late = await asyncio.wait(self._habits, timeout=within)
        for task in late:
            task.cancel()
        for task in done:
            task.result()

    def is_due(self, count: int, every: float) -> bool:
        """True for one of `every` counts."""
        return (count + self.manners.phase * every) % every < 1

    async def _ask_on(self) -> None:
        count = 0
        while not self._over.is_set():
            count += 1
            odd = self.chance.choice(ODDITIES) if self.is_due(count, 8) else ""
            receipt = await self.ask(f"{self.name} asks, {count}. {odd}".rstrip())
            if receipt is not None:
                self._said.append(receipt["frame"])
                if not (self.manners.answers and self.is_due(count, 1 / self.manners.answers)):
                    await self._stop_it(receipt["message"])
                if self.is_due(count, self.manners.repeat_every):
                    await self.quietly(self.repeat(self.chance.choice(self._said)))
            if self.manners.pace:
                await self._pause(self.chance.uniform(0.5, 1.5) / self.manners.pace)

    async def _keep_one_going(self) -> None:
        count = 0
        while not self._over.is_set():
            count += 1
            receipt = await self.ask(f"/slow {self.name}, {count}")
            if receipt is None:
                return
            with contextlib.suppress(NotInTime):
                await self._follow(await self.answer_id(receipt["message"]))
        with contextlib.suppress(NotInTime):
            await self.until(lambda: self.level, COMES_BACK_WITHIN)
        await self._stop_it(receipt["message"])

    async def _follow(self, answer: str) -> None:
        over = self._over.is_set
        await self.until(lambda: over() or self.status(answer) in (None, *TERMINAL), SLOW_ENDS_WITHIN)

    async def _stop_it(self, question: str) -> None:
        self._stops += 1
        with contextlib.suppress(NotInTime):  # it lost its wire, and does not see the answer
            await self.stop_answer(question, times=2 if self._stops % TWICE_EVERY == 0 else 1)

    async def sent(self, frame: dict) -> None:
        self._sends += 1
        if self.is_due(self._sends, self.manners.double_every):
            await self.repeat(frame)
        if self.is_due(self._sends + 1, self.manners.tear_every):
            self.tear()

    async def _have_trouble(self) -> None:
        wait, count = self.chance.uniform(0.5, 3), 0
        while await self._pause(wait):
            wait, count = self.chance.expovariate(1 / self.manners.trouble_every), count + 1
            lasts = self.chance.uniform(0, self.manners.trouble_lasts)
            if self.is_due(count, 4):
                self.note("info", "asleep")
                self.awake.clear()
                await self._pause(lasts)
                self.awake.set()
                self.note("info", "awake")
            else:
                self.plugged.clear()
                self.tear()
                await self._pause(lasts)
                self.plugged.set()
                self.note("info", "plugged")

    async def _pause(self, seconds: float) -> bool:
        """False where the drill was over before."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._over.wait(), seconds)
        return not self._over.is_set()
