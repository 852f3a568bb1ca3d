"""Tabs of a room whose answers stream, beside somebody who misbehaves: what that costs them, in turns."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from tests.harness.upstream import Question

from .latency import latencies
from .sockets import Socket
from .stack import WIDTH, Stack, line, quantiles, stack

OPTIONS = {
    "tabs": (5, "tabs beside"),
    "rate": (50.0, "deltas a second"),
    "seconds": (6.0, "how long each answer streams"),
    "rounds": (3, "answers beside, and as many without"),
}


@dataclass
class Neighbours:
    running: Stack
    room: str
    tabs: list[Socket]
    step: dict  # what the provider streams to be measured
    without: list[float] = field(default_factory=list)
    beside: list[float] = field(default_factory=list)

    @property
    def socket(self) -> tuple[str, str, dict[str, str]]:
        """Where a socket of the same person to the same room is opened: URL, path, headers."""
        return self.running.server.url, f"/ws/rooms/{self.room}/", self.running.person.socket_headers

    async def latencies(self) -> list[float]:
        """Of one answer, in all tabs, in milliseconds."""
        await self.answer(self.step)
        return [late for tab in self.tabs for late in latencies(tab.appended())]

    async def answer(self, step: dict) -> None:
        for tab in self.tabs:
            # where it is, and no more
            tab.arrivals[:] = [(0, b'{"type":"synced","cursor":"%s"}' % tab.cursor.encode())]
        self.tabs[0].post(Question(step))
        await asyncio.gather(*(tab.seen(b'"kind":"closed"', 60) for tab in self.tabs))


@asynccontextmanager
async def neighbours(arguments: argparse.Namespace, **settings: str) -> AsyncIterator[Neighbours]:
    """Whoever asks fills `without` and `beside`; they are compared at the end."""
    async with stack(arguments.server, arguments.layer, **settings) as running:
        (room,) = await running.rooms(1)
        tabs = [await running.tab(room) for _ in range(arguments.tabs)]
        await asyncio.gather(*(tab.seen(b'"synced"') for tab in tabs))
        beats = [asyncio.create_task(tab.beat()) for tab in tabs]
        step = {"stamps": int(arguments.rate * arguments.seconds), "rate": arguments.rate, "width": WIDTH}
        found = Neighbours(running, room, tabs, step)
        yield found
        for beat in beats:
            beat.cancel()
        line("without, ms", quantiles(found.without))
        line("beside, ms", quantiles(found.beside))
        line("p99 beside / without", f"{_p99(found.beside) / _p99(found.without):.2f}")


def _p99(values: list[float]) -> float:
    return sorted(values)[int(len(values) * 0.99)]
