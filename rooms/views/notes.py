"""What stands over an answer that is not over, and under one that did not come to its end: word for word what the
page's script says (progressOf and noteOf in static/rooms/message.js), so that nothing changes before a reader's eyes
when it begins.
"""

from __future__ import annotations

from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ..text import utf16_length
from . import reasons

# Of an answer without text, of one character, of more.
_STOPPED = (
    gettext_lazy("Stopped."),
    gettext_lazy("Stopped after 1 character."),
    gettext_lazy("Stopped after {n} characters."),
)
_STOPPED_BY_ME = (
    gettext_lazy("Stopped by you."),
    gettext_lazy("Stopped by you after 1 character."),
    gettext_lazy("Stopped by you after {n} characters."),
)
_STOPPED_BY = (
    gettext_lazy("Stopped by {name}."),
    gettext_lazy("Stopped by {name} after 1 character."),
    gettext_lazy("Stopped by {name} after {n} characters."),
)


def note_of(message: dict, me: str, members: dict) -> str:
    """In the page's language; empty where all is well."""
    reason = reasons.of_failure(message.get("failure"))
    if message["status"] == "stopped":
        return _stopped(message, me, members)
    if message["status"] == "interrupted":
        return " ".join(filter(None, [_("Interrupted."), reason, _("Nothing you see is lost.")]))
    if message["status"] == "incomplete":
        return reason or _("The answer ends early.")
    if message["status"] == "failed":
        return reason or _("The answer failed.")
    return ""


def progress_of(message: dict, waiting: bool) -> str:
    """How far an answer is that has not ended; empty for one that has."""
    if message["status"] == "queued":
        return _("waits for the answer before it") if waiting else _("waiting…")
    if message["status"] == "streaming":
        return _("writing…") if message["text"] else _("thinking…")
    return ""


def _stopped(message: dict, me: str, members: dict) -> str:
    by, length = message.get("by"), utf16_length(message["text"])
    name = members.get(by, {}).get("name")
    forms = _STOPPED_BY_ME if by and by == me else _STOPPED_BY if name else _STOPPED
    return str(forms[min(length, 2)]).format(name=name, n=number_format(length, force_grouping=True))
