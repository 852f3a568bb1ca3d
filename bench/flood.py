"""A client writes small frames without end: the latency of its neighbours meanwhile and without it, in turns."""

from __future__ import annotations

import argparse
import asyncio

from tests.harness.flood import Flood
from tests.harness.raw import masked

from .slow import answer, quantile
from .stack import WIDTH, line, quantiles, stack

OPTIONS = {
    "tabs": (5, "tabs beside it"),
    "rate": (50.0, "deltas a second"),
    "seconds": (6.0, "how long each answer streams"),
    "rounds": (3, "answers beside it, and as many without"),
}
FRAMES = masked('{"type":"typing"}') * 4_000
TOTAL = 2**40  # bytes: more than it can write in its time


async def run(arguments: argparse.Namespace) -> None:
    limits = {"CHATLAB_LIMITS": "on", "CHATLAB_RATE_POSTS": "1000/60"}
    async with stack(arguments.server, arguments.layer, **limits) as running:
        (room,) = await running.rooms(1)
        tabs = [await running.tab(room) for _ in range(arguments.tabs)]
        await asyncio.gather(*(tab.seen(b'"synced"') for tab in tabs))
        beats = [asyncio.create_task(tab.beat()) for tab in tabs]
        stream = {"stamps": int(arguments.rate * arguments.seconds), "rate": arguments.rate, "width": WIDTH}
        without, beside = [], []
        for _ in range(arguments.rounds):
            without += await answer(tabs, stream)
            path, headers = f"/ws/rooms/{room}/", running.person.socket_headers
            flood = Flood(running.server.url, path, headers, FRAMES, TOTAL, arguments.seconds)
            writing = asyncio.create_task(asyncio.to_thread(flood.run))
            beside += await answer(tabs, stream)
            assert (await writing).close_code == 4429, "it was let write"
        for beat in beats:
            beat.cancel()
        line("without it, ms", quantiles(without))
        line("beside it, ms", quantiles(beside))
        line("p99 beside it / without", f"{quantile(beside, 0.99) / quantile(without, 0.99):.2f}")
