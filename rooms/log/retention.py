"""Retention: old deltas go from the beginning of a room's log, and its floor rises with them.

Messages keep their rows, and so their texts. What is below the floor can't be continued from, nor proved again: cursors
from there are answered with a snapshot.
"""

from __future__ import annotations

from datetime import datetime

from django.db.models import Min

from ..frames import Cursor
from ..models import Delta, Generation, Room

PRUNED_AT_ONCE = 2_000  # deltas in one transaction: for so long a room waits


def prunable(room_id: str, before: datetime, most: int | None = None) -> Cursor | None:
    """The newest delta that may go, all below it included; None where none may. `most`: look at so many only.

    It ends before the first delta that is not that old, and before the first message whose answer is not closed: the
    text of that one is read from its deltas.
    """
    rows = Delta.objects.filter(room=room_id).order_by("seq")
    unfinished = Generation.objects.filter(room=room_id, status__in=Generation.OPEN)
    first_needed = unfinished.aggregate(first=Min("message__opened_seq"))["first"]
    if first_needed is not None:
        rows = rows.filter(seq__lt=first_needed)
    newest = None
    for seq, chain, at in rows.values_list("seq", "chain", "at")[:most].iterator(chunk_size=PRUNED_AT_ONCE):
        if at >= before:
            break
        newest = Cursor(seq, chain)
    return newest


def raise_floor(room_id: str, newest: Cursor) -> int:
    """Delete everything up to this delta, and keep its chain. Returns how many went. Only inside a log transaction."""
    Room.objects.filter(pk=room_id).update(floor=newest.seq + 1, floor_chain=newest.chain)
    deleted, _ = Delta.objects.filter(room=room_id, seq__lte=newest.seq).delete()
    return deleted
