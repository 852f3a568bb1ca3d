"""The way to one client: finished frames, then one close code, within a bounded time whatever the client takes of it.

ASGI has no word for the end of a connection whose other end takes nothing. Uvicorn closes one once all that was written
to it has gone out, and for a client that has stopped reading that is never: its bytes and its file descriptor would be
held as long as it likes, and `SIGTERM` would wait for it. (Daphne cuts by itself, a second after its close frame.)
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from .door import close

CLOSE_WITHIN = 1.0  # seconds that a close frame may wait for a full transport
LINGER = 3.0  # seconds that a connection has to take what is still on its way, and to answer the close frame


class Line:
    __slots__ = ("_busy_since", "_closed", "_send", "_waiting")

    def __init__(self, send: Callable):
        self._send = send
        self._waiting = 0  # frames that wait for a full transport (uvicorn; daphne takes everything at once)
        self._busy_since = 0.0
        self._closed = False

    @property
    def busy_since(self) -> float | None:
        """The loop's time at which the transport became too full for a frame that still waits."""
        return self._busy_since if self._waiting else None

    async def send(self, frame: str) -> None:
        """Uvicorn raises once the client is gone; daphne keeps quiet: so does this.

        A uvicorn that is told to end while somebody is let in drops the `accept` without a word, and takes the first
        frame for a mistake of ours: RuntimeError.
        """
        if self._closed:
            return
        if not self._waiting:
            self._busy_since = asyncio.get_running_loop().time()
        self._waiting += 1
        try:
            await self._send({"type": "websocket.send", "text": frame})
        except OSError:
            pass
        except RuntimeError:
            self._closed = True
        finally:
            self._waiting -= 1

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
