"""Flow control of what clients send, for the server that runs this process: a client that writes without end is read as
fast as its frames are dealt with, no faster, and costs no other client its turn. TCP tells the client.

(Towards clients the window bounds what is under way: `rooms.delivery.window`.)
"""

from __future__ import annotations

import sys

LOOK_AGAIN = 0.02  # seconds: how soon, at a client that is not read from


def install() -> None:
    """For every socket that is accepted from now on, whatever started the server."""
    if "twisted.internet.reactor" in sys.modules:  # to import daphne's part would install a reactor
        from . import daphne

        daphne.install()
    if "uvicorn" in sys.modules:
        from . import uvicorn

        uvicorn.install()
