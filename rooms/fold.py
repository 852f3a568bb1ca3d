"""The room's state as a function of its log: `fold`. Pure; `static/rooms/log.js` is its twin, held equal by
tests/vectors.

A state is the body of a `snapshot`: `{"room": {...}, "members": {id: {...}}, "messages": [...]}` in wire form.
"""

from __future__ import annotations

from collections.abc import Iterable

from .text import digest

OPEN = ("queued", "streaming")
_MEMBER = ("name", "color", "role", "removed")

State = dict
Item = dict


def empty_state() -> State:
    return {"room": {}, "members": {}, "messages": []}


def fold(state: State, items: Iterable[Item]) -> State:
    """Apply items in order, in place, and return the state.

    An item that a message already contains (`seq` up to the message's own) changes nothing, nor does one of a message
    that is not held, nor one of an unknown kind.
    """
    held = {message["id"]: message for message in state["messages"]}
    for item in items:
        kind = item["kind"]
        if kind == "opened":
            message = {**item["message"], "seq": item["seq"]}
            if message["id"] not in held:
                held[message["id"]] = message
                state["messages"].append(message)
                state["room"]["tip"] = message["id"]
        elif kind == "member":
            member = item["member"]
            state["members"][member["id"]] = {key: member[key] for key in _MEMBER if key in member}
        elif kind == "room":
            changes = {key: value for key, value in item.items() if key not in ("seq", "at", "kind", "chosen")}
            state["room"].update(changes)
            state["room"]["chosen"] = state["room"].get("chosen", {}) | item.get("chosen", {})
        elif kind in _MESSAGE_KINDS:
            message = held.get(item["message"])
            if message is not None and item["seq"] > message["seq"]:
                _MESSAGE_KINDS[kind](message, item)
                message["seq"] = item["seq"]
    return state


def shown(state: State) -> list[dict]:
    """What everybody is shown: the room's tip and what it follows, as far as it is held, oldest first."""
    held = {message["id"]: message for message in state["messages"]}
    if "tip" not in state["room"]:  # nothing has said so yet
        return list(state["messages"])
    path = []
    message = held.get(state["room"]["tip"])
    while message is not None:
        path.append(message)
        message = held.get(message["parent"])
    return path[::-1]


def versions(state: State, message: dict) -> list[str]:
    """The messages that follow the same one as this does, itself among them, oldest first, as far as they are held."""
    return [other["id"] for other in state["messages"] if other["parent"] == message["parent"]]


def waits(state: State, message: dict) -> bool:
    """Whether an answer is queued for as long as one before it has not ended, as far as those are held."""
    held = {other["id"]: other for other in state["messages"]}
    before = held.get(message["parent"]) if message["status"] == "queued" else None
    while before is not None and before["status"] not in OPEN:
        before = held.get(before["parent"])
    return before is not None


def _started(message: dict, item: Item) -> None:
    message["status"] = "streaming"
    message["model"] = item["model"]


def _appended(message: dict, item: Item) -> None:
    part = item["part"]
    message[part] = message.get(part, "") + item["text"]
    if part == "text":
        message["digest"] = digest(item["text"], message["digest"])


def _closed(message: dict, item: Item) -> None:
    for key in ("status", "digest", "usage", "failure", "by"):
        if key in item:
            message[key] = item[key]
    message["closed_at"] = item["at"]


_MESSAGE_KINDS = {"started": _started, "appended": _appended, "closed": _closed}
