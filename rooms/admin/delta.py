"""Deltas: the log itself, newest first. A million rows, so nothing on these pages may look at all of them."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.db.models.functions import Substr
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from .. import frames
from ..models import Delta
from .base import LogAdmin, link, moment, preformatted

SHOWN = 200  # characters of a payload in the list
NARROWED = ("room__id__exact", "message__id__exact", "room", "message")


@admin.register(Delta)
class DeltaAdmin(LogAdmin):
    list_display = ("place", "in_room", "of_message", "kind", "beginning", "digest", "when")
    list_select_related = ("room", "message")
    search_fields = ("message__id__exact",)
    search_help_text = _("The id of a message.")
    sortable_by = ()
    fields = ("room", "seq", "kind", "message", "at", "payload_shown", "chain", "digest")
    readonly_fields = ("payload_shown",)

    def listed(self, rows: QuerySet) -> QuerySet:
        rows = rows.defer("payload", "message__text", "message__reasoning", "room__chosen")
        return rows.annotate(start=Substr("payload", 1, SHOWN))

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        """Within one room or message along its index; else by age."""
        return ("-seq",) if self._narrowed(request) else ("-id",)

    def get_list_filter(self, request: HttpRequest) -> tuple[str, ...]:
        """Kinds have no index: they can be chosen only among the deltas of one room or message."""
        return ("kind",) if self._narrowed(request) else ()

    def view_on_site(self, row: Delta) -> str:
        return (row.message or row.room).get_absolute_url()

    @staticmethod
    def _narrowed(request: HttpRequest) -> bool:
        return any(name in request.GET for name in NARROWED)

    @admin.display(description=_("sequence"))
    def place(self, row: Delta) -> str:
        return f"#{row.seq}"

    @admin.display(description=_("room"))
    def in_room(self, row: Delta) -> SafeString | str:
        return link(row.room)

    @admin.display(description=_("message"))
    def of_message(self, row: Delta) -> SafeString | str:
        return link(row.message)

    @admin.display(description=_("payload"))
    def beginning(self, row: Delta) -> SafeString:
        """What an `appended` row adds, with its white space; of the others and of long ones, the stored beginning."""
        whole = len(row.start) < SHOWN
        if whole and row.kind == Delta.Kind.APPENDED:
            return format_html('<q class="chatlab-piece" dir="auto">{}</q>', frames.appended_text(row.start)[1])
        return format_html("<code>{}</code>", row.start if whole else f"{row.start}…")

    @admin.display(description=_("at"))
    def when(self, row: Delta) -> SafeString:
        return moment(row.at)

    @admin.display(description=_("payload"))
    def payload_shown(self, row: Delta) -> SafeString | str:
        return preformatted(row.payload)
