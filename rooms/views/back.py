"""Where somebody came from, if that is a page of ours: what a `Referer` says may be anybody's."""

from __future__ import annotations

from django.http import HttpRequest
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme


def back(request: HttpRequest) -> str:
    """For a redirect or a link; else the front page."""
    said = request.META.get("HTTP_REFERER", "")
    whole = said.startswith(("http://", "https://"))
    ours = whole and url_has_allowed_host_and_scheme(said, {request.get_host()}, require_https=request.is_secure())
    return said if ours else reverse("index")
