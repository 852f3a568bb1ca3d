"""50 readers of a room stop reading: the latency of their neighbours with them and without, in turns."""

from __future__ import annotations

import argparse

from tests.harness.raw import RawSocket

from . import neighbours
from .neighbours import Neighbours

OPTIONS = {"stuck": (50, "readers that do not read"), **neighbours.OPTIONS}
SMALL = 4096  # bytes that the kernel takes for a reader
FILL = {"text": ["x" * 20_000], "repeat": 20, "rate": 200}


async def run(arguments: argparse.Namespace) -> None:
    async with neighbours.neighbours(arguments) as them:
        for _ in range(arguments.rounds):
            await them.answer(FILL)  # beside them there is such an answer as well, to fill their windows
            them.without += await them.latencies()
            stuck = await stop_reading(them, arguments.stuck)
            them.beside += await them.latencies()
            for socket in stuck:
                socket.close()


async def stop_reading(them: Neighbours, count: int) -> list[RawSocket]:
    stuck = [await RawSocket.open(*them.socket, receive_buffer=SMALL) for _ in range(count)]
    for socket in stuck:
        await socket.until("welcome")
        socket.stop_reading()
    await them.answer(FILL)  # their windows are full from now on
    return stuck
