"""How a socket is turned away, and how it is closed."""

from __future__ import annotations

import re
from urllib.parse import parse_qs

from channels.consumer import AsyncConsumer
from channels.exceptions import StopConsumer

from .. import frames
from ..errors import FINAL, Close

TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}")  # RFC 9110, 5.6.2; what is sent back is nothing else


async def refuse(scope: dict, send, code: int) -> None:
    """Accept, then close: a browser could not tell one refused handshake from another."""
    offered = scope["subprotocols"]
    accepted = frames.PROTOCOL if frames.PROTOCOL in offered else next(filter(TOKEN.fullmatch, offered), None)
    await send({"type": "websocket.accept", "subprotocol": accepted})
    await close(send, code)


async def close(send, code: int) -> None:
    """A final code is said in a frame, too: proxies have their own ideas of close codes."""
    try:
        if code in FINAL:
            await send({"type": "websocket.send", "text": frames.bye(code, FINAL[code])})
        await send({"type": "websocket.close", "code": code})
    except (OSError, RuntimeError):
        pass  # it is closed already


def query_of(scope: dict) -> dict[str, str]:
    """The first value of each field; nothing of a query that is none."""
    try:
        fields = parse_qs(scope["query_string"].decode("latin-1"), max_num_fields=20)
    except ValueError:
        return {}
    return {name: values[0] for name, values in fields.items()}


class NoRoomConsumer(AsyncConsumer):
    """Every other socket path: the same answer as for a room that does not exist."""

    async def websocket_connect(self, event) -> None:
        await refuse(self.scope, self.send, Close.NO_ROOM)

    async def websocket_receive(self, event) -> None:
        pass

    async def websocket_disconnect(self, event) -> None:
        raise StopConsumer  # else its task would never end
