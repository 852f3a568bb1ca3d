"""What staff may do to a room and to its members: what its owner may, by the same verbs, so that every tab is told.

Each asks first, is for who may change such rows, and leaves a line in the admin's history and in the server's log.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.contrib.admin.utils import quote, unquote
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import path, reverse

from ..actions import commit_now
from ..errors import RoomError
from ..log import Change
from .base import LogAdmin, page_of

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Verb:
    """`change` gets the row and what the form has sent; `said` stands in the logs, which are English."""

    label: Any
    question: Any
    said: str
    change: Callable[[Any, dict[str, str]], Change]
    fits: Callable[[Any], bool] = lambda row: True
    field: str = ""  # of the row, where it is asked for


class Governed(LogAdmin):
    verbs: dict[str, Verb] = {}

    def has_govern_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(f"rooms.change_{self.opts.model_name}")

    def get_urls(self) -> list:
        name = f"rooms_{self.opts.model_name}_do"
        view = self.admin_site.admin_view(self.do)
        return [path("<path:object_id>/do/<slug:verb>/", view, name=name), *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        row = self.get_object(request, unquote(object_id)) if self.has_govern_permission(request) else None
        fitting = {name: verb for name, verb in self.verbs.items() if row is not None and verb.fits(row)}
        tools = [{"url": self._url(row, name), "label": verb.label} for name, verb in fitting.items()]
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), "verbs": tools})

    def do(self, request: HttpRequest, object_id: str, verb: str) -> HttpResponse:
        if not self.has_govern_permission(request):
            raise PermissionDenied
        row, wanted = self.get_object(request, unquote(object_id)), self.verbs.get(verb)
        if row is None or wanted is None:
            raise Http404
        if request.method == "POST":
            self._carry_out(request, row, wanted)
            return redirect(page_of(row))
        context = {"title": wanted.label, "row": row, "verb": wanted, "back": page_of(row), "opts": self.opts}
        if wanted.field:
            context["value"] = getattr(row, wanted.field)
        return TemplateResponse(
            request, "admin/rooms/confirm.html", {**self.admin_site.each_context(request), **context}
        )

    def _carry_out(self, request: HttpRequest, row: Model, verb: Verb) -> None:
        try:
            commit_now(verb.change(row, request.POST.dict()))
        except RoomError as refusal:
            self.message_user(request, refusal.detail, messages.ERROR)
            return
        self.log_change(request, row, verb.said)
        logger.info("%s (staff): %s %s: %s", request.user.get_username(), self.opts.model_name, row.pk, verb.said)
        self.message_user(request, verb.label, messages.SUCCESS)

    def _url(self, row: Model, verb: str) -> str:
        return reverse(f"admin:rooms_{self.opts.model_name}_do", args=[quote(row.pk), verb])
