"""`manage.py ask ROOM "question"`: take part in a room from the terminal, on the way that everybody takes."""

import asyncio
import json
import secrets
import time

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from rooms import access, actions, database, frames, log
from rooms.errors import RoomError
from rooms.models import Generation, Room
from rooms.worker import worker

LOOK_EVERY = 0.1  # seconds; the terminal reads the log, as a socket does that hears no events
SERVER_TAKES_WITHIN = 2.5  # seconds that a running server gets to take the question; after that it is answered here
GRACE = 600.0  # seconds for an answer that is written here


class Command(BaseCommand):
    help = "Ask in a room, and print the answer as it is written."

    def add_arguments(self, parser):
        parser.add_argument("room", help="the room's id")
        parser.add_argument("question")
        parser.add_argument("--name", default="Terminal", help="under which name to ask")

    def handle(self, *, room, question, name, **options):
        if not Room.objects.filter(pk=room).exists():
            raise CommandError(f"There is no room {room!r}.")
        try:
            name = frames.parse_name({"name": name})
            joined = actions.commit_now(actions.join(access.Visitor(guest=f"terminal {name}"[:64]), room, name))
            frame = frames.parse_post(
                {"text": question, "client_id": secrets.token_urlsafe(12)}, settings.CHATLAB_TEXT_MAX
            )
            status = asyncio.run(self._ask(joined.member.pk, room, frame))
        except RoomError as refusal:
            raise CommandError(refusal.detail) from refusal
        finally:
            actions.close_writer()
            database.close()
        if status != "complete":
            raise CommandError(f"The answer is {status}.", returncode=1)

    async def _ask(self, member, room, frame) -> str:
        actions.start_publishing()
        try:
            receipt = await actions.commit(actions.post(member, room, frame))
            return await self._print_answer(room, receipt)
        finally:
            await worker.drain(GRACE)
            await actions.stop_publishing()

    async def _print_answer(self, room, receipt) -> str:
        cursor, asked, started = receipt.cursor, time.monotonic(), False
        while True:
            page = await database.read(log.page_after, room, cursor)
            if page is None:
                raise CommandError("The database was restored: this answer is not in it.", returncode=1)
            cursor = page.cursor
            for item in map(json.loads, page.items):
                if item.get("message") != receipt.answer:
                    continue
                started = True
                if item["kind"] == "appended" and item["part"] == "text":
                    self.stdout.write(item["text"], ending="")
                    self.stdout.flush()
                elif item["kind"] == "closed":
                    self.stdout.write("")
                    if "failure" in item:
                        self.stderr.write(item["failure"]["detail"])
                    return item["status"]
            if not started and time.monotonic() - asked > SERVER_TAKES_WITHIN:
                started = True
                worker.start(room, await database.read(_generation_of, receipt.answer))
            await asyncio.sleep(LOOK_EVERY)


def _generation_of(message: str) -> int:
    return Generation.objects.values_list("pk", flat=True).get(message=message)
