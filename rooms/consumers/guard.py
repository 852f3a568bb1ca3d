"""Rights are checked again while a socket only listens: a logout, a lost membership or a deleted token ends it."""

from __future__ import annotations

import asyncio
import logging

from django.conf import settings

from .. import access, database
from ..errors import Close
from ..feed import feeds

logger = logging.getLogger(__name__)

AT_ONCE = 200  # seats in one look-up: each is a short pause of the database thread, not a long one

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
