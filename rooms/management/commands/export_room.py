"""`manage.py export_room ROOM`: a room as Markdown or JSON, on the standard output or in a file."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from rooms import export
from rooms.errors import NotFound


class Command(BaseCommand):
    help = "Write out a room: the branch that is shown as Markdown, or everything as JSON. A file is always UTF-8."

    def add_arguments(self, parser):
        parser.add_argument("room", help="the room's id")
        parser.add_argument("--form", choices=export.FORMS, default="md")
        parser.add_argument("--output", type=Path, metavar="FILE", help="where to; without it, the standard output")

    def handle(self, *, room, form, output, **options):
        try:
            parts = export.parts(room, form)
        except NotFound as refusal:
            raise CommandError(f"There is no room {room!r}.") from refusal
        with self._written_to(output) as write:
            for part in parts:
                write(part())

    @contextmanager
    def _written_to(self, output: Path | None) -> Iterator[Callable[[str], object]]:
        """A file is UTF-8, whatever the terminal is; so is a pipe, which ends in one."""
        if output is None and (self.stdout.isatty() or not hasattr(self.stdout, "buffer")):
            yield lambda text: self.stdout.write(text, ending="")
            return
        with open(output, "wb") if output else nullcontext(self.stdout.buffer) as file:
            yield lambda text: file.write(text.encode())
