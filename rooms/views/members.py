"""Who is in a room. Its owner can lock it here, send somebody away and let them back; anybody can leave."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_POST

from .. import actions, frames
from ..errors import BadFrame, RoomError
from ..models import Member
from .pages import member_or_404, one_door, refused, room_body

SHOWN = 500  # the newest members


@one_door
@never_cache
@ensure_csrf_cookie
def of_room(request: HttpRequest, room_id: str) -> HttpResponse:
    _, me = member_or_404(request, room_id)
    if request.method == "POST":
        changes = {
            "lock": lambda: actions.change_room(me.pk, room_id, frames.ChangeRoom(locked=True)),
            "unlock": lambda: actions.change_room(me.pk, room_id, frames.ChangeRoom(locked=False)),
            "leave": lambda: actions.leave(me.pk, room_id),
        }
        return _do(request, changes, "index" if request.POST.get("verb") == "leave" else "room_members", room_id)
    rows = Member.objects.filter(room=room_id).order_by("-joined_at", "pk")
    owner = me.role == Member.Role.OWNER
    context = {
        "room": room_body(me.room),
        "locked": me.room.locked,
        "me": me,
        "owner": owner,
        "members": rows.exclude(role=Member.Role.LEFT)[:SHOWN],
        "removed": rows.filter(removed=True)[:SHOWN] if owner else [],
        "heir": actions.heir_of(room_id, me.pk) if owner else None,
        "last": not actions.people_of(room_id).exclude(pk=me.pk).exists(),
    }
    return render(request, "rooms/members.html", context)


@require_POST
def of_member(request: HttpRequest, room_id: str, member_id: str) -> HttpResponse:
    _, me = member_or_404(request, room_id)
    changes = {
        "remove": lambda: actions.remove(me.pk, room_id, member_id),
        "readmit": lambda: actions.readmit(me.pk, room_id, member_id),
    }
    return _do(request, changes, "room_members", room_id)


def _do(request: HttpRequest, changes: dict, then: str, room_id: str) -> HttpResponse:
    try:
        if (change := changes.get(request.POST.get("verb"))) is None:
            raise BadFrame("The server does not know this button.")
        actions.commit_now(change())
    except RoomError as refusal:
        return refused(request, refusal)
    return redirect(then) if then == "index" else redirect(then, room_id)
