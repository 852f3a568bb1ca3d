"""Read-only links of rooms. Deleting one revokes it."""

from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from ..models import Link
from .base import LogAdmin, link


@admin.register(Link)
class ReadOnlyLinkAdmin(LogAdmin):
    list_display = ("created_at", "in_room", "made_by", "expires_at")
    list_select_related = ("room", "member")
    ordering = ("-id",)
    sortable_by = ()
    fields = ("id", "room", "member", "created_at", "expires_at")
    actions = ()

    def has_delete_permission(self, request: HttpRequest, obj: Link | None = None) -> bool:
        return admin.ModelAdmin.has_delete_permission(self, request, obj)

    @admin.display(description=_("room"))
    def in_room(self, row: Link) -> SafeString | str:
        return link(row.room)

    @admin.display(description=_("made by"))
    def made_by(self, row: Link) -> SafeString | str:
        return link(row.member)
