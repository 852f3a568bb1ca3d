"""What servers call an error where they should have sent text: {"error": ...}, and everything else that is in use.

Pure, and asked about each event of a stream.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

_FINE = ("", "0", "200", "none", "null", "ok", "success")  # codes of no error
_CODES = ("code", "error_code", "err_code", "errno", "status_code")
_MESSAGES = ("message", "msg", "error_msg", "error_message", "errmsg", "err_msg", "status_msg")
_KINDS = ("object", "type", "status", "event")
_FAILED = ("error", "failed", "failure", "fail", "exception")


class Complaint(NamedTuple):
    codes: list[str]  # the words and numbers that may say what it is
    words: str  # all of it


def found(name: str | None, said: object) -> Complaint | None:
    """`name`: `error`, where the event is called so, whatever it says."""
    if name:
        return of(said)
    if not isinstance(said, dict):
        return None
    if said.get("error") or said.get("errors"):
        return of(said)
    if (base := said.get("base_resp")) and _is_failed(base):  # MiniMax, also beside text
        return of(base)
    return None if said.get("choices") or not _is_flat(said) else of(said)


def _is_flat(said: dict) -> bool:
    if str(said.get("type")).startswith("response."):
        return False
    kinds = [said[kind] for kind in _KINDS if isinstance(said.get(kind), str)]
    status = said.get("status")
    if any(kind in _FAILED for kind in kinds) or (type(status) is int and status >= 400):
        return True
    if any(code in said for code in _CODES):
        return _is_failed(said)
    if said.get("detail"):
        return True
    return not kinds and any(isinstance(said.get(word), str) and said[word] for word in _MESSAGES)


def _is_failed(said: object) -> bool:
    codes = (said.get(code) for code in _CODES) if isinstance(said, dict) else ()
    return any(isinstance(code, str | int) and str(code).lower() not in _FINE for code in codes if code is not False)


def of(said: object) -> Complaint:
    """What is known to be an error."""
    error = said.get("error") if isinstance(said, dict) else None
    return Complaint([*_codes(error), *_codes(said)], str(said))


def _codes(said: object) -> Iterator[str]:
    values = (said.get(name) for name in (*_CODES, "type", "status")) if isinstance(said, dict) else ()
    yield from (str(value) for value in values if isinstance(value, str | int) and not isinstance(value, bool))
