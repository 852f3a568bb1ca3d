"""`manage.py ask ROOM "question"`: take part in a room from the terminal, on the way that everybody takes."""

import asyncio
import json
import secrets
import time

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from rooms import access, actions, database, frames, lease, log
from rooms.errors import RoomError
from rooms.management.accounts import visitor_of
from rooms.models import Generation, Room
from rooms.worker import worker

LOOK_EVERY = 0.1  # seconds; the terminal reads the log, as a socket does that hears no events
SERVER_TAKES_WITHIN = 2.5  # seconds that a running server gets to take what it may; after that it is written here
GRACE = 600.0  # seconds for an answer that is written here


class Command(BaseCommand):
    help = "Ask in a room, and print the answer as it is written."

    def add_arguments(self, parser):
        parser.add_argument("room", help="the room's id")
        parser.add_argument("question")
        parser.add_argument("--name", help='under which name to ask; "Terminal" where no account asks')
        parser.add_argument("--user", help="the account that asks")

    def handle(self, *, room, question, name, user, **options):
        if not Room.objects.filter(pk=room).exists():
            raise CommandError(f"There is no room {room!r}.")
        try:
            name = frames.parse_name({"name": name or (None if user else "Terminal")})
            visitor = visitor_of(user) if user else access.Visitor(guest=f"terminal {name}"[:64])
            joined = actions.commit_now(actions.join(visitor, room, name))
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
        standing_in = None
        try:
            receipt = await actions.commit(actions.post(member, room, frame))
            under_way = await database.read(_open_up_to, receipt.answer)
            if len(under_way) > 1:
                self.stderr.write("It waits for the answer before it.")
            standing_in = asyncio.create_task(_stand_in(under_way))
            return await self._print_answer(room, receipt)
        finally:
            if standing_in is not None:
                standing_in.cancel()
            await worker.drain(GRACE)
            await actions.stop_publishing()

    async def _print_answer(self, room, receipt) -> str:
        cursor = receipt.cursor
        while True:
            page = await database.read(log.page_after, room, cursor)
            if page is None:
                raise CommandError("The database was restored: this answer is not in it.", returncode=1)
            cursor = page.cursor
            for item in map(json.loads, page.items):
                if item.get("message") != receipt.answer:
                    continue
                if item["kind"] == "appended" and item["part"] == "text":
                    self.stdout.write(item["text"], ending="")
                    self.stdout.flush()
                elif item["kind"] == "closed":
                    self.stdout.write("")
                    if "failure" in item:
                        self.stderr.write(item["failure"]["detail"])
                    return item["status"]
            await asyncio.sleep(LOOK_EVERY)


def _open_up_to(answer: str) -> set[int]:
    """The generation of an answer, and of those before it that have not ended."""
    messages = [answer, *log.ancestors(answer)]
    return set(Generation.objects.filter(message__in=messages, status__in=Generation.OPEN).values_list("pk", flat=True))


async def _stand_in(generations: set[int]) -> None:
    """Write here what no server takes of these, be it because none runs."""
    free_since: dict[int, float] = {}
    while True:
        for room, generation in await database.read(lease.waiting):
            now = time.monotonic()
            if generation in generations and now - free_since.setdefault(generation, now) >= SERVER_TAKES_WITHIN:
                worker.start(room, generation)
        await asyncio.sleep(LOOK_EVERY)
