"""Read-only links: the page where a room's owner makes and revokes them, and the page that one leads to.

A link is `/shared/<id>/#<token>`. A browser keeps what stands behind the # to itself: the token is in no request line,
no log and no Referer. The page's script shows it once, in the body of a POST, and the session remembers.
"""

from __future__ import annotations

from datetime import timedelta

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_POST

from .. import access, actions, frames, log, providers
from ..errors import RoomError
from ..limits import limits
from ..models import Link, Member
from . import reasons
from .pages import for_page, member_or_404, not_on_page, one_door, page_config, refused, room_body

LASTS = {"day": timedelta(days=1), "week": timedelta(days=7), "month": timedelta(days=30), "": None}


@one_door
@never_cache
@ensure_csrf_cookie
def of_room(request: HttpRequest, room_id: str) -> HttpResponse:
    """The links of a room. A new one is shown in the answer to the POST that made it, and never again."""
    _, member = member_or_404(request, room_id)
    made = None
    if request.method == "POST":
        lasts = request.POST.get("lasts", "")
        try:
            made = actions.commit_now(actions.create_link(member.pk, room_id, LASTS.get(lasts, LASTS["week"])))
        except RoomError as refusal:
            return refused(request, refusal)
    owner = member.role == Member.Role.OWNER
    context = {
        "room": room_body(member.room),
        "invitation": request.build_absolute_uri(member.room.get_absolute_url()),
        "owner": owner,
        "locked": member.room.locked,
        "links": access.live_links().filter(room=room_id).order_by("-created_at") if owner else [],
        "made": made,
        "address": made and f"{request.build_absolute_uri(made.link.get_absolute_url())}#{made.token}",
    }
    return render(request, "rooms/links.html", context)


@require_POST
def revoke(request: HttpRequest, room_id: str, link_id: str) -> HttpResponse:
    _, member = member_or_404(request, room_id)
    try:
        actions.commit_now(actions.revoke_link(member.pk, room_id, link_id))
    except RoomError as refusal:
        return refused(request, refusal)
    return redirect("room_links", room_id)


@one_door
@never_cache
@ensure_csrf_cookie
def shared(request: HttpRequest, link_id: str) -> HttpResponse:
    """A room to read along in, for who has shown the token; for everybody else the page that shows it."""
    if request.method == "POST":
        try:
            shown = access.show_token(request, link_id, request.POST.get("token", "").rpartition("#")[2].strip())
        except RoomError as refusal:
            return refused(request, refusal)
        if shown:
            return redirect("link", link_id)
        return _unlisted(render(request, "rooms/link.html", {"wrong": True}, status=404))
    visitor = access.visitor_of_request(request)
    link = access.link_of(visitor, link_id)
    if link is None:  # also where there is no such link: an id tells nothing
        return _unlisted(render(request, "rooms/link.html", {"wrong": False}))
    try:
        limits.spend("CHATLAB_RATE_REQUESTS", visitor.name, "requests")
    except RoomError as refusal:
        return refused(request, refusal)
    return _unlisted(render(request, "rooms/shared.html", _reading(link)))


def _reading(link: Link) -> dict:
    snapshot = frames.snapshot_for_reader(log.snapshot(link.room_id), link.pk, log.authors(link.room_id))
    nobody = {"id": "", "name": "", "role": frames.READER, "color": 1}
    return {
        "room": {"id": link.pk, "title": link.room.title or _("New room"), "url": link.get_absolute_url()},
        "snapshot": snapshot,
        "messages": for_page(snapshot, ""),
        "rendered": not_on_page(snapshot),
        "config": page_config(f"shared/{link.pk}", nobody, snapshot),
        "model": providers.describe(),
        "reasons": reasons.words(),
        "expires_at": link.expires_at,
    }


def _unlisted(response: HttpResponse) -> HttpResponse:
    """No search engine keeps it."""
    response["X-Robots-Tag"] = "noindex, nofollow"
    return response
