"""A room as a download, for its members."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from .. import access, export
from ..errors import RoomError
from ..limits import limits
from .pages import refused


@require_safe
@never_cache
def room(request: HttpRequest, room_id: str, form: str) -> HttpResponse:
    visitor = access.visitor_of_request(request)
    member = access.member_of(visitor, room_id) if visitor.known else None
    if member is None:
        raise Http404
    try:
        limits.spend("CHATLAB_RATE_REQUESTS", visitor.name, "requests")
    except RoomError as refusal:
        return refused(request, refusal)
    return export.download(member.room, form)
