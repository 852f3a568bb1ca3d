"""The page of what broke on our side. It asks nothing that may be broken itself: the reader's theme is a cookie."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponseServerError
from django.template.loader import render_to_string

from .theme import theme


def server_error(request: HttpRequest) -> HttpResponseServerError:
    return HttpResponseServerError(render_to_string("500.html", theme(request)))
