"""A wire that can be pulled: a TCP proxy that does to bytes what networks do, in front of any server of a test.

It runs on a thread of its own: it goes on while a test blocks its event loop, and a fixture without a loop can have one
(`Wire(url)`, `start`, `stop`). Every method returns when what it says is done, and may be called from any thread.
"""

from __future__ import annotations

import asyncio
import random
import socket
import struct
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

from .processes import free_port

UP, DOWN = "up", "down"  # from whoever connects, and back
CHUNK = 16_384
HELD_MAX = 262_144  # bytes of one direction of a connection that are under way; then nothing is read, as in a full pipe
REMEMBERED = 1_024  # bytes that have passed and may be the beginning of a needle


class Wire:
    """`url` is the target's, with the place exchanged for this wire's own."""

    def __init__(self, target: str):
        parts = urlsplit(target if "://" in target else f"//{target}")
        self.target = parts.hostname, parts.port
        self.port = free_port()
        user, at, _ = parts.netloc.rpartition("@")
        place = f"{user}{at}127.0.0.1:{self.port}"
        self.url = parts._replace(netloc=place).geturl() if parts.scheme else place
        self.resets = 0  # how often what `reset_when` waits for has come
        self.latency, self.jitter, self.rate = 0.0, 0.0, 0.0
        self.traps: list[Trap] = []
        self.passable = asyncio.Event()
        self.passable.set()
        self.links: set[Link] = set()
        self._server: asyncio.Server | None = None
        self._reserved: socket.socket | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="wire", daemon=True)

    # -- what a test says --------------------------------------------------------------------------------------------

    def start(self) -> None:
        self._thread.start()
        self.plug()

    def stop(self) -> None:
        self.cut()
        self._call(self._reserved.close)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def cut(self) -> None:
        """Drop all connections, and refuse new ones until `plug`."""
        self._await(self._close())

    def plug(self) -> None:
        self._await(self._listen())

    def freeze(self) -> None:
        """A black hole, until `thaw`: connections stay open and nothing passes, not even their end. New ones are
        accepted, and silent.
        """
        self._call(self.passable.clear)

    def thaw(self) -> None:
        """What was held passes now."""
        self._call(self.passable.set)

    def reset(self) -> None:
        """A TCP reset to both ends of all connections there are. New ones are served."""
        self._call(self._drop_all, True)

    def delay(self, seconds: float, jitter: float = 0.0) -> None:
        """Each direction takes so long, more or less by at most `jitter`, and keeps its order. 0 ends it."""
        self._call(self._set, latency=seconds, jitter=jitter)

    def throttle(self, bytes_per_second: float) -> None:
        """For each direction of each connection. 0 ends it."""
        self._call(self._set, rate=bytes_per_second)

    def reset_when(self, needle: bytes, forwarded: bool, direction: str = UP) -> None:
        """Once: the first connection that carries these bytes ends by them. Not forwarded, the other side never gets
        them, and both ends see a reset. Forwarded, it gets them and the end of the stream, its answer never arrives,
        and whoever sent them sees a reset.
        """
        assert 0 < len(needle) <= REMEMBERED and direction in (UP, DOWN)
        self._call(self.traps.append, Trap(needle, forwarded, direction))

    @property
    def connections(self) -> int:
        return len(self.links)

    # -- on the thread of the wire -----------------------------------------------------------------------------------

    def _await(self, coroutine) -> None:
        asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(10)

    def _call(self, change: Callable, *args: object, **options: object) -> None:
        async def now() -> None:
            change(*args, **options)

        self._await(now())

    def _set(self, **options: float) -> None:
        self.__dict__.update(options)

    async def _listen(self) -> None:
        if self._server is None:
            place = self._reserved or _bound(self.port)
            self._reserved, self._server = None, await asyncio.start_server(self._accept, sock=place)

    async def _close(self) -> None:
        """The port stays ours: a socket that does not listen refuses, and nobody else can take the place."""
        if self._server is not None:
            self._server.close()
            self._server, self._reserved = None, _bound(self.port)
        self._drop_all(False)
        await asyncio.gather(*(link.task for link in self.links), return_exceptions=True)

    def _drop_all(self, by_reset: bool) -> None:
        for link in self.links:
            link.drop(by_reset)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        link = Link(self, writer)
        self.links.add(link)
        try:
            await link.carry(reader)
        except* (OSError, asyncio.CancelledError):
            pass  # an end refused, or somebody pulled
        finally:
            self.links.discard(link)


@dataclass(frozen=True)
class Trap:
    needle: bytes
    forwarded: bool
    direction: str


