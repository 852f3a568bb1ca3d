"""Messages: what was said, what became of it, and whether its text is what its deltas say."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.db.models.functions import Length, Substr
from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from ..models import Delta, Generation, Message
from .base import LogAdmin, badge, link, list_link, moment, number, preformatted
from .integrity import findings


@admin.register(Message)
class MessageAdmin(LogAdmin):
    list_display = ("label", "in_room", "author", "state", "beginning", "characters", "when")
    list_select_related = ("room", "member", "generation")
    list_filter = ("role", "generation__status")
    ordering = ("-created_at",)
    sortable_by = ("when",)
    search_fields = ("id__exact", "room__id__exact")
    search_help_text = _("The id of a message or of a room.")
    fieldsets = (
        (None, {"fields": ("id", "room", "role", "author", "state", "generation_page", "created_at", "client_id")}),
        (_("Text"), {"fields": ("text_shown", "reasoning_shown")}),
        (_("Tree"), {"fields": ("parent", "children_shown")}),
        (_("Place in the log"), {"fields": ("opened_seq", "seq", "text_seq", "digest", "deltas")}),
        (_("Integrity"), {"fields": ("integrity",)}),
    )
    readonly_fields = (
        "author", "state", "generation_page", "text_shown", "reasoning_shown", "children_shown", "deltas", "integrity",
    )  # fmt: skip

    def listed(self, rows: QuerySet) -> QuerySet:
        rows = rows.defer("text", "reasoning", "room__chosen", "generation__error", "generation__usage")
        return rows.annotate(start=Substr("text", 1, 80), length=Length("text"))

    def get_search_results(self, request: HttpRequest, queryset: QuerySet, search_term: str) -> tuple[QuerySet, bool]:
        term = search_term.strip()
        return (queryset.filter(Q(pk=term) | Q(room=term)) if term else queryset), False

    @admin.display(description=_("message"))
    def label(self, row: Message) -> str:
        return str(row)

    @admin.display(description=_("room"))
    def in_room(self, row: Message) -> SafeString | str:
        return link(row.room)

    @admin.display(description=_("author"))
    def author(self, row: Message) -> SafeString | str:
        if row.role == Message.Role.USER:
            return link(row.member)
        return link(row.member, _("assistant, asked by %(name)s") % {"name": row.member.name})

    @admin.display(description=_("status"))
    def state(self, row: Message) -> SafeString:
        return badge(row.status, Generation.Status(row.status).label)

    @admin.display(description=_("text"))
    def beginning(self, row: Message) -> str:
        return row.start + ("…" if row.length > 80 else "")

    @admin.display(description=_("characters"))
    def characters(self, row: Message) -> str:
        return number(row.length)

    @admin.display(description=_("created"), ordering="created_at")
    def when(self, row: Message) -> SafeString:
        return moment(row.created_at)

    @admin.display(description=_("generation"))
    def generation_page(self, row: Message) -> SafeString | str:
        return link(row.generation) if row.role == Message.Role.ASSISTANT else "–"

    @admin.display(description=_("text"))
    def text_shown(self, row: Message) -> SafeString | str:
        return preformatted(row.text)

    @admin.display(description=_("reasoning"))
    def reasoning_shown(self, row: Message) -> SafeString | str:
        return preformatted(row.reasoning)

    @admin.display(description=_("followed by"))
    def children_shown(self, row: Message) -> SafeString | str:
        children = row.children.only("role", "opened_seq").order_by("opened_seq")[:50]
        return format_html_join(", ", "{}", [(link(child),) for child in children]) or "–"

    @admin.display(description=_("deltas"))
    def deltas(self, row: Message) -> SafeString:
        count = Delta.objects.filter(message=row.pk).count()
        return list_link(Delta, number(count), message__id__exact=row.pk)

    @admin.display(description=_("Text and log"))
    def integrity(self, row: Message) -> SafeString:
        rows = [
            (badge("agrees", "✓") if finding.holds else badge("differs", "✗"), finding.sentence)
            for finding in findings(row)
        ]
        return format_html_join("", '<p class="chatlab-finding">{} {}</p>', rows)
