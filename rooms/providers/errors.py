"""What went wrong upstream, in one plain sentence for readers; the provider's own words are for staff, without the
key.
"""

from __future__ import annotations

import re
import time
from email.utils import parsedate_to_datetime

import openai
from django.conf import settings

from .base import ProviderError

RETRY_AFTER_MAX = 60.0  # seconds

AUTH = ("auth", "The model provider rejected the key.")
TOO_LONG = ("too_long", "This room is too long for the model.")
BUSY = ("rate_limited", "The model is busy.")
FILTERED = ("filtered", "The provider declined to answer this.")
FAILED = ("upstream", "The model provider failed.")

_STATUS = {
    400: ("bad_request", "The model provider did not understand the request."),
    401: AUTH,
    403: AUTH,
    404: ("bad_request", "The model provider does not know this model."),
    408: ("timeout", "The model provider did not answer in time."),
    409: ("upstream", "The model provider is busy with the same request."),
    413: TOO_LONG,
    422: ("bad_request", "The model provider did not understand the request."),
    429: BUSY,
}
_CODES = {
    "rate_limit_exceeded": BUSY,
    "insufficient_quota": ("rate_limited", "The account at the model provider has no quota left."),
    "context_length_exceeded": TOO_LONG,
    "content_filter": FILTERED,
    "invalid_api_key": AUTH,
}
_PASSING = {408, 409, 429}


def of_code(code: object) -> tuple[str, str]:
    """(failure code, sentence) for an error code that the provider gave inside a stream."""
    return _CODES.get(str(code), FAILED)


def refusal(error: openai.APIError) -> ProviderError:
    """What the SDK raised, translated."""
    raw = staff_only(f"{type(error).__name__}: {error}")
    if isinstance(error, openai.APITimeoutError):
        return ProviderError("timeout", "The model provider fell silent.", raw, passing=True)
    if isinstance(error, openai.APIStatusError):
        status = error.status_code
        code, detail = _CODES.get(str(error.code)) or _STATUS.get(
            status, ("upstream", f"The model provider failed ({status}).")
        )
        passing = (status in _PASSING or status >= 500) and error.code != "insufficient_quota"
        wait = retry_after(error.response.headers.get("retry-after"))
        return ProviderError(code, detail, raw, passing=passing, retry_after=wait)
    if isinstance(error, openai.APIConnectionError):
        return ProviderError("upstream", "The connection to the model provider broke.", raw, passing=True)
    return ProviderError(*of_code(getattr(error, "code", None)), raw)


def retry_after(header: str | None) -> float | None:
    """Seconds to wait, from a number or an HTTP date; never negative, at most RETRY_AFTER_MAX."""
    if not header:
        return None
    try:
        seconds = float(header)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(header).timestamp() - time.time()
        except (ValueError, OverflowError):
            return None
    return min(max(seconds, 0.0), RETRY_AFTER_MAX) if seconds == seconds else None


def staff_only(text: str) -> str:
    """A provider's words, without the key: some repeat a part of it. At most 2,000 characters."""
    if settings.OPENAI_API_KEY:
        text = text.replace(settings.OPENAI_API_KEY, "[key]")
    return re.sub(r"\bsk-[\w*-]+", "[key]", text)[:2000]
