"""Pages while the database is away. (The API and the sockets say so in their own words.)"""

from __future__ import annotations

import logging

from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils.deprecation import MiddlewareMixin
from django.utils.translation import gettext as _

from .database import CONNECTION_ERRORS
from .errors import Unavailable

logger = logging.getLogger(__name__)

RETRY_AFTER = 5  # seconds


class DatabaseAway(MiddlewareMixin):
    """A page that needs a database that is away, full or out of connections is a 503, and one line in the log."""

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if not isinstance(exception, CONNECTION_ERRORS):
            return None
        logger.warning("%s %s: the database is not reachable: %s", request.method, request.path, exception)
        context = {
            "code": Unavailable.code,
            "detail": _("The database is not reachable. Try again."),
            "back": request.get_full_path(),
        }
        # Without the request: who is asking stands in the database.
        page = render_to_string("rooms/refused.html", context)
        return HttpResponse(page, status=Unavailable.http_status, headers={"Retry-After": str(RETRY_AFTER)})
