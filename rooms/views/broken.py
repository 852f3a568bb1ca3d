"""Pages that ask nothing that may be broken itself: of what broke on our side, and of a form that can't be read."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _

from .. import requests
from .theme import theme


def server_error(request: HttpRequest) -> HttpResponse:
    """With the name by which it stands in the log, and nothing else of the inside."""
    if _is_of_api(request):
        return _problem(500, "unavailable", "Something broke on our side. Try again in a moment.")
    return HttpResponse(render_to_string("500.html", theme(request) | {"called": requests.name()}), status=500)


def unreadable(request: HttpRequest, status: int) -> HttpResponse:
    if _is_of_api(request):
        return _problem(status, "too_long" if status == 413 else "bad_frame", "The form can't be read.")
    with translation.override(translation.get_language_from_request(request)):
        context = {"detail": _("The server did not understand that."), "status": status, "back": reverse("index")}
        page = render_to_string("rooms/refused.html", theme(request) | context)
    return HttpResponse(page, status=status)


def _is_of_api(request: HttpRequest) -> bool:
    return request.path_info.removeprefix(settings.CHATLAB_PATH).startswith("/api/")


def _problem(status: int, code: str, detail: str) -> HttpResponse:
    problem = requests.problem(status, code, detail)
    return JsonResponse(problem, status=status, content_type=requests.PROBLEM)
