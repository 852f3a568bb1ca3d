"""Why something was refused or has failed, in the page's language.

On the wire and in the log a reason is a code and an English sentence: readers of all languages get the same bytes. The
English page shows that sentence, which knows more than its code does. Any other page says its own by the code, and
falls back to the sentence. The same words go into the page for its scripts (static/rooms/reasons.js).
"""

from __future__ import annotations

from math import ceil

from django.utils.translation import get_language, gettext
from django.utils.translation import gettext_lazy as _

from .. import front
from ..errors import RoomError

SPOKEN = "en"  # on the wire

_REFUSALS = {
    "bad_frame": _("The server did not understand that."),
    "too_long": _("That is too long."),
    "not_found": _("It does not exist any more, or it is not open to you."),
    "not_allowed": _("You may not do that here."),
    "conflict": _("That does not fit how things stand now. Reload the page and look again."),
    "rate_limited": _("That was too often in a short time."),
    "busy": _("Too much is under way here already."),
    "used_up": _("What may be asked today is used up. It is there again at 00:00 UTC."),
    "took_too_long": _("This took too long. Look for something longer, or rarer."),
    "unavailable": _("The server could not do that now. Try again."),
}
_LATER, _MINUTES, _HOURS = _("Try again in {n} s."), _("Try again in {n} min."), _("Try again in {n} h.")
_FAILURES = {
    "auth": _("The model provider rejected the key."),
    "bad_request": _("The model provider did not accept the request."),
    "too_long": _("This became too long."),
    "max_tokens": _("The model reached the longest answer it may give."),
    "rate_limited": _("The model is busy, or its quota is used up."),
    "filtered": _("The provider's content filter stopped this answer."),
    "upstream": _("The model provider failed."),
    "timeout": _("The answer took too long."),
    "expired": _("No worker took this question in time."),
    "worker_lost": _("The server that was writing this answer went away."),
    "address": _("The configured address of the model provider leads to no model."),
    "empty": _("The model ended its answer without a word."),
    "only_reasoning": _("The model thought, and ended without an answer."),
    "wants_tool": _("The model wanted to call a tool, and there is none here."),
    "mismatch": _("The provider's final text differs from what it streamed."),
    "not_allowed": _("Whoever asked for this answer may not ask the model any more."),
}

_OBSTACLES = {
    front.UPGRADE: _(
        "The server answers, but WebSockets do not get through: the proxy in front of it must pass Upgrade on."
    ),
    front.ORIGIN: _("The server answers, but the proxy in front of it takes Origin away from WebSockets."),
    front.PROTOCOL: _(
        "The server answers, but the proxy in front of it takes Sec-WebSocket-Protocol away from WebSockets."
    ),
    front.COOKIE: _("The server answers, but the proxy in front of it takes Cookie away from WebSockets."),
    front.PORT: _(
        "The server is told your address without its port: the proxy in front of it must pass Host on as it is."
    ),
    front.HOST: _("The server is told another address than yours: the proxy in front of it must pass Host on."),
    front.HTTPS: _("You came by https, and the server was not told that it is reached so: it needs HTTPS=on."),
    front.SCHEME: _(
        "You came by https, and the proxy in front of the server does not say so: it must set X-Forwarded-Proto."
    ),
    front.PLAIN: _("This site is reached by https, and you came by http."),
    front.NAME: _("This server does not know the name by which you called it."),
    front.ADDRESS: _(
        "The proxy in front of the server names its visitors, and is not believed: to limits all of them are one."
    ),
}


def of_refusal(refusal: RoomError) -> str:
    if refusal.worded:
        sentence = gettext(refusal.sentence)
    elif _speaks_as_the_wire() or refusal.code not in _REFUSALS:
        return refusal.detail
    else:
        sentence = str(_REFUSALS[refusal.code])
    return " ".join([sentence, *([later(refusal.retry_after)] if refusal.retry_after else [])])


def later(seconds: float) -> str:
    """When it can be tried again: never too soon."""
    for unit, words in ((3600, _HOURS), (60, _MINUTES)):
        if seconds > 1.5 * unit:
            return str(words).format(n=ceil(seconds / unit))
    return str(_LATER).format(n=max(1, ceil(seconds)))


def of_failure(failure: dict | None) -> str:
    """Of a message's `failure`; empty where there is none."""
    if not failure:
        return ""
    return failure["detail"] if _speaks_as_the_wire() else str(_FAILURES.get(failure["code"], failure["detail"]))


def of_obstacle(cause: str) -> str:
    """What is between a browser and the server."""
    return str(_OBSTACLES[cause])


def words() -> dict[str, str]:
    """For the page's scripts, by key; none where they show the wire's own sentences."""
    if _speaks_as_the_wire():
        return {}
    refusals = {f"refusal.{code}": str(sentence) for code, sentence in _REFUSALS.items()}
    failures = {f"failure.{code}": str(sentence) for code, sentence in _FAILURES.items()}
    return refusals | failures | {f"obstacle.{cause}": str(sentence) for cause, sentence in _OBSTACLES.items()}


def _speaks_as_the_wire() -> bool:
    return (get_language() or SPOKEN).partition("-")[0] == SPOKEN
