"""Where the reader's clock stands: a page's script says so in a cookie (static/rooms/times.js), UTC until then."""

from __future__ import annotations

from datetime import UTC, tzinfo
from zoneinfo import ZoneInfo

from django.http import HttpRequest

COOKIE = "chatlab_zone"


def zone_of(request: HttpRequest) -> tzinfo:
    try:
        return ZoneInfo(request.COOKIES[COOKIE])
    except (KeyError, ValueError, OSError):  # none, no name of a zone, or the name of a folder
        return UTC
