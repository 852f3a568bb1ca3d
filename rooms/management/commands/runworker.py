"""`manage.py runworker generations`: Channels' worker command, for answers that must not be lost.

Channels' own Worker ends at once on SIGTERM and when Redis restarts, and knows of no work but what an event tells it.
This one drains, goes on, and looks into the database itself.
"""

import asyncio

from channels.management.commands.runworker import Command as ChannelsCommand
from channels.worker import Worker
from django.core.management.base import CommandError

from rooms import broadcast, process


class DrainingWorker(Worker):
    def run(self) -> None:
        asyncio.run(process.work())


class Command(ChannelsCommand):
    help = "Write answers in a process of its own. Any number of these may run."
    worker_class = DrainingWorker

    def handle(self, *args, channels, **options):
        if channels != [broadcast.GENERATIONS]:
            raise CommandError(
                f"The one channel with work is {broadcast.GENERATIONS!r}: manage.py runworker generations"
            )
        super().handle(*args, channels=channels, **options)
