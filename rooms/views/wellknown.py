"""What browsers and crawlers ask every site for, by names that no page gave them."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.templatetags.static import static
from django.urls import reverse
from django.views.decorators.http import require_safe

ICONS = {
    "favicon.ico": "rooms/favicon.ico",
    "apple-touch-icon.png": "rooms/touch-icon.png",
    "apple-touch-icon-precomposed.png": "rooms/touch-icon.png",
}


@require_safe
def robots(request: HttpRequest) -> HttpResponse:
    """The first page is for everybody; rooms, and what is shared by a link, are for those who have the link."""
    start = reverse("index")
    return HttpResponse(f"User-agent: *\nAllow: {start}$\nDisallow: {start}\n", content_type="text/plain")


@require_safe
def icon(request: HttpRequest, name: str) -> HttpResponse:
    return redirect(static(ICONS[name]))
