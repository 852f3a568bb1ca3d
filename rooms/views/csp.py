"""What browsers refuse to load or run for a page of ours, by its Content-Security-Policy: a line in the log.

Anybody may send such a report, without a login: it is short, it is quoted, and a process writes so many lines a minute.
"""

from __future__ import annotations

import json
import logging
from urllib.parse import urlsplit

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from ..limits import Bucket

logger = logging.getLogger(__name__)

REPORT_MAX = 16_384  # bytes
LINES = (10, 60.0)  # a minute
SHOWN = 120  # characters of each thing

_lines = Bucket(LINES)


@csrf_exempt
@require_POST
def report(request: HttpRequest) -> HttpResponse:
    """`POST /api/csp-report`, by the browser itself."""
    if len(request.body) > REPORT_MAX:
        return HttpResponse(status=413)
    try:
        said = json.loads(request.body)["csp-report"]
        page = urlsplit(str(said.get("document-uri"))).path
        facts = {"directive": said.get("effective-directive") or said.get("violated-directive")}
        facts |= {"refused": said.get("blocked-uri"), "by": said.get("source-file"), "line": said.get("line-number")}
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return HttpResponse(status=400)
    if not _lines.take():
        told = ", ".join(f"{name} {ascii(str(fact)[:SHOWN])}" for name, fact in facts.items() if fact)
        logger.warning("a browser did not do what a page of ours wanted: %s (page %s)", told, ascii(page[:SHOWN]))
    return HttpResponse(status=204)
