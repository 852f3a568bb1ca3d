"""The page with several tabs of one room, side by side, and the troubles that can be made for them."""

from __future__ import annotations

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_POST

from .. import access, providers
from ..errors import RoomError
from ..models import Generation
from ..worker import worker
from .pages import create_room, member_or_404, one_door, refused, room_body

ROOM = "demo_room"  # the session's key for the room of this page
TABS_MOST = 4


@one_door
@never_cache
@ensure_csrf_cookie
def page(request: HttpRequest) -> HttpResponse:
    """On a room of this visitor's own, or on `?room=`; `?tabs=` says how many."""
    if request.method == "POST":
        try:
            joined = create_room(request, _("Two tabs, one wire"))
        except RoomError as refusal:
            return refused(request, refusal)
        request.session[ROOM] = joined.room.pk
        return redirect("sync_demo")
    room_id = request.GET.get("room", "").replace("\0", "") or request.session.get(ROOM)
    visitor = access.visitor_of_request(request)
    member = access.member_of(visitor, room_id) if room_id else None
    wanted = request.GET.get("tabs", "")
    tabs = int(wanted) if wanted.isascii() and wanted.isdigit() and len(wanted) < 3 else 2
    tabs = min(max(tabs, 2), TABS_MOST)
    context = {
        "room": member and room_body(member.room),
        "model": providers.describe(),
        "tabs": range(1, tabs + 1),
        "more": tabs + 1 if tabs < TABS_MOST else None,
        "lease": round(settings.CHATLAB_LEASE),
    }
    return render(request, "rooms/sync.html", context)


@require_POST
def kill(request: HttpRequest, room_id: str) -> HttpResponse:
    """What writes answers in a room dies as a killed process does: no end, and its lease is not given back.

    Only for the demo model, which goes on and can be read on, and only what this very process writes.
    """
    member_or_404(request, room_id)
    if not providers.describe()["demo"]:
        raise Http404
    streaming = Generation.objects.filter(room=room_id, status=Generation.Status.STREAMING)
    killed = sum(worker.kill(generation) for generation in streaming.values_list("pk", flat=True))
    return JsonResponse({"n": killed, "lease": round(settings.CHATLAB_LEASE)})
