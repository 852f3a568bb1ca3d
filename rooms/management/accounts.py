"""The account that a command acts for."""

from django.contrib.auth import get_user_model
from django.core.management.base import CommandError

from rooms.access import Visitor


def visitor_of(username: str) -> Visitor:
    user = get_user_model().objects.filter(username=username, is_active=True).first()
    if user is None:
        raise CommandError(f"There is no active account {username!r}.")
    return Visitor(user_id=user.pk)
