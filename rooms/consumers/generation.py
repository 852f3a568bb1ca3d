"""The worker's channel."""

from __future__ import annotations

import logging

from channels.consumer import AsyncConsumer

from ..worker import worker

logger = logging.getLogger(__name__)


class GenerationConsumer(AsyncConsumer):
    """The worker's channel: starts generations as tasks, and lets go of those that have ended elsewhere."""

    async def __call__(self, scope, receive, send):
        while True:
            await self.dispatch(await receive())

    async def dispatch(self, event: dict) -> None:
        """One bad event may not end the worker."""
        try:
            if event["type"] == "generation.start":
                worker.start(event["room"], event["generation"])
            elif event["type"] == "generation.stop":
                worker.release(event["generation"])
            else:
                raise ValueError(f"no handler for {event['type']!r}")
        except Exception:
            logger.exception("the worker could not handle an event")
