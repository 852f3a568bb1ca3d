"""`manage.py export_room ROOM`: a room as Markdown or JSON, on the standard output."""

from django.core.management.base import BaseCommand, CommandError

from rooms import export
from rooms.errors import NotFound


class Command(BaseCommand):
    help = "Write a room to the standard output: the branch that is shown as Markdown, or everything as JSON."

    def add_arguments(self, parser):
        parser.add_argument("room", help="the room's id")
        parser.add_argument("--form", choices=export.FORMS, default="md")

    def handle(self, *, room, form, **options):
        try:
            parts = export.parts(room, form)
        except NotFound as refusal:
            raise CommandError(f"There is no room {room!r}.") from refusal
        for part in parts:
            self.stdout.write(part(), ending="")
