"""What the server says: each function returns the finished text of one frame, or of one item in it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from ..errors import RoomError
from ..version import VERSION
from .bodies import dump, time
from .cursor import Cursor

PROTOCOL = "chatlab.v1"


def item(seq: int, at: datetime, kind: str, payload: str) -> str:
    """One item of a `deltas` frame: its place in front of its stored payload, which is taken over byte for byte."""
    return f'{{"seq":{seq},"at":"{time(at)}","kind":"{kind}",{payload[1:]}'


def deltas(items: Iterable[str], cursor: Cursor) -> str:
    return f'{{"type":"deltas","items":[{",".join(items)}],"cursor":"{cursor}"}}'


def page(items: Iterable[str], cursor: Cursor, up_to_date: bool) -> str:
    """The body of an answer over HTTP: the same items as in a `deltas` frame."""
    return f'{{"items":[{",".join(items)}],"cursor":"{cursor}","up_to_date":{str(up_to_date).lower()}}}'


def written(items: Iterable[str], up_to_date: bool) -> str:
    """The body of an answer over HTTP: the deltas of one message."""
    return f'{{"items":[{",".join(items)}],"up_to_date":{str(up_to_date).lower()}}}'


def snapshot(body: dict) -> str:
    return dump({"type": "snapshot", **body})


def synced(cursor: Cursor, digests: dict[str, str]) -> str:
    return dump({"type": "synced", "cursor": str(cursor), "digests": digests})


def rendered(message: str, start: int, end: int, html: str, part: str = "text") -> str:
    kind = "rendered" if part == "text" else "rendered_part"
    return dump({"type": kind, **rendered_body(message, start, end, html, part)})


def rendered_body(message: str, start: int, end: int, html: str, part: str = "text") -> dict:
    body = {"message": message, "from": start, "to": end, "html": html}
    return body if part == "text" else {"message": message, "part": part, **body}


def welcome(room: str, me: dict, limits: dict, heartbeat: int) -> str:
    body = {"type": "welcome", "protocol": PROTOCOL, "version": VERSION, "room": room, "me": me, "limits": limits}
    return dump(body | {"heartbeat": heartbeat})


def receipt(client_id: str, message: str, seq: int) -> str:
    return dump({"type": "receipt", "client_id": client_id, "message": message, "seq": seq})


def presence(members: Iterable[tuple[str, tuple[int, ...], bool, bool]], more: int = 0) -> str:
    """`members`: (id, cursors, typing, away) of each."""
    body: dict = {"type": "presence", "members": []}
    for member, cursors, typing, away in members:
        one = {"id": member, "cursors": cursors, "typing": typing}
        body["members"].append(one | {"away": True} if away else one)
    return dump(body | {"more": more} if more else body)


def error(refusal: RoomError, request_id: str, client_id: str | None = None) -> str:
    body = {"type": "error", "code": refusal.code, "detail": refusal.detail, "request_id": request_id}
    if client_id is not None:
        body["client_id"] = client_id
    if refusal.retry_after is not None:
        body["retry_after"] = round(refusal.retry_after, 1)
    return dump(body)


def bye(code: int, detail: str) -> str:
    return dump({"type": "bye", "code": code, "detail": detail})
