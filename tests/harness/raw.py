"""Sockets without manners: frames that no proper client sends, written byte by byte."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import socket
import struct
from urllib.parse import urlsplit

TEXT, BINARY, CLOSE, PING = 1, 2, 8, 9


def handshake(url: str, path: str, headers: dict[str, str], subprotocol: str | None = "chatlab.v1") -> bytes:
    sent = {
        "Host": urlsplit(url).netloc,
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Key": base64.b64encode(os.urandom(16)).decode(),
        "Sec-WebSocket-Version": "13",
        **({"Sec-WebSocket-Protocol": subprotocol} if subprotocol else {}),
        **headers,
    }
    lines = [f"GET {path} HTTP/1.1", *(f"{name}: {value}" for name, value in sent.items())]
    return "\r\n".join([*lines, "", ""]).encode()


def masked(payload: bytes | str, opcode: int = TEXT) -> bytes:
    """A whole frame of a client. A mask of zeros: the protocol asks for a mask, not for a good one."""
    data = payload.encode() if isinstance(payload, str) else payload
    size = len(data)
    if size < 126:
        length = struct.pack("!B", 0x80 | size)
    elif size < 65536:
        length = struct.pack("!BH", 0xFE, size)
    else:
        length = struct.pack("!BQ", 0xFF, size)
    return bytes([0x80 | opcode]) + length + b"\0\0\0\0" + data


class _Received(asyncio.StreamReader):
    """What came before a reset is read all the same: a server cuts whoever does not answer its close frame in time, and
    a test on a busy machine may look later than that.
    """

    def set_exception(self, _: BaseException) -> None:
        self.feed_eof()


class RawSocket:
    """A WebSocket whose handshake and frames are ours to spoil. Reads whole, unfragmented server frames."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, status: int, headers: str):
        self.reader, self.writer = reader, writer
        self.status, self.headers = status, headers
        self.close_code: int | None = None

    @classmethod
    async def open(
        cls,
        url: str,
        path: str,
        headers: dict[str, str],
        subprotocol: str | None = "chatlab.v1",
        receive_buffer: int = 0,
    ) -> RawSocket:
        """The handshake as it went: `status` 101, or what it was refused with. `receive_buffer`: bytes that the
        kernel may take on this end before anybody reads them.
        """
        place = urlsplit(url)
        connection = socket.socket()
        if receive_buffer:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        connection.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(connection, (place.hostname, place.port))
        reader = _Received(limit=8 * 2**20)
        protocol = asyncio.StreamReaderProtocol(reader)
        transport, _ = await loop.create_connection(lambda: protocol, sock=connection)
        writer = asyncio.StreamWriter(transport, protocol, reader, loop)
        writer.write(handshake(url, path, headers, subprotocol))
        head = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)).decode("latin-1")
        return cls(reader, writer, int(head.split(" ", 2)[1]), head)

    async def send(self, payload: bytes | str, opcode: int = TEXT) -> None:
        """One masked frame; an ended connection is not an error here."""
        self.writer.write(masked(payload, opcode))
        with contextlib.suppress(ConnectionError):
            await self.writer.drain()

    def stop_reading(self) -> None:
        """Take nothing more from the connection: a reader that hangs."""
        self.writer.transport.pause_reading()

    def read_on(self) -> None:
        self.writer.transport.resume_reading()

    async def receive(self, within: float = 5.0) -> dict | None:
        """The next JSON frame; None once closed, with `close_code` set."""
        while True:
            try:
                opcode, payload = await asyncio.wait_for(self._frame(), within)
            except asyncio.IncompleteReadError:
                self.close_code = self.close_code or 1006
                return None
            if opcode == TEXT:
                return json.loads(payload)
            if opcode == CLOSE:
                self.close_code = struct.unpack("!H", payload[:2])[0] if len(payload) >= 2 else 1005
                return None

    async def _frame(self) -> tuple[int, bytes]:
        first, second = await self.reader.readexactly(2)
        size = second & 0x7F
        if size == 126:
            (size,) = struct.unpack("!H", await self.reader.readexactly(2))
        elif size == 127:
            (size,) = struct.unpack("!Q", await self.reader.readexactly(8))
        return first & 0x0F, await self.reader.readexactly(size)

    async def until(self, kind: str, within: float = 5.0) -> dict:
        """The next frame of a type, others skipped."""
        async with asyncio.timeout(within):
            while True:
                frame = await self.receive(within)
                assert frame is not None, f"closed with {self.close_code} before a {kind} frame"
                if frame["type"] == kind:
                    return frame

    async def ended(self, within: float = 5.0) -> int:
        """The close code, frames before it skipped."""
        async with asyncio.timeout(within):
            while await self.receive(within) is not None:
                pass
        return self.close_code

    def close(self) -> None:
        self.writer.transport.abort()
