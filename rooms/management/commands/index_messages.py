"""`manage.py index_messages`: let a search find what was said before it had an index, or beside it."""

from django.core.management.base import BaseCommand, CommandError, CommandParser

from rooms.log import index


class Command(BaseCommand):
    help = "Index messages that a search does not find yet, beside the running servers. `migrate` does it, too."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--anew", action="store_true", help="take the whole index out first")

    def handle(self, *, anew, **options) -> None:
        if anew:
            index.empty()
        else:
            index.create_missing()
        if not index.is_kept():
            raise CommandError("This SQLite has no FTS5: searches read texts through.")
        total = 0
        for count in index.add_missing():
            total += count
            self.stdout.write(f"{total:,} messages", ending="\r")
        self.stdout.write(f"{total:,} messages were indexed.")
