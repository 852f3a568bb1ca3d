"""What went wrong upstream, in one plain sentence for readers; the provider's own words are for staff, without the
key. What servers call an error inside a stream is in `complaints`.
"""

from __future__ import annotations

import re
import time
from datetime import UTC
from email.utils import parsedate_to_datetime

import httpx2
import openai
from django.conf import settings

from ..text import clean
from . import complaints
from .base import Ended, ProviderError
from .lines import WRONG_ADDRESS

RETRY_AFTER_MAX = 60.0  # seconds
KEY_PART = 8  # characters: so much of the key's beginning is taken for the key

AUTH = ("auth", "The model provider rejected the key.")
NOT_UNDERSTOOD = ("bad_request", "The model provider did not understand the request.")
NO_MODEL = ("bad_request", "The model provider does not know this model.")
TOO_LONG = ("too_long", "This room is too long for the model.")
BUSY = ("rate_limited", "The model is busy.")
NO_QUOTA = ("rate_limited", "The account at the model provider has no quota left.")
FILTERED = ("filtered", "The provider declined to answer this.")
FAILED = ("upstream", "The model provider failed.")
ELSEWHERE = ("upstream", "The model provider's address leads elsewhere, which is not followed.")
OTHER_API = "is OPENAI_BASE_URL right, and OPENAI_API (responses or chat)?"  # for staff
UNREADABLE = "The model provider sent something unreadable."

_STATUS = {
    400: NOT_UNDERSTOOD,
    401: AUTH,
    402: NO_QUOTA,
    403: ("auth", "The model provider does not allow this request."),
    404: NO_MODEL,
    408: ("timeout", "The model provider did not answer in time."),
    409: ("upstream", "The model provider is busy with the same request."),
    413: TOO_LONG,
    422: NOT_UNDERSTOOD,
    429: BUSY,
}
_CODES = {
    "rate_limit_exceeded": BUSY,
    "insufficient_quota": NO_QUOTA,
    "billing_hard_limit_reached": NO_QUOTA,
    "context_length_exceeded": TOO_LONG,
    "content_filter": FILTERED,
    "invalid_prompt": FILTERED,
    "invalid_api_key": AUTH,
    "model_not_found": NO_MODEL,
    "rate_limit_error": BUSY,
    "overloaded_error": BUSY,
    "authentication_error": AUTH,
    "permission_error": AUTH,
    "invalid_request_error": NOT_UNDERSTOOD,
}
_PASSING = {408, 409, 429}
_NO_ROUTE = re.compile(
    r"^\s*<|not found|invalid url|method|no (such )?(route|endpoint|path|url)|cannot post", re.IGNORECASE
)


def of_code(code: object) -> tuple[str, str]:
    """(failure code, sentence) for an error code that the provider gave inside a stream: a word, or an HTTP status."""
    word = str(code)
    return _CODES.get(word) or (_STATUS.get(int(word)) if word.isdecimal() and len(word) == 3 else None) or FAILED


def refusal(error: openai.APIError) -> ProviderError:
    """What the SDK raised, translated."""
    if isinstance(error, openai.APIStatusError):
        return _refused(error)
    raw = staff_only(": ".join(part for part in (type(error).__name__, str(error), _cause(error)) if part))
    if isinstance(error.__cause__, httpx2.UnsupportedProtocol):
        return ProviderError(*WRONG_ADDRESS, raw)
    if isinstance(error.__cause__, httpx2.ConnectError | httpx2.ConnectTimeout):
        return ProviderError("upstream", "The model provider could not be reached.", raw, passing=True)
    if isinstance(error, openai.APITimeoutError):
        return ProviderError("timeout", "The model provider fell silent.", raw, passing=True)
    if isinstance(error, openai.APIConnectionError):
        return ProviderError("upstream", "The connection to the model provider broke.", raw, passing=True)
    return ProviderError(*FAILED, raw)


class Told(Exception):
    """The provider told of an error inside its stream: that is how the answer ended, by its own word."""

    def __init__(self, end: Ended):
        super().__init__(end.error)
        self.end = end


def in_stream(name: str | None, said: object) -> Ended | None:
    """The end that an event is, if it tells of an error. `name`: `error`, where the event is called so."""
    complaint = complaints.found(name, said)
    return None if complaint is None else _ended(complaint)


def failed(said: object) -> Ended:
    """The end that an error is, whatever it looks like."""
    return _ended(complaints.of(said))


def _ended(complaint: complaints.Complaint) -> Ended:
    code, detail = next((known for word in complaint.codes if (known := of_code(word)) != FAILED), FAILED)
    return Ended("failed", code, detail, staff_only(complaint.words))


def translated(error: Exception) -> ProviderError:
    """Whatever a call upstream raises."""
    if isinstance(error, ProviderError):
        return error
    return refusal(error) if isinstance(error, openai.APIError) else unreadable(error)


def unreadable(error: Exception) -> ProviderError:
    """An event that is not JSON, or nested beyond reading. What comes by another connection may be."""
    return ProviderError("upstream", UNREADABLE, staff_only(repr(error)), passing=True)


def _refused(error: openai.APIStatusError) -> ProviderError:
    status, headers, body = error.status_code, error.response.headers, error.response.text.strip()
    # The SDK keeps a part of it to itself: HTML, and an error's code.
    said = (f"HTTP {status}", headers.get("location"), headers.get("x-request-id"), body)
    known = ELSEWHERE if status < 400 else _CODES.get(str(error.code)) or _STATUS.get(status)
    if status in (404, 405, 501) and _is_no_api(error, body):
        known, said = WRONG_ADDRESS, (*said[:1], f"{error.request.method} {error.request.url}", OTHER_API, *said[1:])
    code, detail = known or ("upstream", f"The model provider failed ({status}).")
    passing = (status in _PASSING or status >= 500) and known not in (NO_QUOTA, WRONG_ADDRESS)
    wait = retry_after(headers.get("retry-after"))
    raw = staff_only(": ".join(part for part in said if part))
    return ProviderError(code, detail, raw, passing=passing, retry_after=wait)


def _is_no_api(error: openai.APIStatusError, body: str) -> bool:
    """Whether nothing stands at the address that could know a model: a model API says what it does not know."""
    said = error.body
    words = str(said.get("message") or said.get("detail") or "") if isinstance(said, dict) else body
    return not words or (bool(_NO_ROUTE.search(words)) and "model" not in words.lower())


def _cause(error: openai.APIError) -> str:
    """The SDK says `Connection error.` for everything that happens to a connection."""
    return repr(error.__cause__) if isinstance(error, openai.APIConnectionError) and error.__cause__ else ""


def retry_after(header: str | None) -> float | None:
    """Seconds to wait, from a number or an HTTP date; never negative, at most RETRY_AFTER_MAX."""
    if not header:
        return None
    try:
        seconds = float(header)
    except ValueError:
        try:
            date = parsedate_to_datetime(header)
            seconds = (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp() - time.time()
        except (ValueError, OverflowError):
            return None
    return min(max(seconds, 0.0), RETRY_AFTER_MAX) if seconds == seconds else None


def staff_only(text: str) -> str:
    """A provider's words, storable, and without the key: some repeat it, or its beginning. At most 2,000 characters."""
    key = settings.OPENAI_API_KEY
    text = re.sub(r"\bsk-[\w*-]+", "[key]", text.replace(key, "[key]") if key else text)
    if len(key) > KEY_PART:
        text = re.sub(re.escape(key[:KEY_PART]) + r"[^\s\"'<>,;]*", "[key]", text)
    return clean(text)[:2000]
