"""A fresh socket joins a room with an answer of 10,000 deltas, while it streams and after it ended."""

from __future__ import annotations

import argparse
import asyncio
import time

from tests.harness.upstream import Question

from .stack import WIDTH, Stack, line, quantiles, stack

OPTIONS = {
    "deltas": (10_000, "deltas of the answer"),
    "rate": (2000.0, "deltas a second"),
    "joins": (20, "fresh sockets"),
}


async def run(arguments: argparse.Namespace) -> None:
    async with stack(arguments.server, arguments.layer) as running:
        (room,) = await running.rooms(1)
        first = await running.tab(room)
        await first.seen(b'"synced"')
        gate = Question().gate()
        half = {"stamps": arguments.deltas // 2, "rate": arguments.rate, "width": WIDTH}
        question = Question(half, {"reasoning": "half"}, {"gate": gate}, half)
        first.post(question)
        await first.seen(b'"part":"reasoning"', arguments.deltas / arguments.rate + 60)
        await joins(running, room, arguments.joins, "in the middle")
        await running.upstream.open(gate)
        await first.seen(b'"kind":"closed"', arguments.deltas / arguments.rate + 60)
        await joins(running, room, arguments.joins, "after the end")


async def joins(running: Stack, room: str, count: int, when: str) -> None:
    took, frames, size, cpu = [], set(), set(), running.server.cpu_seconds()
    for _ in range(count):
        started = time.monotonic_ns() // 1000
        tab = await running.tab(room)
        took.append((await tab.seen(b'"synced"') - started) / 1000)
        frames.add(len(tab.arrivals))
        size.add(tab.bytes)
        tab.close()
        await asyncio.sleep(0)
    cpu = running.server.cpu_seconds() - cpu
    line(f"{when}: level after, ms", quantiles(took))
    line(f"{when}: frames, bytes", f"{max(frames)}, {max(size):,}")
    line(f"{when}: server CPU per join", f"{1000 * cpu / count:.1f} ms")
