"""1,000 sockets that only listen: what each of them costs the process in memory, and all of them in CPU."""

from __future__ import annotations

import argparse
import asyncio

from .stack import line, stack

OPTIONS = {"sockets": (1000, "idle sockets"), "rooms": (100, "rooms that they share"), "seconds": (5.0, "how long")}
WARM = 100  # sockets that a process has had before: what it keeps of them is not theirs
AT_ONCE = 50


async def run(arguments: argparse.Namespace) -> None:
    async with stack(arguments.server, arguments.layer) as running:
        rooms = await running.rooms(arguments.rooms)

        async def opened(count: int) -> list:
            sockets = []
            for start in range(0, count, AT_ONCE):
                places = [rooms[number % len(rooms)] for number in range(start, min(start + AT_ONCE, count))]
                fresh = await asyncio.gather(*map(running.tab, places))
                await asyncio.gather(*(socket.seen(b'"synced"') for socket in fresh))
                sockets += fresh
            return sockets

        for socket in await opened(WARM):
            socket.close()
        await asyncio.sleep(3)
        before = running.server.memory()
        sockets = await opened(arguments.sockets)
        await asyncio.sleep(2)
        held = running.server.memory() - before
        cpu = running.server.cpu_seconds()
        await asyncio.sleep(arguments.seconds)
        cpu = (running.server.cpu_seconds() - cpu) / arguments.seconds
        assert not any(socket.closed for socket in sockets)
        line("memory of a socket", f"{held / len(sockets) / 1024:.1f} KiB")
        line("server CPU with all of them", f"{100 * cpu:.1f} % of a core")
