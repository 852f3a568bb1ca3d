"""What a load balancer asks a process."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from .. import broadcast, database
from ..delivery.hub import hub
from ..version import VERSION

READY_WITHIN = 1.0  # seconds that the database and the channel layer each get


@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """The process answers, and says which version it is."""
    return HttpResponse(f"ok\nversion: {VERSION}\n", content_type="text/plain")


async def readyz(request: HttpRequest) -> HttpResponse:
    """Whether this process should be sent visitors: it is not draining, and the database and the layer answer."""
    found = {
        "serving": not hub.draining,
        "database": await database.is_reachable(READY_WITHIN),
        "channel layer": await broadcast.is_reachable(READY_WITHIN),
    }
    lines = "".join(f"{name}: {'ok' if ok else 'no'}\n" for name, ok in found.items())
    return HttpResponse(lines, status=200 if all(found.values()) else 503, content_type="text/plain")
