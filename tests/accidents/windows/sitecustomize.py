"""Put on PYTHONPATH, this takes from a process what Windows has not: most signals, signal handlers in the event loop,
modules of Unix for our own code, a registry that knows what a script is. (The rest of Python keeps them: it was
installed for another system.)
"""

import asyncio.unix_events
import builtins
import mimetypes
import os
import signal
from pathlib import Path

ROOT = str(Path(__file__).resolve().parents[3])
OURS = tuple(os.path.join(ROOT, name) for name in ("rooms", "chatlab", "manage.py"))
MISSING = {"fcntl", "grp", "pwd", "resource", "termios", "uvloop"}

for name in ("SIGHUP", "SIGKILL", "SIGQUIT", "SIGSTOP", "SIGCONT", "SIGUSR1", "SIGUSR2", "SIGPIPE"):
    delattr(signal, name)


def add_signal_handler(*_: object) -> None:
    raise NotImplementedError


asyncio.unix_events._UnixSelectorEventLoop.add_signal_handler = add_signal_handler

_import = builtins.__import__


def __import__(name, globals=None, *rest, **more):
    if name in MISSING and (globals or {}).get("__file__", "").startswith(OURS):
        raise ModuleNotFoundError(f"No module named {name!r}")
    return _import(name, globals, *rest, **more)


builtins.__import__ = __import__

mimetypes.init()
for ending in (".js", ".css", ".svg"):
    mimetypes.add_type("text/plain", ending)
