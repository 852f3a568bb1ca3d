"""How a message was written: its own deltas, with the times at which its text came. What a replay is made of."""

from __future__ import annotations

from .. import frames
from ..errors import NotFound
from ..models import Delta, Message

PAGE_BYTES = 262_144
PAGE_ROWS = 5_000


def written(room_id: str, message_id: str, after: int) -> tuple[list[str], bool]:
    """Its deltas behind a sequence, oldest first, as wire items, without `opened`; and whether these are the last.

    Below the room's floor nothing is left: then there are none, or the later ones only.
    """
    if not Message.objects.filter(pk=message_id, room=room_id).exists():
        raise NotFound("There is no such message.")
    rows = Delta.objects.filter(message=message_id, seq__gt=after).exclude(kind="opened").order_by("seq")
    items, size = [], 0
    for seq, at, kind, payload in rows.values_list("seq", "at", "kind", "payload")[:PAGE_ROWS]:
        items.append(frames.item(seq, at, kind, payload))
        size += len(payload)
        if size >= PAGE_BYTES:
            return items, False
    return items, len(items) < PAGE_ROWS
