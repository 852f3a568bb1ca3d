"""Pages, rendered on the server: a member's room has its history in the HTML and its snapshot as JSON beside it."""

from __future__ import annotations

import re
import secrets
from datetime import date, datetime, tzinfo
from math import ceil

from csp.decorators import csp_update
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_POST, require_safe

from .. import access, actions, addresses, frames, log, providers, rendering, search, spending
from ..errors import NotAllowed, RoomError
from ..fold import shown, versions, waits
from ..limits import limits
from ..models import Generation, Member, Room
from ..text import is_long, utf16_from
from ..version import VERSION
from . import reasons
from .back import back
from .notes import note_of, progress_of
from .zone import zone_of

ABOVE = 6  # rooms of the list that are seen above the one that is open

# Scripts make HTML by one door only (static/rooms/html.js). Not for the admin, whose own scripts have others.
one_door = csp_update({"require-trusted-types-for": ["'script'"], "trusted-types": ["chatlab"]})


@one_door
@require_safe
@never_cache
@ensure_csrf_cookie
def index(request: HttpRequest) -> HttpResponse:
    visitor = access.visitor_of_request(request)
    context = {"rooms": search.counted_rooms(visitor), "model": providers.describe()}
    return render(request, "rooms/index.html", context | {"may_come_in": access.may_come_in(request)})


@require_POST
def create(request: HttpRequest) -> HttpResponse:
    try:
        joined = create_room(request, request.POST.get("title", ""))
    except RoomError as refusal:
        return refused(request, refusal)
    return redirect(joined.room)


@one_door
@require_safe
@never_cache
@ensure_csrf_cookie
def room(request: HttpRequest, room_id: str) -> HttpResponse:
    visitor = access.visitor_of_request(request)
    member = access.member_of(visitor, room_id)
    if member is None:
        found = Room.objects.filter(pk=room_id).first()
        if found is None:
            raise Http404
        context = {
            "room_id": room_id,
            "locked": found.locked,
            "removed": access.was_removed(visitor, room_id),
            "may_come_in": access.may_come_in(request),
            "name": visitor.called or request.user.get_username(),
        }
        return render(request, "rooms/join.html", context)
    try:
        limits.spend("CHATLAB_RATE_REQUESTS", visitor.name, "requests")
    except RoomError as refusal:
        return refused(request, refusal)
    return render(request, "rooms/room.html", _room_context(request, visitor, member))


@require_POST
def join(request: HttpRequest, room_id: str) -> HttpResponse:
    try:
        name = frames.parse_name({"name": request.POST.get("name", "")})
        visitor = access.ensure_guest(request)
        limits.spend("CHATLAB_RATE_JOINS", visitor.name, "attempts to join")
        joined = actions.commit_now(actions.join(visitor, room_id, name))
        if name and not visitor.token:
            access.keep_name(request, name)
    except NotAllowed:
        return redirect("room", room_id)  # its page says why
    except RoomError as refusal:
        return refused(request, refusal)
    return redirect(joined.room)


@require_POST
def post(request: HttpRequest, room_id: str) -> HttpResponse:
    """The way of a browser without JavaScript."""
    visitor, member = member_or_404(request, room_id)
    body = {
        "text": request.POST.get("text", ""),
        "client_id": request.POST.get("client_id") or secrets.token_urlsafe(12),
    }
    try:
        limits.spend("CHATLAB_RATE_POSTS", visitor.name, "messages")
        frame = frames.parse_post(body, settings.CHATLAB_TEXT_MAX)
        asked = actions.commit_now(actions.post(member.pk, room_id, frame, addresses.of_request(request)))
    except RoomError as refusal:
        return refused(request, refusal, kept=body["text"])
    return redirect(f"{reverse('room', args=[room_id])}#m-{asked.answer}")


def member_or_404(request: HttpRequest, room_id: str) -> tuple[access.Visitor, Member]:
    visitor = access.visitor_of_request(request)
    member = access.member_of(visitor, room_id)
    if member is None:
        raise Http404
    return visitor, member


def create_room(request: HttpRequest, title: str) -> actions.Joined:
    title = frames.parse_title({"title": title}) or ""
    visitor = access.ensure_guest(request)
    limits.spend("CHATLAB_RATE_ROOMS", visitor.name, "new rooms")
    return actions.commit_now(actions.create_room(visitor, title))


