"""Light, dark or as the system has it: kept in a cookie, so that the server writes it and nothing flashes."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_POST

from .back import back

COOKIE = "chatlab_theme"
THEMES = ("light", "dark")  # anything else: the system's
YEAR = 365 * 86_400


def theme(request: HttpRequest) -> dict[str, str]:
    """For templates. `theme_cookie` is what the browser calls it, for the script."""
    chosen = request.COOKIES.get(COOKIE)
    return {
        "theme": chosen if chosen in THEMES else "",
        "theme_cookie": COOKIE + getattr(request, "cookie_suffix", ""),
    }


@require_POST
def choose(request: HttpRequest) -> HttpResponse:
    response = HttpResponseRedirect(back(request))
    chosen, path = request.POST.get("theme"), settings.SESSION_COOKIE_PATH
    if chosen in THEMES:
        secure = request.is_secure()
        response.set_cookie(COOKIE, chosen, max_age=YEAR, path=path, secure=secure, samesite="Lax")
    else:
        response.delete_cookie(COOKIE, path=path)
    return response
