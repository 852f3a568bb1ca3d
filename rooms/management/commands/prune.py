"""`manage.py prune --older-than 90d`: let old deltas go. Messages keep their texts."""

import re
from datetime import timedelta

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import F, QuerySet

from rooms import actions, database, log
from rooms.errors import RoomError
from rooms.models import Delta, Room

UNITS = {"d": "days", "h": "hours", "m": "minutes"}


def age(text: str) -> timedelta:
    """`90d`, `36h` or `30m`."""
    match = re.fullmatch(r"([0-9]{1,6})([dhm])", text)
    if match is None:
        raise ValueError
    return timedelta(**{UNITS[match[2]]: int(match[1])})


class Command(BaseCommand):
    help = "Delete deltas that are older than this from the beginning of each room's log. Messages keep their texts."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--older-than", required=True, type=age, help="90d, 36h or 30m")
        parser.add_argument("--room", help="the room's id; without it, every room")
        parser.add_argument("--dry-run", action="store_true", help="say what would go, and delete nothing")

    def handle(self, *, older_than, room, dry_run, **options) -> None:
        before = database.clock() - older_than
        rooms: QuerySet = Room.objects.filter(pk=room) if room else Room.objects.filter(created_at__lt=before)
        if room and not rooms.exists():
            raise CommandError(f"There is no room {room!r}.")
        total = 0
        try:
            for room_id, size in rooms.order_by("created_at").values_list("pk", F("head") - F("floor") + 1):
                gone = self._count(room_id, before) if dry_run else self._prune(room_id, before)
                total += gone
                if gone:
                    self.stdout.write(f"{room_id}  {gone:,} of {size:,} deltas")
        except RoomError as refusal:
            raise CommandError(f"Stopped after {total:,} deltas: {refusal.detail}") from refusal
        finally:
            actions.close_writer()
        self.stdout.write(f"{total:,} deltas {'would be' if dry_run else 'were'} deleted.")

    def _count(self, room_id, before) -> int:
        newest = log.prunable(room_id, before)
        return 0 if newest is None else Delta.objects.filter(room=room_id, seq__lte=newest.seq).count()

    def _prune(self, room_id, before) -> int:
        total = 0
        while gone := actions.commit_now(actions.prune(room_id, before)):
            total += gone
        return total
