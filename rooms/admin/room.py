"""Rooms: the newest ones, their members and messages, and the way to everything else in them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce, Substr
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import path
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from .. import actions, frames
from ..export import FORMS, download
from ..log import Change
from ..models import Delta, Generation, Link, Member, Message, Room
from .base import badge, list_link, moment, number, page_of
from .governing import Governed, Verb

NEWEST = 20


def _count(model: type, **where: object) -> Coalesce:
    rows = model.objects.filter(room=OuterRef("pk"), **where).order_by().values("room")
    return Coalesce(Subquery(rows.annotate(rows=Count("pk")).values("rows")), 0)


def _locking(locked: bool) -> Callable[[Room, dict[str, str]], Change]:
    return lambda room, sent: actions.change_room(None, room.pk, frames.ChangeRoom(locked=locked))


def _rename(room: Room, sent: dict[str, str]) -> Change:
    return actions.change_room(None, room.pk, frames.ChangeRoom(title=frames.parse_title(sent) or ""))


@admin.register(Room)
class RoomAdmin(Governed):
    verbs = {
        "lock": Verb(
            _("Lock the room"),
            _("Nobody new can join it then. Who is a member goes on."),
            "Locked.",
            _locking(True),
            fits=lambda room: not room.locked,
        ),
        "unlock": Verb(
            _("Unlock the room"),
            _("Whoever has its link can join it then."),
            "Unlocked.",
            _locking(False),
            fits=lambda room: room.locked,
        ),
        "rename": Verb(
            _("Rename the room"), _("Everybody in it sees the new title at once."), "Renamed.", _rename, field="title"
        ),
    }
    change_form_template = "admin/rooms/room/change_form.html"
    list_display = ("__str__", "live", "members_shown", "messages_shown", "head", "locked", "when")
    list_filter = ("locked",)
    ordering = ("-active_at",)
    sortable_by = ("when",)
    search_fields = ("id__exact", "title__icontains")
    search_help_text = _("The id of a room, or a part of its title.")
    fieldsets = (
        (None, {"fields": ("id", "title", "model", "locked", "active_at", "created_at")}),
        (
            _("What is in it"),
            {"fields": ("members_link", "messages_link", "generations_link", "deltas_link", "links_link")},
        ),
        (_("Log"), {"fields": ("head", "chain", "floor", "floor_chain", "tip", "chosen")}),
    )
    readonly_fields = ("members_link", "messages_link", "generations_link", "deltas_link", "links_link")

    def listed(self, rows: QuerySet) -> QuerySet:
        is_open = Generation.objects.filter(room=OuterRef("pk"), status__in=Generation.OPEN)
        return rows.defer("chosen").annotate(
            members_count=_count(Member), messages_count=_count(Message), is_live=Exists(is_open)
        )

    def get_search_results(self, request: HttpRequest, queryset: QuerySet, search_term: str) -> tuple[QuerySet, bool]:
        term = search_term.strip()
        return (queryset.filter(Q(pk=term) | Q(title__icontains=term)) if term else queryset), False

    def get_urls(self) -> list:
        export = self.admin_site.admin_view(self.export)
        return [path("<path:object_id>/export.<slug:form>", export, name="rooms_room_export"), *super().get_urls()]

    def export(self, request: HttpRequest, object_id: str, form: str) -> HttpResponse:
        room = self.get_object(request, unquote(object_id))
        if not self.has_view_permission(request, room):
            raise PermissionDenied
        if room is None or form not in FORMS:
            raise Http404
        return download(room, form)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        context = {**(extra_context or {}), "newest": _newest(object_id), "newest_most": NEWEST}
        return super().change_view(request, object_id, form_url, context)

    @admin.display(description=_("live"))
    def live(self, row: Room) -> SafeString | str:
        return badge("streaming", _("live")) if row.is_live else ""

    @admin.display(description=_("last active"), ordering="active_at")
    def when(self, row: Room) -> SafeString:
        return moment(row.active_at)

    @admin.display(description=_("members"))
    def members_shown(self, row: Room) -> SafeString:
        return list_link(Member, row.members_count, room__id__exact=row.pk)

    @admin.display(description=_("messages"))
    def messages_shown(self, row: Room) -> SafeString:
        return list_link(Message, row.messages_count, room__id__exact=row.pk)

    @admin.display(description=_("members"))
    def members_link(self, row: Room) -> SafeString:
        return list_link(Member, row.members.count(), room__id__exact=row.pk)

    @admin.display(description=_("messages"))
    def messages_link(self, row: Room) -> SafeString:
        return list_link(Message, row.messages.count(), room__id__exact=row.pk)

    @admin.display(description=_("generations"))
    def generations_link(self, row: Room) -> SafeString:
        return list_link(Generation, row.generations.count(), room__id__exact=row.pk)

    @admin.display(description=_("read-only links"))
    def links_link(self, row: Room) -> SafeString:
        return list_link(Link, row.links.count(), room__id__exact=row.pk)

    @admin.display(description=_("deltas"))
    def deltas_link(self, row: Room) -> SafeString:
        return list_link(Delta, number(row.head - row.floor + 1), room__id__exact=row.pk)


def _newest(quoted_id: str) -> list[dict[str, Any]]:
    """The newest messages of a room, for its page; without their whole texts."""
    rows = Message.objects.filter(room=unquote(quoted_id)).select_related("member", "generation")
    rows = rows.defer("text", "reasoning", "generation__error").annotate(start=Substr("text", 1, 120))
    return [
        {
            "url": page_of(row),
            "label": str(row),
            "author": row.member.name if row.role == Message.Role.USER else row.get_role_display(),
            "status": badge(row.status, Generation.Status(row.status).label),
            "start": row.start,
            "at": moment(row.created_at),
        }
        for row in rows.order_by("-opened_seq")[:NEWEST]
    ]
