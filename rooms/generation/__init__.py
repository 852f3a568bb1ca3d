"""The life of one answer: ask the provider, record what arrives, keep the lease, end it. docs/generations.md tells it.

The one who asks (`asking`), the recorder and the keeper of the lease (`recorder`) run side by side. When the log
refuses one of them (somebody stopped the answer, or took it over), all of them end, and with them the upstream call.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from ..actions import Job, Outcome, claim, commit
from ..errors import Fenced, RoomError
from ..providers import Provider
from .asking import Asking
from .recorder import Recorder

logger = logging.getLogger(__name__)

SHUT_DOWN = Outcome("interrupted", "worker_lost", "The server that was writing this answer was shut down.")


async def run(
    room_id: str,
    generation_id: int,
    holder: str,
    provider: Provider,
    *,
    claimed: Callable[[Job], None] = lambda job: None,
    leaving: Callable[[], bool] = lambda: False,
) -> None:
    """Claim a generation and write it, if it is to be had. `claimed` is told which right to write was won."""
    job = await commit(claim(room_id, generation_id, holder))
    if job is not None:
        claimed(job)
        await write(job, provider, leaving)


async def write(job: Job, provider: Provider, leaving: Callable[[], bool] = lambda: False) -> None:
    """Write a claimed generation to its end, or until it is somebody else's.

    Cancelled, it closes the upstream call. Where `leaving` says that this process ends, it leaves no reader waiting for
    the lease: it ends the answer, or hands the lease back where another worker can resume the response.
    """
    recorder = Recorder(job)
    asking = Asking(job, provider, recorder)
    try:
        await recorder.prepare()
        outcome = await _side_by_side(asking, recorder)
        await recorder.finish(outcome)
        await asking.clean_up(outcome)
    except asyncio.CancelledError:
        if leaving():
            await (recorder.hand_over() if asking.resumable else recorder.finish(SHUT_DOWN))
        else:
            await asking.give_up()
        raise
    except Fenced:
        logger.info("generation %s: it is not ours any more", job.generation)
        await asking.give_up()
    except RoomError as error:
        logger.error("generation %s: left to its lease: %s", job.generation, error.detail)


async def _side_by_side(asking: Asking, recorder: Recorder) -> Outcome:
    try:
        async with asyncio.TaskGroup() as group:
            recording = group.create_task(recorder.run())
            keeping = group.create_task(recorder.keep_lease())
            outcome = await asking.run()
            # Not cancelled: a commit under way must be in the log before the end is. What gathers now goes with it.
            recorder.enough()
            await recording
            keeping.cancel()
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None
    return outcome
