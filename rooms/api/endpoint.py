"""What every request to the API goes through: its method, CSRF, and refusals as problem documents."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import wraps

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.middleware.csrf import CsrfViewMiddleware
from django.views.decorators.csrf import csrf_exempt

from .. import access, front, origin, requests
from ..database import CONNECTION_ERRORS
from ..errors import RoomError

logger = logging.getLogger(__name__)


def endpoint(*methods: str) -> Callable:
    """Method, CSRF (not for bearer tokens), and every refusal as a problem document."""

    def decorate(view: Callable[..., dict | HttpResponse]) -> Callable:
        @wraps(view)
        def answer(request: HttpRequest, **kwargs) -> HttpResponse:
            if request.method not in methods and not (request.method == "HEAD" and "GET" in methods):
                refused = problem(405, "not_allowed", f"Use {' or '.join(methods)} here.")
                refused["Allow"] = ", ".join(methods)
                return refused
            # A bearer token is not sent by itself, and where there is one the cookie does not count. Any other
            # Authorization header is: a browser sends `Basic` to whoever asked for it, from any site.
            bearer = access.bearer_digest(request.headers.get("Authorization", ""))
            if bearer is None and (failed := _CSRF.process_view(request, None, (), {})):
                return problem(failed.status_code, "not_allowed", _why_refused(request))
            try:
                return view(request, **kwargs)
            except RoomError as refusal:
                return problem(refusal.http_status, refusal.code, refusal.detail, refusal.retry_after)
            except CONNECTION_ERRORS as error:
                logger.warning("the database is not reachable: %s", error)
                return problem(503, "unavailable", "The database is not reachable. Try again.", 5)

        return csrf_exempt(answer)

    return decorate


def _why_refused(request: HttpRequest) -> str:
    cause = origin.obstacle_of_form(request)
    if cause is None:
        return "The CSRF token is missing or wrong (X-CSRFToken)."
    front.note(cause, origin=request.headers.get("Origin", ""), host=request.get_host())
    return front.CAUSES[cause].sentence


class _Csrf(CsrfViewMiddleware):
    def _reject(self, request: HttpRequest, reason: str) -> HttpResponse:
        return HttpResponse(reason, status=403)


_CSRF = _Csrf(lambda request: HttpResponse())


def problem(status: int, code: str, detail: str, retry_after: float | None = None) -> JsonResponse:
    body = requests.problem(status, code, detail)
    if retry_after is not None:
        body["retry_after"] = round(retry_after, 1)
    response = JsonResponse(body, status=status, content_type=requests.PROBLEM)
    if retry_after is not None:
        response["Retry-After"] = str(max(1, round(retry_after)))
    logger.info("refused [%s] %s: %s", body["request_id"], code, detail)
    return response
