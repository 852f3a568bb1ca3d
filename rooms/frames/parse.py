"""What clients say: frames on the socket and bodies over HTTP, parsed into values, or refused."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from ..errors import BadFrame, TooLong
from ..text import clean, one_line, utf16_length

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")
BEGINNING = ""  # in `chosen`: what the first messages follow
_CLIENT_ID = re.compile(r"[A-Za-z0-9_-]{8,64}\Z")


@dataclass(frozen=True, slots=True)
class Sync:
    cursor: str
    repair: bool = False
    away: bool = False


@dataclass(frozen=True, slots=True)
class Post:
    client_id: str
    text: str
    parent: str | None = None
    branch: bool = False  # `parent` was given: null means a new first question
    model: str | None = None


@dataclass(frozen=True, slots=True)
class Retry:
    message: str
    client_id: str


@dataclass(frozen=True, slots=True)
class Continue:
    message: str
    client_id: str


@dataclass(frozen=True, slots=True)
class Stop:
    message: str


@dataclass(frozen=True, slots=True)
class ChangeRoom:
    title: str | None = None
    model: str | None = None
    chosen: dict[str, str] | None = None
    locked: bool | None = None


@dataclass(frozen=True, slots=True)
class Leave:
    pass


@dataclass(frozen=True, slots=True)
class Remove:
    member: str


@dataclass(frozen=True, slots=True)
class Readmit:
    member: str


@dataclass(frozen=True, slots=True)
class Typing:
    pass


ClientFrame = Sync | Post | Retry | Continue | Stop | ChangeRoom | Leave | Remove | Readmit | Typing


def load_object(text: str | bytes) -> dict:
    """One JSON object, or BadFrame: also for what makes the parser itself fail (depth, 5,000-digit integers, NaN)."""
    try:
        loaded = json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise BadFrame("This is not a JSON object.") from error
    if not isinstance(loaded, dict):
        raise BadFrame("A frame is a JSON object.")
    return loaded


def parse(text: str, *, text_max: int) -> ClientFrame:
    """What a client says on its socket. BadFrame or TooLong (over `text_max` UTF-16 code units) where it can't be
    taken.

    Fields that are not known are ignored.
    """
    body = load_object(text)
    kind = body.get("type")
    parser = _PARSERS.get(kind) if isinstance(kind, str) else None
    if parser is None:
        raise BadFrame("This frame has no type that the server knows.")
    return parser(body, text_max)


def client_id_of(text: str) -> str | None:
    """The client_id in a frame that was refused, so that its `error` can name it."""
    try:
        found = load_object(text).get("client_id")
    except BadFrame:
        return None
    return found if isinstance(found, str) and _CLIENT_ID.match(found) else None


def parse_post(body: dict, text_max: int) -> Post:
    text = clean(_string(body, "text"))
    if utf16_length(text) > text_max:
        raise TooLong(f"The message is {utf16_length(text):,} characters long; the limit is {text_max:,}.")
    if not text.strip():
        raise BadFrame("The message is empty.")
    parent = None if body.get("parent") is None else _id(body, "parent")
    model = None if body.get("model") is None else _string(body, "model", 200)
    return Post(_client_id(body), text, parent, "parent" in body, model)


def parse_retry(body: dict, text_max: int = 0) -> Retry:
    return Retry(_id(body, "message"), _client_id(body))


def parse_continue(body: dict, text_max: int = 0) -> Continue:
    return Continue(_id(body, "message"), _client_id(body))


def parse_title(body: dict) -> str | None:
    """`title`, cleaned and trimmed, of at most 200 characters; None where it is not given."""
    return None if body.get("title") is None else one_line(_string(body, "title", 200))


def parse_name(body: dict) -> str | None:
    """`name`, cleaned and trimmed, of at most 60 characters; None where it is not given or empty."""
    return None if body.get("name") is None else one_line(_string(body, "name", 60)) or None


def parse_tab(name: str | None) -> str | None:
    """The name that a tab gives itself; None where it is none."""
    return name if name and _CLIENT_ID.match(name) else None


def _parse_sync(body: dict, text_max: int) -> Sync:
    return Sync(_string(body, "cursor"), _flag(body, "repair"), _flag(body, "away"))


def _parse_stop(body: dict, text_max: int) -> Stop:
    return Stop(_id(body, "message"))


def parse_removed(body: dict) -> bool:
    """Whether a member is to be one who was removed."""
    if "removed" not in body:
        raise BadFrame("'removed' is missing.")
    return _flag(body, "removed")


def parse_room(body: dict, text_max: int = 0) -> ChangeRoom:
    chosen = body.get("chosen")
    if chosen is not None and not (
        isinstance(chosen, dict)
        and 0 < len(chosen) <= 100
        and all(
            isinstance(child, str) and (parent == BEGINNING or _ID.match(parent)) and _ID.match(child)
            for parent, child in chosen.items()
        )
    ):
        raise BadFrame("'chosen' maps message ids to message ids.")
    change = ChangeRoom(
        title=parse_title(body),
        model=None if body.get("model") is None else _string(body, "model", 200),
        chosen=chosen,
        locked=None if body.get("locked") is None else _flag(body, "locked"),
    )
    if change == ChangeRoom():
        raise BadFrame("A 'room' frame changes the title, the model, the chosen branch or the lock.")
    return change


_PARSERS = {
    "sync": _parse_sync,
    "post": parse_post,
    "retry": parse_retry,
    "continue": parse_continue,
    "stop": _parse_stop,
    "room": parse_room,
    "leave": lambda body, text_max: Leave(),
    "remove": lambda body, text_max: Remove(_id(body, "member")),
    "readmit": lambda body, text_max: Readmit(_id(body, "member")),
    "typing": lambda body, text_max: Typing(),
}


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _string(body: dict, field: str, longest: int | None = None) -> str:
    value = body.get(field)
    if not isinstance(value, str):
        raise BadFrame(f"'{field}' is missing or not a string.")
    if longest is not None and len(value) > longest:
        raise TooLong(f"'{field}' is longer than {longest} characters.")
    return value


def _flag(body: dict, field: str) -> bool:
    value = body.get(field, False)
    if not isinstance(value, bool):
        raise BadFrame(f"'{field}' is true or false.")
    return value


def _id(body: dict, field: str) -> str:
    value = _string(body, field)
    if not _ID.match(value):
        raise BadFrame(f"'{field}' is not an id.")
    return value


def _client_id(body: dict) -> str:
    value = _string(body, "client_id")
    if not _CLIENT_ID.match(value):
        raise BadFrame("'client_id' has 8 to 64 characters of A-Z a-z 0-9 _ -.")
    return value
