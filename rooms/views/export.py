"""A room as a download, for its members."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from .. import export
from ..errors import RoomError
from ..limits import limits
from .pages import member_or_404, refused


@require_safe
@never_cache
def room(request: HttpRequest, room_id: str, form: str) -> HttpResponse:
    visitor, member = member_or_404(request, room_id)
    try:
        limits.spend("CHATLAB_RATE_REQUESTS", visitor.name, "requests")
    except RoomError as refusal:
        return refused(request, refusal)
    return export.download(member.room, form)
