"""What holds for every request: whose it is, whether a page of ours has sent it, and what is said while the database is
away. (The API and the sockets say that in their own words.)
"""

from __future__ import annotations

import logging
import secrets
import sys

from django.conf import settings
from django.contrib.sessions import middleware as sessions
from django.contrib.sessions.exceptions import SessionInterrupted
from django.core.exceptions import BadRequest, DisallowedHost, RequestDataTooBig, SuspiciousOperation
from django.core.signals import got_request_exception
from django.dispatch import receiver
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseNotFound
from django.http.multipartparser import MultiPartParserError
from django.http.request import UnreadablePostError
from django.middleware.gzip import GZipMiddleware
from django.middleware.security import SecurityMiddleware
from django.template.loader import render_to_string
from django.utils.deprecation import MiddlewareMixin
from django.utils.translation import gettext as _
from django.views.defaults import page_not_found

from . import access, front, origin
from .database import CONNECTION_ERRORS
from .errors import RoomError, Unavailable
from .views import broken
from .views import front as pages
from .views.pages import refused

logger = logging.getLogger(__name__)

PROBES = ("/healthz", "/readyz")
HTTPS_SEEN = "chatlab_https"
RETRY_AFTER = 5  # seconds


class Front(SecurityMiddleware):
    """Outermost: what a proxy has done to a request is found out before anything stumbles over it."""

    def process_request(self, request: HttpRequest) -> HttpResponse | None:
        if request.path_info.removeprefix(settings.CHATLAB_PATH) in PROBES:
            # Of a balancer, which comes by address and by http: neither its name nor a redirect says how we are.
            request.get_host = lambda: "probe"
            return None
        try:
            host = request.get_host()
        except DisallowedHost:
            return pages.page(request, front.NAME, 400, host=request.META.get("HTTP_HOST", ""))
        if not settings.CHATLAB_COOKIE_PORT:
            # Some proxies name the port that need not be named, and browsers do not: their Origin would be another.
            request.META["HTTP_HOST"] = host.removesuffix(":443" if request.is_secure() else ":80")
        if not settings.HTTPS and origin.is_by_https(request):
            front.note(front.HTTPS, host=host)
        redirect = super().process_request(request)
        if redirect is None:
            return None
        if HTTPS_SEEN in request.COOKIES:
            return pages.page(request, front.SCHEME, 400, host=host)
        # Kept, and sent back, by https alone: with it a request that seems to be http is none.
        path = settings.SESSION_COOKIE_PATH
        redirect.set_cookie(HTTPS_SEEN, "1", max_age=60, path=path, secure=True, httponly=True, samesite="Lax")
        return redirect


@receiver(got_request_exception)
def say_it(request: HttpRequest, **kwargs: object) -> None:
    """Whatever DEBUG is, and also where the page that says so has failed: of that Django itself says nothing."""
    logger.error("%s %s failed", request.method, ascii(request.path), exc_info=sys.exc_info())


class Compressed(GZipMiddleware):
    """A page of long answers repeats itself. Its secrets, the tokens of its forms, are masked anew in each page, and
    Django pads what it compresses: so the size of a page tells nothing of them (BREACH). What streams is sent as it is:
    compressing it would be work of the event loop.
    """

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        return response if response.streaming else super().process_response(request, response)


class Forms(MiddlewareMixin):
    """A form that can't be read is refused here. Further in, each who looks for its token would stumble over it anew,
    the page that says so among them.
    """

    def process_request(self, request: HttpRequest) -> HttpResponse | None:
        try:
            _ = request.body, request.POST
        except (SuspiciousOperation, BadRequest, MultiPartParserError, UnreadablePostError) as error:
            request._mark_post_parse_error()
            status = 413 if isinstance(error, RequestDataTooBig) else 400
            logger.info("%s %s: %s", request.method, ascii(request.path), error)
            return broken.unreadable(request, status)
        return None


class Sessions(sessions.SessionMiddleware):
    """Django's, for a browser with several tabs: the answer to one must not undo what another has done meanwhile."""

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        session = getattr(request, "session", None)
        if session is None or response.status_code >= 500:
            return response  # the database may be what has failed; Django stores nothing then, either
        if session.is_empty() and not session.modified:
            # A cookie that leads nowhere is left alone: by now it may be another tab's, which leads somewhere.
            self._tell_tabs_together(request, response)
            return response
        if session.accessed and not session.is_empty():
            access.renew(session)
        try:
            response = super().process_response(request, response)
        except SessionInterrupted:
            return response  # another tab has signed in or out; what this request has done is done
        if session.session_key and session.accessed:
            for name in filter(_is_of_browser, request.COOKIES):
                response.delete_cookie(name, path=settings.SESSION_COOKIE_PATH)
        return response

    @staticmethod
    def _tell_tabs_together(request: HttpRequest, response: HttpResponse) -> None:
        """With a page that has a form, for whose sender there will be a session. (`access.browser_of`)"""
        if request.method == "GET" and "CSRF_COOKIE" in request.META and access.browser_of(request) is None:
            response.set_cookie(
                access.BROWSER_COOKIE + secrets.token_hex(4),
                secrets.token_urlsafe(24),
                path=settings.SESSION_COOKIE_PATH,
                secure=settings.SESSION_COOKIE_SECURE,
                httponly=True,
                samesite=settings.SESSION_COOKIE_SAMESITE,
            )


def _is_of_browser(cookie: str) -> bool:
    return cookie.startswith(access.BROWSER_COOKIE)


class OwnPages(MiddlewareMixin):
    """What the browser itself says a page of ours has sent needs no CSRF token.

    A token is compared with a cookie, which another tab may have replaced: one that was opened at the same moment, or
    that has signed in. Stands before Django's check, which does all others.
    """

    def process_request(self, request: HttpRequest) -> None:
        request.csrf_processing_done = origin.is_own_page(request)


class NotFoundPage(MiddlewareMixin):
    """Who follows a wrong link gets our page: with DEBUG on Django answers it with a list of all addresses, and the
    address of a form with nothing at all.

    Stands innermost, so that the page knows who asks.
    """

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        if isinstance(response, HttpResponseNotAllowed) and request.method == "GET":
            response.content = page_not_found(request, Http404()).content
        elif settings.DEBUG and isinstance(response, HttpResponseNotFound):
            return page_not_found(request, Http404())
        return response


class Refusals(MiddlewareMixin):
    """What a page refuses, from however deep inside: a password that is one too many comes from Django's own forms."""

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        return refused(request, exception) if isinstance(exception, RoomError) else None


class DatabaseAway(MiddlewareMixin):
    """A page that needs a database that is away, full or out of connections is a 503, and one line in the log."""

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if not isinstance(exception, CONNECTION_ERRORS):
            return None
        logger.warning("%s %s: the database is not reachable: %s", request.method, request.path, exception)
        context = {
            "status": Unavailable.http_status,
            "detail": _("The database is not reachable. Try again."),
            "back": request.get_full_path(),
        }
        # Without the request: who is asking stands in the database.
        page = render_to_string("rooms/refused.html", context)
        return HttpResponse(page, status=Unavailable.http_status, headers={"Retry-After": str(RETRY_AFTER)})
