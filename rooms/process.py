"""What runs in a server process beside its sockets: publishing, the watch over the heads, the embedded worker.

It starts with the process, not with its first visitor: uvicorn says so by the lifespan protocol, daphne (which has
none) by its reactor. Whatever it leaves unfinished when the process dies, the database knows.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from collections.abc import Awaitable, Callable

from django.conf import settings

from . import actions, broadcast, flow
from .consumers import access_watch
from .database import CONNECTION_ERRORS
from .delivery.hub import hub
from .delivery.presence import presence
from .flow import patience
from .routing import channel_routes
from .worker import worker

logger = logging.getLogger(__name__)

RESTART_AFTER = 1.0  # seconds until a background task that failed is tried again
DRAIN_WITHIN = 10.0  # seconds over which readers are sent away by SIGUSR1; the process goes on, /readyz is red
PULSE, STOOD_STILL = 0.5, 1.0  # seconds between two looks at the event loop, and what is worth a line
LEAVE_WITHIN = 2.0  # the same, when the process ends
GRACE = 3.0  # seconds that answers under way get when the process is told to stop

_tasks: list[asyncio.Task] = []


def start() -> None:
    """Start everything, on the running loop, once."""
    if _tasks:
        return
    if not settings.CHATLAB_LIMITS:
        logger.warning("CHATLAB_LIMITS=off: rate and connection limits are switched off")
    actions.start_publishing()
    _keep("heads", hub.watch)
    _keep("events", hub.listen)
    _keep("access", access_watch.watch)
    _keep("patience", patience.watch)
    _keep("presence", presence.watch)
    _keep("presence-events", presence.listen)
    _keep("tidy", worker.tidy)
    _keep("pulse", pulse)
    # Takes this process out: no new readers, the old ones leave, answers under way go on.
    _on_signal("SIGUSR1", lambda: _tasks.append(asyncio.create_task(access_watch.drain(DRAIN_WITHIN))))
    if settings.CHATLAB_WORKER == "embedded":
        _keep("worker-events", listen)
        _keep("worker-queue", worker.poll)


def _on_signal(name: str, action: Callable[[], object]) -> None:
    """Windows has few signals, and its event loops take none of them."""
    loop, number = asyncio.get_running_loop(), getattr(signal, name, None)
    if number is None:
        return
    try:
        loop.add_signal_handler(number, action)
    except NotImplementedError:
        signal.signal(number, lambda *_: loop.call_soon_threadsafe(action))
    except (RuntimeError, ValueError):
        pass  # signals reach the main thread only; under the autoreloader the server is not there


async def work() -> None:
    """A worker process: the same worker, without sockets, until SIGTERM or SIGINT; then it drains and returns."""
    told = asyncio.Event()
    for name in ("SIGTERM", "SIGINT"):
        _on_signal(name, told.set)
    actions.start_publishing()
    _keep("tidy", worker.tidy)
    _keep("worker-events", listen)
    _keep("worker-queue", worker.poll)
    logger.info("worker %s takes generations", worker.holder)
    await told.wait()
    logger.info("worker %s drains: %s answers under way", worker.holder, worker.busy)
    await stop(settings.CHATLAB_DRAIN)


async def stop(grace: float = GRACE) -> None:
    """Send readers elsewhere, let answers under way end, publish what waits, commit what waits."""
    await access_watch.drain(LEAVE_WITHIN)
    await worker.drain(grace)
    for task in _tasks:
        task.cancel()
    await asyncio.gather(*_tasks, return_exceptions=True)
    _tasks.clear()
    await actions.stop_publishing()
    await broadcast.close()
    await asyncio.to_thread(actions.close_writer)


async def pulse() -> None:
    """Say it when nothing ran for a while: a call that blocks the event loop, or a machine that froze the process."""
    loop = asyncio.get_running_loop()
    while True:
        before = loop.time()
        await asyncio.sleep(PULSE)
        late = loop.time() - before - PULSE
        if late > STOOD_STILL:
            logger.warning("the event loop stood still for %.1f s", late)


async def listen() -> None:
    """Run the generation consumer on its channel, as `runworker` does in a process of its own."""
    scope = {"type": "channel", "channel": broadcast.GENERATIONS}

    async def send(event: dict) -> None:
        raise RuntimeError("a worker has nobody to answer to")

    mailbox = await broadcast.Mailbox.open()
    await mailbox.join(broadcast.GENERATIONS)
    try:
        await channel_routes[broadcast.GENERATIONS](scope, mailbox.receive, send)
    finally:
        await mailbox.close()


async def lifespan(scope, receive, send) -> None:
    """The ASGI lifespan protocol."""
    while True:
        event = await receive()
        if event["type"] == "lifespan.startup":
            start()
            await send({"type": "lifespan.startup.complete"})
        elif event["type"] == "lifespan.shutdown":
            await stop()
            await send({"type": "lifespan.shutdown.complete"})
            return


def hook_server() -> None:
    """What the application asks of the server that has loaded it: flow control, and of daphne to start and stop what
    is here with Twisted's reactor.
    """
    flow.install()
    reactor = sys.modules.get("twisted.internet.reactor")
    if reactor is None:
        return
    from twisted.internet.defer import Deferred

    reactor.callWhenRunning(reactor.callLater, 0, start)
    reactor.addSystemEventTrigger("before", "shutdown", lambda: Deferred.fromFuture(asyncio.ensure_future(stop())))


def _keep(name: str, work: Awaitable) -> None:
    _tasks.append(asyncio.get_running_loop().create_task(_forever(name, work), name=f"chatlab-{name}"))


async def _forever(name: str, work) -> None:
    while True:
        try:
            await work()
        except Exception as error:
            known = isinstance(error, (OSError, *CONNECTION_ERRORS)) or type(error).__module__.startswith("redis")
            logger.warning("%s failed, and starts again: %r", name, error, exc_info=not known)
        await asyncio.sleep(RESTART_AFTER)
