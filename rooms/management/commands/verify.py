"""`manage.py verify [ROOM]`: is everything that was committed still there, in order and unchanged?"""

from django.core.management.base import BaseCommand, CommandError

from rooms import log
from rooms.models import Room


class Command(BaseCommand):
    help = "Check sequences, chain, digests, texts and ends of one room or of all. Exits 1 where anything is wrong."

    def add_arguments(self, parser):
        parser.add_argument("room", nargs="?", help="the room's id; without it, every room")

    def handle(self, *, room, **options):
        rooms = Room.objects.filter(pk=room) if room else Room.objects.order_by("created_at")
        ids = list(rooms.values_list("pk", "head"))
        if room and not ids:
            raise CommandError(f"There is no room {room!r}.")
        broken = 0
        for room_id, head in ids:
            problems = log.verify(room_id)
            broken += bool(problems)
            self.stdout.write(f"{room_id}  {'BROKEN' if problems else 'ok'}  {head} deltas")
            for problem in problems:
                self.stdout.write(f"    {problem}")
        if broken:
            raise CommandError(f"{broken} of {len(ids)} rooms are broken.", returncode=1)
        self.stdout.write(f"{len(ids)} rooms verified.")
