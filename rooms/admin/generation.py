"""Generations: who writes an answer, by which right, how long it took and how it ended."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from ..models import Delta, Generation
from .base import LogAdmin, badge, link, list_link, moment, number, preformatted, seconds


@admin.register(Generation)
class GenerationAdmin(LogAdmin):
    list_display = ("number", "of_message", "in_room", "state", "model", "failure_code", "waited", "took", "when")
    list_select_related = ("room", "message")
    list_filter = ("status",)
    ordering = ("-id",)
    sortable_by = ()
    search_fields = ("message__id__exact", "room__id__exact")
    search_help_text = _("The id of a message or of a room.")
    fieldsets = (
        (None, {"fields": ("message", "room", "state", "model", "continues", "waits_for", "deltas")}),
        (_("Lease"), {"fields": ("lease", "fence", "holder", "lease_until")}),
        (_("Times"), {"fields": ("when", "started", "closed", "waited", "took")}),
        (_("End"), {"fields": ("failure_code", "failure_detail", "closed_by", "usage", "error_shown")}),
        (_("Provider"), {"fields": ("response_id", "context_seq")}),
    )
    readonly_fields = ("state", "deltas", "lease", "when", "started", "closed", "waited", "took", "error_shown")

    def listed(self, rows: QuerySet) -> QuerySet:
        return rows.defer("error", "usage", "message__text", "message__reasoning", "room__chosen")

    def get_search_results(self, request: HttpRequest, queryset: QuerySet, search_term: str) -> tuple[QuerySet, bool]:
        term = search_term.strip()
        return (queryset.filter(Q(message=term) | Q(room=term)) if term else queryset), False

    def view_on_site(self, row: Generation) -> str:
        return row.message.get_absolute_url()

    @admin.display(description=_("generation"))
    def number(self, row: Generation) -> str:
        return str(row.pk)

    @admin.display(description=_("message"))
    def of_message(self, row: Generation) -> SafeString | str:
        return link(row.message)

    @admin.display(description=_("room"))
    def in_room(self, row: Generation) -> SafeString | str:
        return link(row.room)

    @admin.display(description=_("status"))
    def state(self, row: Generation) -> SafeString:
        return badge(row.status, row.get_status_display())

    @admin.display(description=_("deltas"))
    def deltas(self, row: Generation) -> SafeString:
        count = Delta.objects.filter(message=row.message_id).count()
        return list_link(Delta, number(count), message__id__exact=row.message_id)

    @admin.display(description=_("right to write"))
    def lease(self, row: Generation) -> SafeString | str:
        if row.status not in Generation.OPEN or row.lease_until is None:
            return "–"
        left = (row.lease_until - timezone.now()).total_seconds()
        held = _("held, %(left)s s left") if left > 0 else _("expired %(left)s s ago")
        return badge("held" if left > 0 else "expired", held % {"left": number_format(abs(left), 1)})

    @admin.display(description=_("queued"))
    def when(self, row: Generation) -> SafeString:
        return moment(row.queued_at)

    @admin.display(description=_("started"))
    def started(self, row: Generation) -> SafeString | str:
        return moment(row.started_at)

    @admin.display(description=_("closed"))
    def closed(self, row: Generation) -> SafeString | str:
        return moment(row.closed_at)

    @admin.display(description=_("waited"))
    def waited(self, row: Generation) -> str:
        return seconds(row.queued_at, row.started_at)

    @admin.display(description=_("took"))
    def took(self, row: Generation) -> str:
        return seconds(row.started_at, row.closed_at)

    @admin.display(description=_("provider's error"))
    def error_shown(self, row: Generation) -> SafeString | str:
        return preformatted(row.error)
