"""The way to one client: finished frames, then one close code, within a bounded time whatever the client takes of it.

ASGI has no word for the end of a connection whose other end takes nothing. Uvicorn closes one once all that was written
to it has gone out, and for a client that has stopped reading that is never: its bytes and its file descriptor would be
held as long as it likes, and `SIGTERM` would wait for it. (Daphne cuts by itself, a second after its close frame.)
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator

from .handshake import close

CLOSE_WITHIN = 1.0  # seconds that a close frame may wait for a full transport
LINGER = 3.0  # seconds that a connection has to take what is still on its way, and to answer the close frame


class BoundedSender:
    """Writes frames to the server's `send`, which waits while the transport is full (uvicorn; daphne takes everything).

    A write does not wait: it takes the first step of `send`, and nearly always that is all. A frame that has to wait is
    finished by a task, and until then nothing else is written.
    """

    __slots__ = ("_closed", "_latest", "_send", "_waiting", "busy_since")

    def __init__(self, send: Callable):
        self._send = send
        self._waiting: asyncio.Task | None = None  # of the frame that a full transport has not taken
        self._latest = ""  # of the frames of which only the newest counts, one that waits behind it
        self._closed = False
        self.busy_since: float | None = None  # the loop's time since when a frame waits

    def write(self, frame: str) -> None:
        """Hand a frame to the transport, which is not busy. Uvicorn raises once the client is gone; daphne keeps quiet:
        so does this.

        A uvicorn that is told to end while somebody is let in drops the `accept` without a word, and takes the first
        frame for a mistake of ours: RuntimeError.
        """
        if self._closed:
            return
        steps = self._send({"type": "websocket.send", "text": frame}).__await__()
        try:
            awaited = next(steps)
        except (StopIteration, OSError):
            return
        except RuntimeError:
            self._give_up()
            return
        self.busy_since = asyncio.get_running_loop().time()
        self._waiting = asyncio.get_running_loop().create_task(self._finish(steps, awaited))

    def write_latest(self, frame: str) -> None:
        """Write this when the transport is not busy; of several that wait, the newest."""
        if self.busy_since is None:
            self.write(frame)
        else:
            self._latest = frame

    async def send(self, frame: str) -> None:
        """Write a frame as soon as the transport takes it, and return when it has."""
        while self._waiting is not None:
            await asyncio.wait([self._waiting])
        self.write(frame)
        if self._waiting is not None:
            await asyncio.wait([self._waiting])

    async def _finish(self, steps: Generator, awaited: object) -> None:
        try:
            await _Begun(steps, awaited)
        except OSError:
            pass
        except RuntimeError:
            self._give_up()
        finally:
            self._waiting = self.busy_since = None
        if self._latest:
            frame, self._latest = self._latest, ""
            self.write(frame)

    def _give_up(self) -> None:
        """The server has said goodbye by itself, because no ping was answered for example. It does not cut what takes
        nothing.
        """
        self._closed = True
        self.cut_later()

    async def close(self, code: int) -> None:
        """Say goodbye, once; a transport that is too full for it is cut without."""
        if self._closed:
            return
        self._closed = True
        try:
            async with asyncio.timeout(CLOSE_WITHIN):
                await close(self._send, code)
        except TimeoutError:
            pass
        self.cut_later()

    def cut_later(self) -> None:
        """Drop the connection, if it is still there after LINGER seconds. Harmless when it is gone."""
        transport = getattr(getattr(self._send, "__self__", None), "transport", None)
        if hasattr(transport, "abort"):
            asyncio.get_running_loop().call_later(LINGER, transport.abort)


class _Begun:
    """An awaitable that was taken its first step outside a task: what it waits for is waited for here."""

    __slots__ = ("_awaited", "_steps")

    def __init__(self, steps: Generator, awaited: object):
        self._steps, self._awaited = steps, awaited

    def __await__(self) -> Generator:
        try:
            yield self._awaited
        except BaseException as error:
            try:
                yield self._steps.throw(error)
            except StopIteration:
                return
        yield from self._steps
