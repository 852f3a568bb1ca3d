"""A client that only writes: a blocking socket in a thread, as fast as the server takes it."""

from __future__ import annotations

import contextlib
import socket
import struct
import time
from urllib.parse import urlsplit

from .raw import CLOSE, handshake


class Flood:
    """`run` writes the same bytes again and again and reads nothing; `hears`: then what the server had said."""

    def __init__(self, url: str, path: str, headers: dict[str, str], frames: bytes, total: int, within: float):
        self.url, self.path, self.headers = url, path, headers
        self.frames, self.total, self.within = frames, total, within
        self.written = 0
        self.close_code: int | None = None

    def run(self, hears: bool = True) -> Flood:
        place = urlsplit(self.url)
        with socket.create_connection((place.hostname, place.port), timeout=self.within) as connection:
            connection.sendall(handshake(self.url, self.path, self.headers))
            said = connection.recv(65536)
            assert said.startswith(b"HTTP/1.1 101 "), said
            ends = time.monotonic() + self.within
            with contextlib.suppress(OSError):
                while self.written < self.total and time.monotonic() < ends:
                    place = self.written % len(self.frames)
                    self.written += connection.send(memoryview(self.frames)[place:])
            with contextlib.suppress(OSError):
                while hears and (data := connection.recv(65536)):
                    said += data
        self.close_code = close_code(said.partition(b"\r\n\r\n")[2])
        return self


def close_code(frames: bytes) -> int:
    """Of the close frame among whole server frames; 1006 where there is none."""
    while len(frames) >= 2:
        size, start = frames[1] & 0x7F, 2
        if size == 126:
            size, start = struct.unpack("!H", frames[2:4])[0], 4
        elif size == 127:
            size, start = struct.unpack("!Q", frames[2:10])[0], 10
        if frames[0] & 0x0F == CLOSE:
            return struct.unpack("!H", frames[start : start + 2])[0]
        frames = frames[start + size :]
    return 1006
