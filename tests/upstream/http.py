"""Just enough of HTTP/1.1, over asyncio streams, to break it on purpose."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
import time
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

REASONS = {200: "OK", 201: "Created", 204: "No Content", 400: "Bad Request", 404: "Not Found"}


@dataclass
class Request:
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    def json(self) -> dict:
        return json.loads(self.body or b"{}")


class Connection:
    """One TCP connection: requests come in, heads, chunks and accidents go out."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter):
        self.reader, self.writer = reader, writer
        self.closed_at: float | None = None  # when the client closed; time.monotonic()
        self.usable = True
        self.number = 0
        self._pending = b""
        # An event leaves when it is written: the provider's own latency must not show in what is measured.
        writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    async def read_request(self) -> Request | None:
        try:
            while b"\r\n\r\n" not in self._pending:
                await self._read_more()
            head, _, self._pending = self._pending.partition(b"\r\n\r\n")
            start, *lines = head.decode("latin-1").split("\r\n")
            pairs = (line.partition(":") for line in lines)
            headers = {name.lower(): value.strip() for name, _, value in pairs}
            length = int(headers.get("content-length", 0))
            while len(self._pending) < length:
                await self._read_more()
        except ConnectionError:
            return None
        body, self._pending = self._pending[:length], self._pending[length:]
        method, target, _version = start.split(" ", 2)
        url = urlsplit(target)
        return Request(method, url.path, dict(parse_qsl(url.query)), headers, body)

    async def _read_more(self) -> None:
        data = await self.reader.read(2**20)
        if not data:
            raise ConnectionResetError("the client closed")
        self._pending += data

    async def watch(self) -> None:
        """Return when the client has closed. To be cancelled when the answer has ended first."""
        try:
            while True:
                await self._read_more()
        except ConnectionError:
            pass
        self.closed_at, self.usable = time.monotonic(), False

    async def respond(self, status: int, body: object = None, headers: dict[str, str] | None = None) -> None:
        raw = body.encode() if isinstance(body, str) else json.dumps(body if body is not None else {}).encode()
        kind = "text/html" if isinstance(body, str) else "application/json"
        sent = {"content-type": kind, "content-length": str(len(raw)), **(headers or {})}
        self._head(status, sent)
        await self.write(raw)

    def start_stream(self, headers: dict[str, str] | None = None) -> None:
        usual = {"content-type": "text/event-stream; charset=utf-8", "cache-control": "no-store"}
        self._head(200, {**(usual if headers is None else headers), "transfer-encoding": "chunked"})

    def chunk(self, data: bytes) -> None:
        if data:
            self.writer.write(b"%x\r\n%b\r\n" % (len(data), data))

    async def write(self, data: bytes) -> None:
        self.writer.write(data)
        await self.drain()

    async def drain(self) -> None:
        try:
            await self.writer.drain()
        except ConnectionError:
            self.usable = False

    def end_stream(self) -> None:
        self.writer.write(b"0\r\n\r\n")

    def truncate(self) -> None:
        """Close in the middle of a chunk that was promised longer."""
        self.writer.write(b"400\r\ndata: {")
        self.close()

    def reset(self) -> None:
        """RST instead of FIN: what a dying load balancer does."""
        raw = self.writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()
        self.usable = False

    def close(self) -> None:
        self.writer.close()
        self.usable = False

    def _head(self, status: int, headers: dict[str, str]) -> None:
        lines = [f"HTTP/1.1 {status} {REASONS.get(status, 'Status')}", *(f"{k}: {v}" for k, v in headers.items())]
        self.writer.write("\r\n".join([*lines, "", ""]).encode("latin-1"))
