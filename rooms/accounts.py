"""A sign-in takes along what the browser is a guest in, and a sign-out leaves nothing of it behind.

Afterwards it is the account's: found wherever that is signed in, and no longer by whoever has the browser.
"""

from __future__ import annotations

import logging

from django.contrib.auth.models import AbstractBaseUser
from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.dispatch import receiver
from django.http import HttpRequest

from . import access, actions
from .errors import RoomError

logger = logging.getLogger(__name__)


@receiver(user_logged_in)
def take_along(request: HttpRequest, user: AbstractBaseUser, **kwargs: object) -> None:
    _move(request, user)
    access.renew(request.session, anew=True)


@receiver(user_logged_out)
def leave_nothing(request: HttpRequest, user: AbstractBaseUser | None, **kwargs: object) -> None:
    """A tab that was slow may have joined as a guest after the sign-in."""
    if user is not None:
        _move(request, user)


def _move(request: HttpRequest, user: AbstractBaseUser) -> None:
    guest = request.session.get(access.GUEST_KEY)
    for room in access.rooms_of_guest(guest) if guest else ():
        try:
            actions.commit_now(actions.move_to_account(guest, user.pk, room))
        except RoomError as error:
            # Until the next sign-in they are a member as the guest that the session still knows.
            logger.warning("room %s: a guest's membership could not be moved to an account: %s", room, error.detail)
