"""Bodies and payloads: what snapshots and deltas carry, the same over every door. Payloads are stored as they are
made here.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime

from .cursor import Cursor


def dump(body: object) -> str:
    """Compact JSON. Text stays as it is, not escaped to ASCII: these bytes are what the chain is computed over."""
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"))


def time(at: datetime) -> str:
    """ISO 8601, UTC, milliseconds."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


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
    asker: str | None = None,
    model: str = "",
    seq: int | None = None,
    usage: dict | None = None,
    failure: dict | None = None,
    by: str | None = None,
    closed_at: datetime | None = None,
) -> dict:
    body = {"id": id, "role": role, "author": author, "text": text, "status": status, "digest": digest}
    body |= {"parent": parent, "at": time(at)}
    optional = {"reasoning": reasoning or None, "client_id": client_id, "asker": asker, "model": model or None}
    optional |= {"seq": seq, "usage": usage, "failure": failure, "by": by}
    optional |= {"closed_at": closed_at and time(closed_at)}
    return body | {key: value for key, value in optional.items() if value is not None}


def failure(code: str, detail: str) -> dict:
    return {"code": code, "detail": detail}


def snapshot_body(cursor: Cursor, room: dict, members: dict, messages: list[dict], earlier: str | None) -> dict:
    return {"cursor": str(cursor), "room": room, "members": members, "messages": messages, "earlier": earlier}


def room_body(id: str, title: str, model: str, locked: bool, chosen: dict, tip: str | None) -> dict:
    return {"id": id, "title": title, "model": model, "locked": locked, "chosen": chosen, "tip": tip}


def member_body(name: str, color: int, role: str, removed: bool = False) -> dict:
    body = {"name": name, "color": color, "role": role}
    return body | {"removed": True} if removed else body


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


def member(member_id: str, name: str, color: int, role: str, removed: bool = False) -> str:
    return dump({"member": {"id": member_id, **member_body(name, color, role, removed)}})


def room_changed(changes: dict) -> str:
    return dump(changes)
