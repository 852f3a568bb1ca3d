"""What all pages of the log share: read-only, a count with an end, links and status badges."""

from __future__ import annotations

from datetime import datetime
from functools import cached_property
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.contrib.admin.utils import quote
from django.core.paginator import Paginator
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.formats import number_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timezone import localtime


class CappedPaginator(Paginator):
    """Counts no further than CAP: the exact number of a million deltas costs a scan on every page."""

    CAP = 10_000

    @cached_property
    def _counted(self) -> int:
        return self.object_list.order_by().values("pk")[: self.CAP + 1].count()

    @property
    def count(self) -> int:
        return min(self._counted, self.CAP)

    @property
    def capped(self) -> bool:
        return self._counted > self.CAP


class LogAdmin(admin.ModelAdmin):
    """A row of the log, or one that belongs to it: staff with the view permission may look at it."""

    paginator = CappedPaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    list_per_page = 50
    list_max_show_all = 200
    actions = None

    class Media:
        css = {"all": ["rooms/admin.css"]}

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        rows = super().get_queryset(request)
        match = request.resolver_match
        return self.listed(rows) if match and (match.url_name or "").endswith("_changelist") else rows

    def listed(self, rows: QuerySet) -> QuerySet:
        """The rows of the list page: what its columns need, and no long texts."""
        return rows


def page_of(row: Model) -> str:
    meta = row._meta
    return reverse(f"admin:{meta.app_label}_{meta.model_name}_change", args=[quote(row.pk)])


def link(row: Model | None, label: object = None) -> SafeString | str:
    if row is None:
        return "–"
    return format_html('<a href="{}">{}</a>', page_of(row), str(row) if label is None else label)


def list_link(model: type[Model], label: object, **where: object) -> SafeString:
    """A link to the rows of `model` for which `where` holds."""
    url = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    return format_html('<a href="{}?{}">{}</a>', url, urlencode(where), label)


def badge(status: str, label: object) -> SafeString:
    return format_html('<span class="chatlab-badge chatlab-{}">{}</span>', status, label)


def preformatted(text: str) -> SafeString | str:
    return format_html('<pre class="chatlab-text" dir="auto">{}</pre>', text) if text else "–"


def moment(at: datetime | None) -> SafeString | str:
    """A point in time as the log has it: short, and with the milliseconds that tell rows apart."""
    if at is None:
        return "–"
    day, time = f"{localtime(at):%Y-%m-%d %H:%M:%S.%f}"[:-3].split()
    return format_html('<span class="chatlab-moment">{}</span> <span class="chatlab-moment">{}</span>', day, time)


def seconds(start: Any, end: Any) -> str:
    return f"{number_format((end - start).total_seconds(), 2)} s" if start and end else "–"


def number(value: int) -> str:
    """With its thousands apart, as the reader's language has them."""
    return number_format(value, force_grouping=True)
