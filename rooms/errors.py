"""What can be refused, and how a socket can end. Owns error codes and close codes; leaves wording to whoever raises."""

from __future__ import annotations


class RoomError(Exception):
    """A refusal that a client is told about: a code it can act on and one sentence for a person.

    `retry_after` is in seconds and only set where trying again later can work. `worded`: pages say this very sentence
    in their reader's language, instead of one for the code.
    """

    code = "unavailable"
    http_status = 503
    worded = False

    def __init__(self, detail: str, *, retry_after: float | None = None):
        super().__init__(detail)
        self.detail = detail
        self.retry_after = retry_after
        self.sentence = detail  # without the time, where the detail has one


class BadFrame(RoomError):
    code, http_status = "bad_frame", 400


class TooLong(RoomError):
    code, http_status = "too_long", 413


class NotFound(RoomError):
    code, http_status = "not_found", 404


class NotAllowed(RoomError):
    code, http_status = "not_allowed", 403


class MayNotAsk(NotAllowed):
    """The member may not ask the model: it costs something (rooms/spending.py)."""

    worded = True


class AccountsOnly(NotAllowed):
    """There are no guests here (CHATLAB_GUESTS)."""

    worded = True


class Conflict(RoomError):
    code, http_status = "conflict", 409


class RateLimited(RoomError):
    code, http_status = "rate_limited", 429


class TooManyAttempts(RateLimited):
    """A password is not looked at: too many were wrong (rooms/passwords/)."""

    worded = True


class Crowded(RateLimited):
    """A password is not looked at now: too many are."""

    worded = True


class UsedUp(RoomError):
    """What may be asked in a day has been (rooms/bill.py)."""

    code, http_status, worded = "used_up", 429, True

    def __init__(self, sentence: str, again: str, *, retry_after: float):
        super().__init__(f"{sentence} {again}", retry_after=retry_after)
        self.sentence = sentence


class Busy(RoomError):
    code, http_status = "busy", 503


class TookTooLong(RoomError):
    """The database was at it for as long as one may keep it busy."""

    code = "took_too_long"


class Unavailable(RoomError):
    """The database did not answer in time, or the outcome of a commit is not known: ask again with the same
    client_id.
    """


class Fenced(Exception):
    """An append came from a writer whose fence is old, or for a generation that has ended. It changed nothing."""


class Close:
    """WebSocket close codes (RFC 6455 private range). Below 4500 a client reconnects, from 4500 on it does not, and is
    told why.
    """

    IDLE = 4408
    DRAINING = 4412
    TOO_MANY = 4429
    TOO_SLOW = 4499
    BAD_FRAMES = 4500
    SIGNED_OUT = 4501
    NO_ROOM = 4503
    OLD_PAGE = 4510


# What a client is told before it is closed for good.
FINAL = {
    Close.BAD_FRAMES: "Too many frames could not be read.",
    Close.SIGNED_OUT: "You are not signed in any more.",
    Close.NO_ROOM: "There is no such room.",
    Close.OLD_PAGE: "This page is too old for the server: it has to be loaded again.",
}
