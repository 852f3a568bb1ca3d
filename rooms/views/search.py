"""The search page: a person's rooms and what was said in them. The palette shows the same."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from .. import access, search
from ..errors import RoomError
from ..limits import limits
from .pages import refused


@require_safe
@never_cache
def page(request: HttpRequest) -> HttpResponse:
    visitor = access.visitor_of_request(request)
    words = request.GET.get("q", "")[: search.LONGEST]
    try:
        if visitor.known:
            limits.spend("CHATLAB_RATE_REQUESTS", visitor.name, "requests")
    except RoomError as refusal:
        return refused(request, refusal)
    rooms, excerpts = search.find(visitor, words)
    context = {"words": words, "rooms": rooms, "excerpts": excerpts, "short": len(words.strip()) < search.SHORTEST}
    return render(request, "rooms/search.html", context)
