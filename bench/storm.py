"""500 tabs of 10 streaming rooms lose their connection and come back at once: when all are level again."""

from __future__ import annotations

import argparse
import asyncio
import time

from tests.harness.upstream import Question

from .sockets import Socket
from .stack import WIDTH, Stack, line, quantiles, stack

OPTIONS = {
    "tabs": (500, "tabs"),
    "rooms": (10, "rooms that they share"),
    "rate": (5.0, "deltas a second in each room"),
    "seconds": (20.0, "how long the answers stream"),
    "kill": (0, "1: the server is killed (kill -9) and started again, instead of the wires cut"),
}


async def run(arguments: argparse.Namespace) -> None:
    async with stack(arguments.server, arguments.layer) as running:
        rooms = await running.rooms(arguments.rooms)
        places = [rooms[number % len(rooms)] for number in range(arguments.tabs)]
        tabs = [await running.tab(room) for room in places]
        await asyncio.gather(*(tab.seen(b'"synced"') for tab in tabs))
        deltas = int(arguments.rate * arguments.seconds)
        for tab in tabs[: len(rooms)]:
            tab.post(Question({"stamps": deltas, "rate": arguments.rate, "width": WIDTH}))
        await asyncio.gather(*(tab.seen(b'"kind":"appended"') for tab in tabs))
        witnesses = [await running.tab(room) for room in rooms]
        cursors = [tab.cursor for tab in tabs]
        if arguments.kill:
            running.server.kill()
            await asyncio.to_thread(running.server.restart)
            witnesses, cpu = [], 0.0
        else:
            for tab in tabs:
                tab.close()
            cpu = running.server.cpu_seconds()
        started = time.monotonic_ns() // 1000
        tabs = await asyncio.gather(*map(running.tab, places, cursors))
        beats = [asyncio.create_task(tab.beat()) for tab in [*tabs, *witnesses]]
        levels = await asyncio.gather(*(tab.seen(b'"synced"') for tab in tabs))
        cpu = running.server.cpu_seconds() - cpu
        line("handshake after, ms", quantiles([(tab.shaken_at - started) / 1000 for tab in tabs]))
        line("level after, ms", quantiles([(at - started) / 1000 for at in levels]))
        line("server CPU for all", f"{cpu:.2f} s ({1000 * cpu / len(tabs):.1f} ms a tab)")
        await asyncio.gather(*(tab.seen(b'"kind":"closed"', arguments.seconds + 30) for tab in [*tabs, *witnesses]))
        for beat in beats:
            beat.cancel()
        check(running, rooms, places, cursors, tabs)


def check(running: Stack, rooms: list[str], places: list[str], cursors: list[str], tabs: list[Socket]) -> None:
    """No tab may miss a delta or get one twice: its items continue its cursor up to the head."""
    heads = {room: running.server.database.log(room)[-1][0] for room in rooms}
    for room, cursor, tab in zip(places, cursors, tabs, strict=True):
        frames = [frame for _, frame in tab.frames()]
        got = [item["seq"] for frame in frames if frame["type"] == "deltas" for item in frame["items"]]
        assert got == list(range(int(cursor.partition(".")[0]) + 1, heads[room] + 1)), f"{room}: {got}"
    line("tabs that are exact at the end", f"{len(tabs)} of {len(tabs)}")
