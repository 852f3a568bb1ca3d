"""What a request is called: the same name in the log, in the answer's headers and on the page of what broke."""

from __future__ import annotations

import json
import logging
import secrets
from contextvars import ContextVar

ACCESS = "django.channels.server"
HEADER = "X-Request-Id"
TOO_LONG = "A request has at most {:,} bytes."
PROBLEM = "application/problem+json"
_name: ContextVar[str] = ContextVar("request", default="")


def begin() -> str:
    """Give the request that is being answered here a name, for all that it starts."""
    name = secrets.token_hex(4)
    _name.set(name)
    return name


def name() -> str:
    """Of the request that is being answered; outside of one, a name that nothing else has."""
    return _name.get() or secrets.token_hex(4)


def problem(status: int, code: str, detail: str) -> dict:
    """The body of an `application/problem+json` (docs/protocol.md)."""
    said = {"type": "about:blank", "title": code.replace("_", " "), "status": status, "code": code, "detail": detail}
    return said | {"request_id": name()}


def refusal(path: str, status: int, code: str, detail: str) -> tuple[str, bytes]:
    """(Content-Type, body) of an answer that comes before any page can."""
    if "/api/" in path:
        return PROBLEM, json.dumps(problem(status, code, detail)).encode()
    return "text/plain; charset=utf-8", f"{detail} [{name()}]\n".encode()


class Line(logging.Formatter):
    """A line of the log, with the name of the request that it is about at its end."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        called = _name.get()
        return super().formatMessage(record) + (f" [{called}]" if called else "")


class OfDjango(logging.Filter):
    """What Django says of an answer. A client's mistake is a line and no traceback; what failed here has left one
    already (`rooms.middleware`), and what was answered with 503 on purpose has said why. A line of `runserver` for each
    request is no fault, whatever its status.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        status = getattr(record, "status_code", 0)
        if record.name == ACCESS:
            record.levelno, record.levelname = logging.INFO, "INFO"
        elif 0 < status < 500:
            record.exc_info = record.exc_text = None
            record.levelno, record.levelname = logging.WARNING, "WARNING"
        return status < 500
