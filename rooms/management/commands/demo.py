"""`manage.py demo`: from an empty folder to a running room in one step, and again without touching what is there."""

import secrets

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.core.management.base import BaseCommand
from django.db import connection
from django.urls import reverse

from rooms import access, actions, providers
from rooms.models import Member, Room

ADMIN = "admin"


class Command(BaseCommand):
    help = "Migrate, make a first room and an admin login where there are none, print the links, and run the server."

    def add_arguments(self, parser):
        parser.add_argument("--port", type=int, default=8000)
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--no-server", action="store_true", help="prepare and print, but do not run the server")

    def handle(self, *, host, port, no_server, **options):
        call_command("migrate", verbosity=0)
        password = self._ensure_admin()
        room = self._ensure_room()
        base = f"http://{host}:{port}"
        layer = "Redis channel layer" if settings.REDIS_URL else "in-memory channel layer"
        login = (
            f"{ADMIN} / {password}   (printed this once)" if password else f"{ADMIN} (password: as printed at first)"
        )
        self.stdout.write(
            f"\nchatlab   {connection.vendor} · {layer} · {providers.describe()['label']}\n\n"
            f"  Room       {base}{room.get_absolute_url()}\n"
            f"  Two tabs   {base}{reverse('sync_demo')}\n"
            f"  Admin      {base}{reverse('admin:index')}   {login}\n"
        )
        self.stdout.flush()  # into a pipe, too: the password is said only once
        actions.close_writer()
        if not no_server:
            call_command("runserver", f"{host}:{port}", use_reloader=False)

    def _ensure_admin(self) -> str | None:
        """The password, where the login was made just now."""
        users = get_user_model()
        if users.objects.filter(is_superuser=True).exists():
            return None
        password = secrets.token_urlsafe(12)
        users.objects.create_superuser(ADMIN, password=password)
        return password

    def _ensure_room(self) -> Room:
        room = Room.objects.order_by("created_at").first()
        if room is not None:
            return room
        owner = get_user_model().objects.filter(is_superuser=True).order_by("pk").first()
        joined = actions.commit_now(actions.create_room(access.Visitor(user_id=owner.pk), "Welcome"))
        return Member.objects.select_related("room").get(pk=joined.member.pk).room
