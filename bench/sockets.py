"""A WebSocket client that costs next to nothing: it notes when each frame came, and is parsed when the run is over."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import struct
import time
from urllib.parse import urlsplit

CONFIRM_EVERY = 64 * 1024


class Socket(asyncio.Protocol):
    """One tab. `arrivals` holds (microseconds, frame as bytes); confirms every 64 KiB, as the protocol asks."""

    def __init__(self, request: bytes) -> None:
        self._request = request
        self._buffer = b""
        self._shaken = False
        self._unconfirmed = 0
        self._waiting: list[tuple[bytes, asyncio.Future]] = []
        self.transport: asyncio.Transport
        self.arrivals: list[tuple[int, bytes]] = []
        self.bytes = 0
        self.closed = False
        self.shaken_at = 0  # when the handshake was answered

    @classmethod
    async def open(cls, url: str, path: str, headers: dict[str, str]) -> Socket:
        """Connected, but not level yet: wait for `seen(b'"synced"')`."""
        place = urlsplit(url)
        sent = {
            "Host": place.netloc,
            "Upgrade": "websocket",
            "Connection": "Upgrade",
            "Sec-WebSocket-Key": base64.b64encode(os.urandom(16)).decode(),
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Protocol": "chatlab.v1",
            **headers,
        }
        lines = [f"GET {path} HTTP/1.1", *(f"{name}: {value}" for name, value in sent.items()), "", ""]
        loop = asyncio.get_running_loop()
        request = "\r\n".join(lines).encode()
        _, socket = await loop.create_connection(lambda: cls(request), place.hostname, place.port)
        return socket

    def connection_made(self, transport: asyncio.Transport) -> None:
        self.transport = transport
        transport.write(self._request)

    def connection_lost(self, error: Exception | None) -> None:
        self.closed = True
        for _, future in self._waiting:
            if not future.done():
                future.set_exception(ConnectionError("the server closed"))

    def data_received(self, data: bytes) -> None:
        now = time.monotonic_ns() // 1000
        self.bytes += len(data)
        buffer = self._buffer + data if self._buffer else data
        if not self._shaken:
            head, end, buffer = buffer.partition(b"\r\n\r\n")
            if not end:
                self._buffer = head
                return
            assert b" 101 " in head.split(b"\r\n", 1)[0], head
            self._shaken, self.shaken_at = True, now
        self._buffer = self._split(buffer, now)

    def _split(self, buffer: bytes, now: int) -> bytes:
        place, size = 0, len(buffer)
        while size - place >= 2:
            length, start = buffer[place + 1] & 0x7F, place + 2
            if length == 126:
                if size - place < 4:
                    break
                length, start = int.from_bytes(buffer[place + 2 : place + 4], "big"), place + 4
            elif length == 127:
                if size - place < 10:
                    break
                length, start = int.from_bytes(buffer[place + 2 : place + 10], "big"), place + 10
            if size < start + length:
                break
            if buffer[place] & 0x0F == 1:
                self._frame(buffer[start : start + length], now)
            place = start + length
        return buffer[place:]

    def _frame(self, frame: bytes, now: int) -> None:
        self.arrivals.append((now, frame))
        self._unconfirmed += len(frame)
        if self._unconfirmed >= CONFIRM_EVERY:
            self.confirm()
        if self._waiting:
            for needle, future in self._waiting:
                if needle in frame and not future.done():
                    future.set_result(now)
            self._waiting = [(needle, future) for needle, future in self._waiting if not future.done()]

    def send(self, frame: dict) -> None:
        data = json.dumps(frame).encode()
        size = len(data)
        head = struct.pack("!BB", 0x81, 0x80 | size) if size < 126 else struct.pack("!BBH", 0x81, 0xFE, size)
        self.transport.write(head + b"\0\0\0\0" + data)

    def confirm(self) -> None:
        self._unconfirmed = 0
        self.send({"type": "sync", "cursor": self.cursor})

    async def beat(self) -> None:
        while not self.closed:
            await asyncio.sleep(10)
            self.confirm()

    @property
    def cursor(self) -> str:
        """Of the newest frame that carries one."""
        for _, frame in reversed(self.arrivals):
            kind = frame[:20]
            if b'"deltas"' in kind or b'"synced"' in kind or b'"snapshot"' in kind:
                _, _, rest = frame.rpartition(b'"cursor":"') if b'"deltas"' in kind else frame.partition(b'"cursor":"')
                return rest[: rest.index(b'"')].decode()
        return ""

    async def seen(self, needle: bytes, within: float = 30.0) -> int:
        """When (microseconds) the first frame came that holds these bytes, from now on or before."""
        for at, frame in self.arrivals:
            if needle in frame:
                return at
        future = asyncio.get_running_loop().create_future()
        self._waiting.append((needle, future))
        return await asyncio.wait_for(future, within)

    def post(self, text: str) -> None:
        self.send({"type": "post", "client_id": base64.urlsafe_b64encode(os.urandom(12)).decode(), "text": text})

    def frames(self) -> list[tuple[int, dict]]:
        return [(at, json.loads(frame)) for at, frame in self.arrivals]

    def appended(self) -> list[tuple[int, str]]:
        """(arrival, text) of every appended item, parsed now."""
        return [
            (at, item["text"])
            for at, frame in self.frames()
            if frame["type"] == "deltas"
            for item in frame["items"]
            if item["kind"] == "appended"
        ]

    def close(self) -> None:
        self.transport.abort()
