"""Frames: the JSON objects on the wire. The only file that knows their keys. Pure: parse what clients say, encode answers.

The protocol is described in docs/protocol.md. Every encoder returns the finished text of one frame, so that a frame is
encoded once, however many sockets it goes to.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from .errors import BadFrame, RoomError, TooLong
from .text import clean, utf16_length

PROTOCOL = "chatlab.v1"
TERMINAL = ("complete", "stopped", "incomplete", "failed", "interrupted")

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")
_CLIENT_ID = re.compile(r"[A-Za-z0-9_-]{8,64}\Z")
_CURSOR = re.compile(r"(0|[1-9][0-9]{0,18})\.([0-9a-f]{16})\Z")
_SEQ_MAX = 2**63 - 1


# -- cursors ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Cursor:
    """A reader's place: a sequence, and the chain that proves which history it belongs to."""

    seq: int
    chain: str

    def __str__(self) -> str:
        return f"{self.seq}.{self.chain}"

    @classmethod
    def parse(cls, token: str | None) -> Cursor | None:
        """The cursor a token stands for; None for anything that this server can't have handed out."""
        match = _CURSOR.match(token) if token and len(token) <= 40 else None
        if match is None or int(match[1]) > _SEQ_MAX:
            return None
        return cls(int(match[1]), match[2])


# -- from the client -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Sync:
    cursor: str
    repair: bool = False


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


@dataclass(frozen=True, slots=True)
class Typing:
    pass


ClientFrame = Sync | Post | Retry | Continue | Stop | ChangeRoom | Typing


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
    """What a client says on its socket. BadFrame or TooLong (over `text_max` UTF-16 code units) where it can't be taken.

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
    return None if body.get("title") is None else " ".join(clean(_string(body, "title", 200)).split())


def parse_name(body: dict) -> str | None:
    """`name`, cleaned and trimmed, of at most 60 characters; None where it is not given or empty."""
    return None if body.get("name") is None else " ".join(clean(_string(body, "name", 60)).split()) or None


def _parse_sync(body: dict, text_max: int) -> Sync:
    repair = body.get("repair", False)
    if not isinstance(repair, bool):
        raise BadFrame("'repair' is true or false.")
    return Sync(_string(body, "cursor"), repair)


def _parse_stop(body: dict, text_max: int) -> Stop:
    return Stop(_id(body, "message"))


def _parse_room(body: dict, text_max: int) -> ChangeRoom:
    chosen = body.get("chosen")
    if chosen is not None and not (
        isinstance(chosen, dict)
        and 0 < len(chosen) <= 100
        and all(isinstance(child, str) and _ID.match(parent) and _ID.match(child) for parent, child in chosen.items())
    ):
        raise BadFrame("'chosen' maps message ids to message ids.")
    change = ChangeRoom(
        title=parse_title(body), model=None if body.get("model") is None else _string(body, "model", 200), chosen=chosen
    )
    if change == ChangeRoom():
        raise BadFrame("A 'room' frame changes the title, the model or the chosen branch.")
    return change


_PARSERS = {
    "sync": _parse_sync,
    "post": parse_post,
    "retry": parse_retry,
    "continue": parse_continue,
    "stop": _parse_stop,
    "room": _parse_room,
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


# -- to the client ---------------------------------------------------------------------------------------------------


def dump(body: object) -> str:
    """Compact JSON. Text stays as it is, not escaped to ASCII: these bytes are what the chain is computed over."""
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"))


def time(at: datetime) -> str:
    """ISO 8601, UTC, milliseconds."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def item(seq: int, at: datetime, kind: str, payload: str) -> str:
    """One item of a `deltas` frame: its place in front of its stored payload, which is taken over byte for byte."""
    return f'{{"seq":{seq},"at":"{time(at)}","kind":"{kind}",{payload[1:]}'


def deltas(items: Iterable[str], cursor: Cursor) -> str:
    return f'{{"type":"deltas","items":[{",".join(items)}],"cursor":"{cursor}"}}'


