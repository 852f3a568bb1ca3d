"""Every door where a password is checked: how often it may be tried (`attempts`), and what that may cost (`hashing`).

Why not django-axes: it looks first and counts afterwards (version 8.3.1, at a limit of 10: forty wrong passwords that
came at once were all forty looked at), and knows neither networks of IPv6 nor addresses that are an account's own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps

from django.contrib.auth import get_user_model
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import AbstractBaseUser
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse

from .. import addresses
from . import attempts
from .hashing import turns

__all__ = ["Backend", "guarded"]


class Backend(ModelBackend):
    """Django's, for whoever comes by a request. It stands in front of Django's, which keeps the sessions that it has
    begun, and has the last word.
    """

    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **fields: object
    ) -> AbstractBaseUser:
        username = username or fields.get(get_user_model().USERNAME_FIELD)
        if request is None or not username or password is None:  # a command, or other credentials
            user = super().authenticate(request, username, password, **fields)
        else:
            with _attempt(request, username) as got_it_right:
                user = super().authenticate(request, username, password, **fields)
                if user is not None:
                    got_it_right()
        if user is None:
            raise PermissionDenied  # or Django's would look at it a second time
        return user


def guarded(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """For a form that asks its sender for their password once more, and goes on to another page where it was right."""

    @wraps(view)
    def answer(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        if request.method != "POST" or not request.user.is_authenticated:
            return view(request, *args, **kwargs)
        with _attempt(request, request.user.get_username()) as got_it_right:
            response = view(request, *args, **kwargs)
            if response.status_code == 302:
                got_it_right()
        return response

    return answer


@contextmanager
def _attempt(request: HttpRequest, account: str) -> Iterator[Callable[[], None]]:
    """In a turn of its own: what is counted is under way, and who finds no turn has lost no attempt."""
    address = addresses.of_request(request)
    with turns.take():
        attempts.begin(account, address)
        yield lambda: attempts.succeeded(account, address)