def _room_context(request: HttpRequest, visitor: access.Visitor, member: Member) -> dict:
    snapshot = log.snapshot(member.room_id)
    model = providers.describe()
    tab = request.GET.get("tab", "")
    tab = tab if re.fullmatch(r"[A-Za-z0-9]{1,8}", tab) else ""
    me = {"id": member.pk, "name": member.name, "role": member.role, "color": member.color}
    if refusal := spending.refusal_of(member):
        refusal, me["may_ask"] = _(refusal), False
    return {
        "room": room_body(member.room),
        "rooms": [] if tab else _list_of(_listed(visitor, member.room), member.room, zone_of(request)),
        "me": me,
        "snapshot": snapshot,
        "messages": for_page(snapshot, member.pk),
        "rendered": not_on_page(snapshot),
        "config": page_config(f"rooms/{member.room_id}", me, snapshot) | {"tab": tab},
        "model": model,
        "reasons": reasons.words() | ({"refusal.not_allowed": refusal} if refusal else {}),
        "may_not_ask": refusal,
        "tab": tab,
        "framed": bool(tab),
    }


def page_config(place: str, me: dict, snapshot: dict) -> dict:
    """What the page's script needs to know. `place` is the path of the room, or of the link, below /ws/ and /api/."""
    model = providers.describe()
    return {
        "room": snapshot["room"]["id"],
        "me": me,
        "socket": f"{settings.CHATLAB_PATH}/ws/{place}/",
        "api": f"{settings.CHATLAB_PATH}/api/{place}",
        "cursor": snapshot["cursor"],
        "limits": {
            "text": settings.CHATLAB_TEXT_MAX,
            "frame": settings.CHATLAB_FRAME_MAX,
            "window": settings.CHATLAB_WINDOW,
        },
        "heartbeat": settings.CHATLAB_HEARTBEAT,
        "version": VERSION,
        "model": {"name": model["name"], "demo": model["demo"]},
        "tab": "",
    }


def for_page(snapshot: dict, me: str) -> list[dict]:
    """The branch that everybody is shown, with what a template needs to know of each message."""
    messages = shown(snapshot)
    return [
        _message(message, parts, snapshot["members"], me, versions(snapshot, message), waits(snapshot, message))
        for message, parts in zip(messages, rendering.parts_of(messages), strict=True)
    ]


def not_on_page(snapshot: dict) -> list[dict]:
    """What is rendered of the messages of other branches, for when one of them is chosen."""
    on_page = {message["id"] for message in shown(snapshot)}
    others = [message for message in snapshot["messages"] if message["id"] not in on_page]
    bodies = rendering.bodies_of(others)
    return bodies["rendered"] + bodies["rendered_parts"]


def _message(
    message: dict, parts: dict[str, rendering.Part], members: dict, me: str, versions: list[str], waiting: bool
) -> dict:
    author = members.get(message["author"], {})
    return message | {
        "drawn": {name: _drawn(message.get(name, ""), part) for name, part in parts.items()},
        "author_name": author.get("name", ""),
        "author_color": author.get("color", 1),
        "mine": message["author"] == me,
        "long": message["role"] == "user" and is_long(message["text"]),
        "time": datetime.fromisoformat(message["at"]),
        "note": note_of(message, me, members),
        "only_thought": message["status"] not in Generation.OPEN and not message["text"].strip(),
        "waits": waiting,
        "progress": progress_of(message, waiting),
        "versions": versions,
        "version": versions.index(message["id"]) + 1,
    }


def _drawn(text: str, part: rendering.Part) -> dict:
    return {"html": part.html, "end": str(part.end), "unfinished": utf16_from(text, part.end)}


def room_body(found: Room) -> dict:
    return {"id": found.pk, "title": str(found), "url": found.get_absolute_url()}


def _listed(visitor: access.Visitor, current: Room) -> list[Room]:
    """The newest rooms of a visitor; the one that is open is among them, however old it is."""
    rooms = search.newest_rooms(visitor)
    if current not in rooms:
        rooms += search.rooms_of(visitor).filter(pk=current.pk)
    return rooms


def _list_of(rooms: list[Room], current: Room, zone: tzinfo) -> list[dict]:
    """As templates show them: each with the day that it stands under, by the reader's calendar."""
    today = timezone.localdate(timezone=zone)
    top = next((at for at, room in enumerate(rooms) if room == current), 0) - ABOVE
    return [
        room_body(room)
        | {"live": room.live, "group": _day(timezone.localdate(room.active_at, zone), today), "top": at == top > 0}
        for at, room in enumerate(rooms)
    ]


def _day(day: date, today: date) -> str:
    age = (today - day).days
    if age <= 0:
        return _("Today")
    return _("Yesterday") if age == 1 else _("Previous 7 days") if age <= 7 else _("Earlier")


def refused(request: HttpRequest, refusal: RoomError, kept: str = "") -> HttpResponse:
    """`kept`: what its writer would otherwise lose."""
    context = {"detail": reasons.of_refusal(refusal), "status": refusal.http_status, "kept": kept}
    response = render(request, "rooms/refused.html", context | {"back": back(request)}, status=refusal.http_status)
    if refusal.retry_after is not None:
        response["Retry-After"] = str(max(1, ceil(refusal.retry_after)))
    return response