def page(items: Iterable[str], cursor: Cursor, up_to_date: bool) -> str:
    """The body of an answer over HTTP: the same items as in a `deltas` frame."""
    return f'{{"items":[{",".join(items)}],"cursor":"{cursor}","up_to_date":{str(up_to_date).lower()}}}'


def snapshot(body: dict) -> str:
    return dump({"type": "snapshot", **body})


def synced(cursor: Cursor, digests: dict[str, str]) -> str:
    return dump({"type": "synced", "cursor": str(cursor), "digests": digests})


def welcome(room: str, me: dict, limits: dict, heartbeat: int) -> str:
    return dump(
        {"type": "welcome", "protocol": PROTOCOL, "room": room, "me": me, "limits": limits, "heartbeat": heartbeat}
    )


def receipt(client_id: str, message: str, seq: int) -> str:
    return dump({"type": "receipt", "client_id": client_id, "message": message, "seq": seq})


def error(refusal: RoomError, request_id: str, client_id: str | None = None) -> str:
    body = {"type": "error", "code": refusal.code, "detail": refusal.detail, "request_id": request_id}
    if client_id is not None:
        body["client_id"] = client_id
    if refusal.retry_after is not None:
        body["retry_after"] = round(refusal.retry_after, 1)
    return dump(body)


def bye(code: int, detail: str) -> str:
    return dump({"type": "bye", "code": code, "detail": detail})


# -- bodies: what snapshots and `opened` carry, over every door --------------------------------------------------------


def message(
    *,
    id: str,
    role: str,
    author: str | None,
    text: str,
    status: str,
    digest: str,
    parent: str | None,
    at: datetime,
    reasoning: str = "",
    client_id: str | None = None,
    model: str = "",
    seq: int | None = None,
    usage: dict | None = None,
    failure: dict | None = None,
    by: str | None = None,
    closed_at: datetime | None = None,
) -> dict:
    body = {"id": id, "role": role, "author": author, "text": text, "status": status, "digest": digest}
    body |= {"parent": parent, "at": time(at)}
    optional = {"reasoning": reasoning or None, "client_id": client_id, "model": model or None, "seq": seq}
    optional |= {"usage": usage, "failure": failure, "by": by, "closed_at": closed_at and time(closed_at)}
    return body | {key: value for key, value in optional.items() if value is not None}


def failure(code: str, detail: str) -> dict:
    return {"code": code, "detail": detail}


def snapshot_body(cursor: Cursor, room: dict, members: dict, messages: list[dict], earlier: str | None) -> dict:
    return {"cursor": str(cursor), "room": room, "members": members, "messages": messages, "earlier": earlier}


def room_body(id: str, title: str, model: str, locked: bool, chosen: dict) -> dict:
    return {"id": id, "title": title, "model": model, "locked": locked, "chosen": chosen}


def member_body(name: str, color: int, role: str) -> dict:
    return {"name": name, "color": color, "role": role}


# -- payloads of deltas: written here, stored as text, never rewritten -------------------------------------------------


def opened(message: dict) -> str:
    return dump({"message": message})


def started(message: str, model: str) -> str:
    return dump({"message": message, "model": model})


def appended(message: str, text: str, part: str) -> str:
    return dump({"message": message, "text": text, "part": part})


def appended_text(payload: str) -> tuple[str, str]:
    """(part, text) of a stored `appended` payload."""
    body = json.loads(payload)
    return body["part"], body["text"]


def closed(
    message: str,
    status: str,
    digest: str,
    *,
    usage: dict | None = None,
    failure: dict | None = None,
    by: str | None = None,
) -> str:
    body = {"message": message, "status": status, "digest": digest}
    body |= {key: value for key, value in (("usage", usage), ("failure", failure), ("by", by)) if value is not None}
    return dump(body)


def member(member_id: str, name: str, color: int, role: str) -> str:
    return dump({"member": {"id": member_id, "name": name, "color": color, "role": role}})


def room_changed(changes: dict) -> str:
    return dump(changes)