class Link:
    """One connection through the wire: its two ends."""

    def __init__(self, wire: Wire, near: asyncio.StreamWriter):
        self.wire = wire
        self.ends = {DOWN: near}  # by the direction that is written to them
        self.task = asyncio.current_task()

    async def carry(self, reader: asyncio.StreamReader) -> None:
        try:
            await self.wire.passable.wait()
            far_reader, self.ends[UP] = await asyncio.open_connection(*self.wire.target)
            async with asyncio.TaskGroup() as pipes:
                pipes.create_task(Pipe(self, UP, reader).run())
                pipes.create_task(Pipe(self, DOWN, far_reader).run())
        finally:
            for end in self.ends.values():
                end.close()

    def drop(self, by_reset: bool) -> None:
        for end in self.ends.values():
            self._abort(end, by_reset)
        self.task.cancel()

    def spring(self, trap: Trap) -> None:
        """The sender of what was waited for is reset; so is its receiver, unless it is to get it."""
        self.wire.resets += 1
        if not trap.forwarded:
            self.drop(by_reset=True)
            return
        for direction, end in self.ends.items():
            if direction == trap.direction:
                end.write_eof()
            else:
                self._abort(end, True)

    def _abort(self, end: asyncio.StreamWriter, by_reset: bool) -> None:
        if by_reset and not end.transport.is_closing():
            linger = struct.pack("ii", 1, 0)
            end.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        end.transport.abort()


class Pipe:
    """One direction of a connection. Its end passes in its turn: b"" for a stream that ended, None for a reset."""

    def __init__(self, link: Link, direction: str, reader: asyncio.StreamReader):
        self._link, self._wire, self._direction = link, link.wire, direction
        self._reader, self._writer = reader, link.ends[direction]
        self._held = HeldBytes(HELD_MAX)
        self._passed = b""

    async def run(self) -> None:
        filling = asyncio.create_task(self._fill())
        try:
            await self._empty()
        finally:
            filling.cancel()

    async def _fill(self) -> None:
        data = b"?"
        while data:
            try:
                data = await self._reader.read(CHUNK)
            except ConnectionError:
                data = None
            late = self._wire.latency + random.uniform(-1, 1) * self._wire.jitter
            await self._held.put((asyncio.get_running_loop().time() + late, data))

    async def _empty(self) -> None:
        while True:
            due, data = await self._held.get()
            await asyncio.sleep(due - asyncio.get_running_loop().time())
            await self._wire.passable.wait()
            if data is None:
                self._link.drop(by_reset=True)
            if not data:
                self._writer.write_eof()
                return
            trap = self._trap(data)
            if trap is None or trap.forwarded:
                await self._write(data)
            if trap is not None:
                self._link.spring(trap)
                return

    async def _write(self, data: bytes) -> None:
        if self._writer.is_closing():
            return  # read, and thrown away: to close a socket that holds unread bytes would reset whoever sent them
        rate = self._wire.rate
        size = max(1, int(rate / 20)) if rate else len(data)
        for start in range(0, len(data), size):
            piece = data[start : start + size]
            if rate:
                await asyncio.sleep(len(piece) / rate)
            await self._wire.passable.wait()
            self._writer.write(piece)
            with suppress(ConnectionError):  # as above
                await self._writer.drain()

    def _trap(self, data: bytes) -> Trap | None:
        """The one that these bytes complete: it is used up."""
        seen = self._passed + data
        for trap in self._wire.traps:
            start = max(0, len(self._passed) - len(trap.needle) + 1)
            if trap.direction == self._direction and seen.find(trap.needle, start) >= 0:
                self._wire.traps.remove(trap)
                return trap
        self._passed = seen[-REMEMBERED:]
        return None


class HeldBytes(asyncio.Queue):
    """A queue of (due, chunk) that is full by bytes."""

    def _init(self, maxsize: int) -> None:
        super()._init(maxsize)
        self._bytes = 0

    def _put(self, item: tuple[float, bytes | None]) -> None:
        super()._put(item)
        self._bytes += len(item[1] or b"")

    def _get(self) -> tuple[float, bytes | None]:
        item = super()._get()
        self._bytes -= len(item[1] or b"")
        return item

    def full(self) -> bool:
        return self._bytes >= self.maxsize


def _bound(port: int) -> socket.socket:
    place = socket.socket()
    place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    place.bind(("127.0.0.1", port))
    return place


@asynccontextmanager
async def wire_to(target: str) -> AsyncIterator[Wire]:
    """A wire to `http://…`, `redis://…`, `postgres://…` or `host:port`, plugged in."""
    wire = Wire(target)
    wire.start()
    try:
        yield wire
    finally:
        wire.stop()
