"""A client writes small frames without end: the latency of its neighbours meanwhile and without it, in turns."""

from __future__ import annotations

import argparse
import asyncio

from tests.harness.flood import Flood
from tests.harness.raw import masked

from . import neighbours

OPTIONS = neighbours.OPTIONS
LIMITS = {"CHATLAB_LIMITS": "on", "CHATLAB_RATE_POSTS": "1000/60"}
FRAMES = masked('{"type":"typing"}') * 4_000
TOTAL = 2**40  # bytes: more than it can write in its time


async def run(arguments: argparse.Namespace) -> None:
    async with neighbours.neighbours(arguments, **LIMITS) as them:
        for _ in range(arguments.rounds):
            them.without += await them.latencies()
            flood = Flood(*them.socket, FRAMES, TOTAL, arguments.seconds)
            writing = asyncio.create_task(asyncio.to_thread(flood.run))
            them.beside += await them.latencies()
            assert (await writing).close_code == 4429, "it was let write"
