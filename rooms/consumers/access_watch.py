"""All sockets of the process at once: rights are checked again while they only listen, and they can be sent away."""

from __future__ import annotations

import asyncio
import logging

from django.conf import settings

from .. import access, database
from ..delivery.hub import hub
from ..errors import Close

logger = logging.getLogger(__name__)

AT_ONCE = 200  # grants in one look-up: each is a short pause of the database thread, not a long one

DRAIN_PACE = 0.05  # seconds between two sockets, where there is time for it

_CODES = {"signed_out": Close.SIGNED_OUT, "not_a_member": Close.NO_ROOM}


async def watch() -> None:
    """Look at every grant, every CHATLAB_ACCESS_CHECK seconds, for ever."""
    while True:
        await asyncio.sleep(settings.CHATLAB_ACCESS_CHECK)
        clients = [subscription.client for subscription in hub.subscriptions()]
        for start in range(0, len(clients), AT_ONCE):
            some = clients[start : start + AT_ONCE]
            try:
                found = await database.read(access.recheck, {client.grant for client in some})
            except database.CONNECTION_ERRORS as error:
                logger.warning("the rights of listening sockets could not be checked: %s", error)
                break
            for client in some:
                if (code := _CODES.get(found[client.grant])) is not None:
                    client.dismiss(code)


async def drain(longest: float) -> None:
    """Send all readers elsewhere within `longest` seconds, one by one: those who leave together come back together."""
    hub.draining = True
    clients = [subscription.client for subscription in hub.subscriptions()]
    for client in clients:
        client.dismiss(Close.DRAINING)
        await asyncio.sleep(min(DRAIN_PACE, longest / len(clients)))
