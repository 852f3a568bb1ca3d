"""A wire that can be pulled: a TCP proxy between a browser and the server."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit


class Wire:
    """Carries bytes between `url` and a server; `cut` drops all connections and refuses new ones until `plug`."""

    def __init__(self, target: str):
        self._target = urlsplit(target)
        self._connections: set[asyncio.StreamWriter] = set()
        self._passable = asyncio.Event()
        self._passable.set()
        self.whole = True
        self.url = ""

    def cut(self) -> None:
        self.whole = False
        for writer in self._connections:
            writer.transport.abort()

    def plug(self) -> None:
        self.whole = True

    def freeze(self) -> None:
        """Connections stay open, and nothing passes: a laptop that sleeps, a router that forgot."""
        self._passable.clear()

    def thaw(self) -> None:
        self._passable.set()

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self.whole:
            writer.transport.abort()
            return
        far_reader, far_writer = await asyncio.open_connection(self._target.hostname, self._target.port)
        ends = {writer, far_writer}
        self._connections |= ends
        pumps = [
            asyncio.create_task(self._pump(reader, far_writer)),
            asyncio.create_task(self._pump(far_reader, writer)),
        ]
        await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        for end in ends:
            end.close()
        for pump in pumps:
            pump.cancel()
        await asyncio.gather(*pumps, return_exceptions=True)
        self._connections -= ends

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65536):
                await self._passable.wait()
                writer.write(data)
                await writer.drain()


@asynccontextmanager
async def wire_to(target: str) -> AsyncIterator[Wire]:
    wire = Wire(target)
    listening = await asyncio.start_server(wire.carry, "127.0.0.1", 0)
    wire.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    try:
        yield wire
    finally:
        listening.close()
        wire.thaw()
        wire.cut()
