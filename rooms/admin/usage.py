"""Usage: who has used how much of a real model on a day, and what is under way."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import Count, OuterRef, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from ..tallies import Booking, Usage
from .base import LogAdmin, number


@admin.register(Usage)
class UsageAdmin(LogAdmin):
    list_display = ("subject", "day", "answers", "used", "under_way", "booked")
    list_filter = ("day",)
    ordering = ("-day", "-tokens", "subject")
    sortable_by = ()
    search_fields = ("subject__exact",)
    search_help_text = _("site, room ID, user ID; addresses and guests have only a hash.")
    fields = ("subject", "day", "answers", "used", "under_way", "booked")
    readonly_fields = ("used", "under_way", "booked")

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        of_row = Booking.objects.filter(subject=OuterRef("subject"), day=OuterRef("day")).order_by().values("subject")
        return (
            super()
            .get_queryset(request)
            .annotate(
                count=Coalesce(Subquery(of_row.annotate(n=Count("pk")).values("n")), 0),
                reserved=Coalesce(Subquery(of_row.annotate(n=Sum("tokens")).values("n")), 0),
            )
        )

    @admin.display(description=_("tokens"))
    def used(self, row: Usage) -> str:
        return number(row.tokens)

    @admin.display(description=_("answers under way"))
    def under_way(self, row: Usage) -> str:
        return number(row.count)

    @admin.display(description=_("tokens booked for them"))
    def booked(self, row: Usage) -> str:
        return number(row.reserved)
