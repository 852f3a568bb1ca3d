"""All sockets of the process at once: rights are checked again while they only listen, and they can be sent away."""

from __future__ import annotations

import asyncio
import logging

from django.conf import settings

from .. import access, database
from ..errors import Close
from ..feed import feeds

logger = logging.getLogger(__name__)

AT_ONCE = 200  # seats in one look-up: each is a short pause of the database thread, not a long one

DRAIN_PACE = 0.05  # seconds between two sockets, where there is time for it

_CODES = {"signed_out": Close.SIGNED_OUT, "not_a_member": Close.NO_ROOM}


async def watch() -> None:
    """Look at every seat, every CHATLAB_ACCESS_CHECK seconds, for ever."""
    while True:
        await asyncio.sleep(settings.CHATLAB_ACCESS_CHECK)
        sockets = feeds.readers()
        for start in range(0, len(sockets), AT_ONCE):
            some = sockets[start : start + AT_ONCE]
            try:
                found = await database.read(access.still_there, {socket.seat for socket in some})
            except database.CONNECTION_ERRORS as error:
                logger.warning("the rights of listening sockets could not be checked: %s", error)
                break
            for socket in some:
                if (code := _CODES.get(found[socket.seat])) is not None:
                    socket.dismiss(code)


async def drain(longest: float) -> None:
    """Send all readers elsewhere within `longest` seconds, one by one: those who leave together come back together."""
    feeds.draining = True
    sockets = feeds.readers()
    for socket in sockets:
        socket.dismiss(Close.DRAINING)
        await asyncio.sleep(min(DRAIN_PACE, longest / len(sockets)))
