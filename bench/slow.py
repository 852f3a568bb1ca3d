"""50 readers of a room stop reading: the latency of their neighbours with them and without, in turns."""

from __future__ import annotations

import argparse
import asyncio

from tests.harness.raw import RawSocket
from tests.harness.upstream import Question

from .latency import latencies
from .sockets import Socket
from .stack import WIDTH, Stack, line, quantiles, stack

OPTIONS = {
    "stuck": (50, "readers that do not read"),
    "tabs": (5, "tabs beside them"),
    "rate": (50.0, "deltas a second"),
    "seconds": (6.0, "how long each answer streams"),
    "rounds": (3, "answers with them, and as many without"),
}
SMALL = 4096  # bytes that the kernel takes for a reader
FILL = {"text": ["x" * 20_000], "repeat": 20, "rate": 200}


async def run(arguments: argparse.Namespace) -> None:
    async with stack(arguments.server, arguments.layer) as running:
        (room,) = await running.rooms(1)
        tabs = [await running.tab(room) for _ in range(arguments.tabs)]
        await asyncio.gather(*(tab.seen(b'"synced"') for tab in tabs))
        beats = [asyncio.create_task(tab.beat()) for tab in tabs]
        stream = {"stamps": int(arguments.rate * arguments.seconds), "rate": arguments.rate, "width": WIDTH}
        without, beside = [], []
        for _ in range(arguments.rounds):
            await answer(tabs, FILL)  # beside them there is such an answer as well, to fill their windows
            without += await answer(tabs, stream)
            stuck = await stop_reading(running, room, arguments.stuck, tabs)
            beside += await answer(tabs, stream)
            for socket in stuck:
                socket.close()
        for beat in beats:
            beat.cancel()
        line("without them, ms", quantiles(without))
        line("beside them, ms", quantiles(beside))
        line("p99 beside them / without", f"{quantile(beside, 0.99) / quantile(without, 0.99):.2f}")


async def stop_reading(running: Stack, room: str, count: int, tabs: list[Socket]) -> list[RawSocket]:
    path, headers = f"/ws/rooms/{room}/", running.person.socket_headers
    stuck = [await RawSocket.open(running.server.url, path, headers, receive_buffer=SMALL) for _ in range(count)]
    for socket in stuck:
        await socket.until("welcome")
        socket.stop_reading()
    await answer(tabs, FILL)  # their windows are full from now on
    return stuck


async def answer(tabs: list[Socket], step: dict) -> list[float]:
    """Latencies of one answer, in all tabs."""
    for tab in tabs:
        tab.arrivals[:] = [(0, b'{"type":"synced","cursor":"%s"}' % tab.cursor.encode())]  # where it is, and no more
    tabs[0].post(Question(step))
    await asyncio.gather(*(tab.seen(b'"kind":"closed"', 60) for tab in tabs))
    return [late for tab in tabs for late in latencies(tab.appended())] if "stamps" in step else []


def quantile(values: list[float], share: float) -> float:
    return sorted(values)[int(len(values) * share)]
