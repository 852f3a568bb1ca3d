"""A conversation is a tree: which branch of it is shown, and what of it a model is shown."""

from __future__ import annotations

from django.conf import settings
from django.db import connection

from .. import frames
from ..models import Generation, Message

# The chain of parents, the nearest first. A depth, and not a LIMIT: in front of that the whole chain would be sorted.
_ANCESTORS = """
    WITH RECURSIVE ancestor(id, depth) AS (
        SELECT parent_id, 1 FROM rooms_message WHERE id = %s
        UNION ALL
        SELECT message.parent_id, ancestor.depth + 1
        FROM rooms_message message JOIN ancestor ON message.id = ancestor.id
        WHERE ancestor.depth < %s
    )
    SELECT id FROM ancestor WHERE id IS NOT NULL ORDER BY depth
"""
ANCESTORS_AT_ONCE = 100
DEPTH_MAX = 100_000  # what a conversation does not reach, against a circle


def ancestors(message_id: str, most: int = DEPTH_MAX) -> list[str]:
    """What a message follows, the nearest first."""
    with connection.cursor() as query:
        query.execute(_ANCESTORS, [message_id, most])
        return [row[0] for row in query.fetchall()]


def leaf(room_id: str, chosen: dict[str, str]) -> str | None:
    """The end of the branch that is shown: at each fork the chosen child, else the newest."""
    newest: dict[str, str] = {}
    rows = Message.objects.filter(room=room_id).order_by("opened_seq")
    for message, parent in rows.values_list("pk", "parent_id").iterator():
        newest[parent or frames.BEGINNING] = message
    at = frames.BEGINNING
    while (child := chosen.get(at) or newest.get(at)) is not None:
        at = child
    return at or None


def authors(room_id: str) -> set[str]:
    """The members who have written something."""
    said = Message.objects.filter(room=room_id, role=Message.Role.USER)
    return set(said.order_by().values_list("member_id", flat=True).distinct())


def context_of(message_id: str) -> list[tuple[str, str]]:
    """What a model is shown for an answer: (role, text) of its ancestors that have ended, oldest first.

    The newest ones that fit in CHATLAB_CONTEXT_MAX characters; the question itself is always among them.
    """
    turns: list[tuple[str, str]] = []
    size, at = 0, message_id
    for _ in range(DEPTH_MAX // ANCESTORS_AT_ONCE):
        if not (some := ancestors(at, ANCESTORS_AT_ONCE)):
            break
        ended = Message.objects.filter(pk__in=some).exclude(generation__status__in=Generation.OPEN)
        said = {pk: (role, text) for pk, role, text in ended.values_list("pk", "role", "text")}
        for role, text in (said[pk] for pk in some if pk in said):
            size += len(text)
            if turns and size > settings.CHATLAB_CONTEXT_MAX:
                return turns[::-1]
            if text:
                turns.append((role, text))
        at = some[-1]
    return turns[::-1]
