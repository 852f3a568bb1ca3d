"""`manage.py token ROOM`: a bearer token, for a program that takes part in a room."""

from django.core.management.base import BaseCommand, CommandError

from rooms import access, actions, frames
from rooms.errors import RoomError
from rooms.management.accounts import visitor_of
from rooms.models import Member, Room
from rooms.text import new_id


class Command(BaseCommand):
    help = "Make a new member for a program and print its bearer token. The token is shown once."

    def add_arguments(self, parser):
        parser.add_argument("room", help="the room's id")
        parser.add_argument("--name", help="the member's name; \"Program\" where it is no account's")
        parser.add_argument("--user", help="the account that the program acts for: no new member is made for it")

    def handle(self, *, room, name, user, **options):
        if not Room.objects.filter(pk=room).exists():
            raise CommandError(f"There is no room {room!r}.")
        try:
            name = frames.parse_name({"name": name or (None if user else "Program")})
            visitor = visitor_of(user) if user else access.Visitor(guest=f"{Member.PROGRAM}{new_id()}")
            joined = actions.commit_now(actions.join(visitor, room, name))
        except RoomError as refusal:
            raise CommandError(refusal.detail) from refusal
        finally:
            actions.close_writer()
        self.stdout.write(access.new_token(Member.objects.get(pk=joined.member.pk)))
