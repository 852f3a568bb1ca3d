"""Pages for whoever meets something in front of this process that is in the way (`rooms.front`), and the door where a
page asks what it is.
"""

from __future__ import annotations

import json

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.utils import translation
from django.views import csrf
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from .. import front, origin
from . import reasons
from .theme import theme

ORIGIN_MAX = 300


def obstacle(request: HttpRequest) -> dict[str, str]:
    """For templates: what works all the same, and should be mended by whoever sees this site first."""
    hidden = not request.is_secure() and front.seen_lately(front.HTTPS)
    return {"obstacle": reasons.of_obstacle(front.HTTPS) if hidden else ""}


def page(request: HttpRequest, cause: str, status: int, **seen: object) -> HttpResponse:
    """Not for a request that has come through all middleware: it may know neither language nor session."""
    front.note(cause, **seen)
    with translation.override(translation.get_language_from_request(request)):
        context = {"detail": reasons.of_obstacle(cause), "remedy": front.CAUSES[cause].remedy, "status": status}
        response = HttpResponse(render_to_string("rooms/front.html", theme(request) | context), status=status)
    response["Cache-Control"] = "no-store"
    return response


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """A form that was too old; or one of ours, whose origin a proxy has hidden."""
    cause, sent = origin.obstacle_of_form(request), request.headers.get("Origin", "")
    if cause is None:
        return csrf.csrf_failure(request, reason)
    return page(request, cause, 403, origin=sent, host=request.get_host())


@csrf_exempt
@require_POST
def reach(request: HttpRequest) -> HttpResponse:
    """`POST /api/reach` {"origin"}: asked by a page that is answered here, and whose sockets do not open."""
    try:
        shown = str(json.loads(request.body)["origin"])[:ORIGIN_MAX]
    except (ValueError, TypeError, KeyError, RecursionError):
        shown = ""
    cause = origin.foreign_to(shown, request)
    if cause is None and "Origin" not in request.headers:
        cause = front.ORIGIN
    # Its own handshake was a moment ago, if it has come as far as here.
    cause = cause or front.seen_lately(front.PROTOCOL, front.ORIGIN, front.UPGRADE) or front.UPGRADE
    front.note(cause, origin=shown, host=request.get_host())
    return JsonResponse({"code": cause, "detail": front.CAUSES[cause].sentence})


@csrf_exempt
def no_upgrade(request: HttpRequest, rest: str) -> HttpResponse:
    """A socket's address, asked for as a page is: by somebody, or by a proxy that has made one of a handshake."""
    if "Sec-WebSocket-Key" in request.headers or "Sec-WebSocket-Version" in request.headers:
        front.note(front.UPGRADE, host=request.get_host())
    return HttpResponse("WebSockets only.\n", status=426, content_type="text/plain", headers={"Upgrade": "websocket"})
