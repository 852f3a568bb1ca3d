"""The worker of a process: starts generations as tasks, any number at once, and lets go of those it has lost.

The queue is the Generation rows; an event on the channel layer only makes it faster. So the worker also looks for
itself every CHATLAB_QUEUE_POLL seconds: for rows that are queued, for leases that have run out, and whether what it
writes is still its own. That is how what was queued when a process died is picked up by the next one.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
import os
import secrets
import socket

from django.conf import settings

from . import database, lease
from .actions import Job, commit, expire
from .database import CONNECTION_ERRORS
from .errors import Fenced, RoomError
from .generation import run
from .providers import Provider, open_provider, preload

logger = logging.getLogger(__name__)


CANCEL_WITHIN = 5.0  # seconds that calls which end responses at the provider get when the process ends


class Worker:
    def __init__(self) -> None:
        self.holder = f"{socket.gethostname()[:60]}:{os.getpid()}:{secrets.token_hex(4)}"
        self._tasks: dict[int, asyncio.Task] = {}
        self._fences: dict[int, int] = {}  # of the generations that are written here
        self._again: set[int] = set()  # told to be started while they were being claimed
        self._others: set[asyncio.Task] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._provider: Provider | None = None
        self._draining = False

    @property
    def busy(self) -> int:
        """How many generations are under way here."""
        return len(self._tasks)

    def start(self, room_id: str, generation_id: int) -> None:
        """Write this generation, unless that is under way here already. Whether it is to be had, the claim decides."""
        if self._draining:
            return
        if generation_id in self._tasks:
            if generation_id not in self._fences:  # what this tells of may have come behind the claim's look
                self._again.add(generation_id)
            return
        # A context of its own: a task that inherits a request's would use its database thread, which ends with it.
        task = asyncio.get_running_loop().create_task(
            self._run(room_id, generation_id), name=f"generation-{generation_id}", context=contextvars.Context()
        )
        self._tasks[generation_id] = task
        task.add_done_callback(lambda _: self._ended(room_id, generation_id))

    def _ended(self, room_id: str, generation_id: int) -> None:
        del self._tasks[generation_id]
        self._fences.pop(generation_id, None)
        if generation_id in self._again:
            self._again.remove(generation_id)
            self.start(room_id, generation_id)

    def release(self, generation_id: int) -> None:
        """Close the upstream call of a generation that has ended, or that somebody else writes now."""
        task = self._tasks.get(generation_id)
        if task is not None:
            task.cancel()

    def kill(self, generation_id: int) -> bool:
        """Drop what writes a generation, as a killed process does: its lease has to run out. Callable from any thread.
        False where it is not written here.
        """
        here = generation_id in self._fences
        if here:
            self._loop.call_soon_threadsafe(self.release, generation_id)
        return here

    def cancel_upstream(self, response_id: str) -> None:
        """End a provider's background response that nobody wants any more; callable from any thread.

        Whoever stops an answer does it: the worker that reads the response may be frozen.
        """
        if self._loop is not None:  # else this is a command, not a server
            self._loop.call_soon_threadsafe(self._cancel_soon, response_id)

    def _cancel_soon(self, response_id: str) -> None:
        task = self._loop.create_task(self._open_provider().cancel(response_id))
        self._others.add(task)
        task.add_done_callback(self._others.discard)

    async def tidy(self) -> None:
        """End what no worker takes, for ever: in every server process, also where none of them writes answers."""
        self._loop = asyncio.get_running_loop()
        # Now, in a thread, and not when it is needed: the SDK takes a second to import and would hold up every socket.
        await asyncio.to_thread(preload)
        while True:
            await asyncio.sleep(settings.CHATLAB_QUEUE_POLL)
            try:
                old = await database.read(lease.expired)
            except Exception as error:
                logger.warning("old questions could not be looked for: %r", error)
                continue
            for room_id, generation_id in old:
                try:
                    await commit(expire(room_id, generation_id))
                except Exception as error:
                    logger.warning("generation %s could not be ended: %r", generation_id, error)

    async def poll(self) -> None:
        """Look for work for ever."""
        await asyncio.to_thread(preload)
        self._open_provider()
        while True:
            try:
                for room_id, generation_id in await database.read(lease.waiting):
                    self.start(room_id, generation_id)
                for generation_id in await database.read(lease.lost_among, dict(self._fences)):
                    self.release(generation_id)
            except Exception as error:
                logger.warning("the queue could not be read: %r", error)
            await asyncio.sleep(settings.CHATLAB_QUEUE_POLL)

    async def drain(self, grace: float) -> None:
        """Start nothing new; wait `grace` seconds for what is being written, then end the rest as interrupted."""
        self._draining = True
        tasks = list(self._tasks.values())
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=grace)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late)
        if self._others:
            await asyncio.wait(self._others, timeout=CANCEL_WITHIN)
        if self._provider is not None:
            await self._provider.close()

    async def _run(self, room_id: str, generation_id: int) -> None:
        try:
            await run(
                room_id,
                generation_id,
                self.holder,
                self._open_provider(),
                claimed=self._note_fence,
                leaving=lambda: self._draining,
            )
        except (RoomError, Fenced, *CONNECTION_ERRORS) as error:
            logger.warning("generation %s: left to its lease: %s", generation_id, error)
        except Exception:
            logger.exception("generation %s: its worker failed; its lease will end it", generation_id)

    def _open_provider(self) -> Provider:
        """The one provider of this process."""
        if self._provider is None:
            self._provider = open_provider()
        return self._provider

    def _note_fence(self, job: Job) -> None:
        self._fences[job.generation] = job.fence
        self._again.discard(job.generation)


worker = Worker()
