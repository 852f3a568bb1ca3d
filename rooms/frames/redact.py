"""What the holder of a read-only link is sent: the room's frames, without what only members may know.

That is: the room's id (whoever knows it can join), members who have written nothing, who asked for an answer or stopped
it, what it cost, and clients' own names for what they sent. Pure.
"""

from __future__ import annotations

import json
from collections.abc import Container

from .bodies import dump

READER = "reader"  # what `welcome.me.role` says to somebody who is no member
HIDDEN = "hidden"  # an item of a kind that clients don't know: it moves the cursor, and tells nothing

_PASSED_ON = ("welcome", "snapshot", "deltas", "synced", "rendered", "rendered_part", "error", "bye")
_PASSES = tuple(f'{{"type":"{kind}"' for kind in _PASSED_ON)
_KEPT_FROM_READERS = ("usage", "client_id", "asker", "by")


def is_for_readers(frame: str) -> bool:
    """Whether a finished frame is of a type that readers are sent at all."""
    return frame.startswith(_PASSES)


def snapshot_for_reader(body: dict, link: str, authors: Container[str]) -> dict:
    """The body of a snapshot; `authors` are the members who have written something in the room."""
    room = body["room"] | {"id": link, "locked": True}
    members = {id: _nameplate(member) for id, member in body["members"].items() if id in authors}
    return body | {"room": room, "members": members, "messages": messages_for_reader(body["messages"])}


def messages_for_reader(messages: list[dict]) -> list[dict]:
    return [_without_costs(message) for message in messages]


def deltas_for_reader(frame: str, named: Container[str]) -> str | None:
    """A `deltas` frame; None where it can't be told without a snapshot: somebody writes whose name was not sent yet."""
    body = json.loads(frame)
    items = []
    for item in body["items"]:
        message = item.get("message")
        if item["kind"] == "opened":
            if message["author"] is not None and message["author"] not in named:
                return None
            item = item | {"message": _without_costs(message)}
        elif item["kind"] == "closed":
            item = _without_costs(item)
        elif item["kind"] == "member":
            member = item["member"]
            if member["id"] in named:
                item = item | {"member": {"id": member["id"], **_nameplate(member)}}
            else:
                item = {"seq": item["seq"], "at": item["at"], "kind": HIDDEN}
        elif item["kind"] == "room":
            item = {key: value for key, value in item.items() if key != "locked"}
        items.append(item)
    return dump(body | {"items": items})


def _nameplate(member: dict) -> dict:
    return {"name": member["name"], "color": member["color"], "role": "member"}


def _without_costs(body: dict) -> dict:
    return {key: value for key, value in body.items() if key not in _KEPT_FROM_READERS}
