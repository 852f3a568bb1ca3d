"""From a delta leaving the provider to its arrival in every tab: 10 rooms, 5 tabs each, 50 deltas a second."""

from __future__ import annotations

import argparse
import asyncio
import time

from tests.harness.upstream import Question

from .sockets import Socket
from .stack import WIDTH, Stack, line, quantiles, stack

OPTIONS = {
    "rooms": (10, "rooms that stream"),
    "tabs": (5, "tabs in each"),
    "rate": (50.0, "deltas a second in each room"),
    "seconds": (20.0, "how long"),
}
WARM_UP = 1_000_000  # microseconds at the start that don't count


async def run(arguments: argparse.Namespace) -> None:
    async with stack(arguments.server, arguments.layer) as running:
        await measure(running, arguments)


async def measure(running: Stack, arguments: argparse.Namespace) -> None:
    rooms = await running.rooms(arguments.rooms)
    tabs = {room: [await running.tab(room) for _ in range(arguments.tabs)] for room in rooms}
    sockets = [tab for group in tabs.values() for tab in group]
    await asyncio.gather(*(socket.seen(b'"synced"') for socket in sockets))
    beats = [asyncio.create_task(socket.beat()) for socket in sockets]
    deltas = int(arguments.rate * arguments.seconds)
    cpu, started = running.server.cpu_seconds(), time.monotonic()
    for group in tabs.values():
        group[0].post(Question({"stamps": deltas, "rate": arguments.rate, "width": WIDTH}))
    limit = arguments.seconds * 2 + 60
    await asyncio.gather(*(socket.seen(b'"kind":"closed"', limit) for socket in sockets))
    elapsed, cpu = time.monotonic() - started, running.server.cpu_seconds() - cpu
    for beat in beats:
        beat.cancel()
    report(running, tabs, deltas, elapsed, cpu)


def report(running: Stack, tabs: dict[str, list[Socket]], deltas: int, elapsed: float, cpu: float) -> None:
    late, delivered = [], 0
    for room, group in tabs.items():
        (answer,) = running.server.database.answers(room)
        stored = running.server.database.text(answer)
        assert len(stored) == deltas * WIDTH, f"{len(stored)} characters stored of {deltas * WIDTH}"
        for tab in group:
            items = tab.appended()
            assert "".join(text for _, text in items) == stored, "a tab differs from the database"
            late += latencies(items)
            delivered += deltas
    rows = running.server.database.rows("SELECT count(*) FROM rooms_delta WHERE kind = 'appended'")[0][0]
    line("latency of a delta, ms", quantiles(late))
    line("deliveries a second", f"{delivered / elapsed:,.0f}")
    line("server CPU", f"{cpu:.1f} s of {elapsed:.1f} s ({100 * cpu / elapsed:.0f} % of a core)")
    line("deliveries per CPU second", f"{delivered / cpu:,.0f}")
    line("deltas per row of the log", f"{deltas * len(tabs) / rows:.2f}")


def latencies(items: list[tuple[int, str]]) -> list[float]:
    """Milliseconds from each delta's stamp to the arrival of the frame that first covered it."""
    found, first = [], None
    for at, text in items:
        for place in range(0, len(text), WIDTH):
            stamp = int(text[place : place + 16])
            first = first or stamp
            if stamp - first >= WARM_UP:
                found.append((at - stamp) / 1000)
    return found
