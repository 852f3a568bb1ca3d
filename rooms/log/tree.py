"""A conversation is a tree: which branch of it is shown, and what of it a model is shown."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from django.conf import settings
from django.db import connection
from django.db.models import Q

from .. import frames
from ..frames import Cursor
from ..models import Generation, Member, Message, Room
from ..speakers import Turn, labels
from ..text import last_tokens, tokens_of

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
# From each of some messages up to the nearest answer, itself counted.
_NEAREST_ANSWERS = """
    WITH RECURSIVE above(start, id, role, parent_id) AS (
        SELECT id, id, role, parent_id FROM rooms_message WHERE id IN ({starts})
        UNION ALL
        SELECT above.start, message.id, message.role, message.parent_id
        FROM rooms_message message JOIN above ON message.id = above.parent_id
        WHERE above.role = 'user'
    )
    SELECT above.start, above.id, generation.status, generation.waits_for_id
    FROM above JOIN rooms_generation generation ON generation.message_id = above.id
"""
ANCESTORS_AT_ONCE = 100
DEPTH_MAX = 100_000  # what a conversation does not reach, against a circle


def ancestors(message_id: str, most: int = DEPTH_MAX) -> list[str]:
    """What a message follows, the nearest first."""
    with connection.cursor() as query:
        query.execute(_ANCESTORS, [message_id, most])
        return [row[0] for row in query.fetchall()]


def put_in_line(queue: list[Generation], opened: dict[str, Message]) -> None:
    """Each of these new generations waits for the nearest answer before it that has not ended. `opened`: messages that
    are not stored yet.
    """
    stored: dict[str, list[Generation]] = {}
    for generation in queue:
        at = generation.message.parent_id
        while at in opened and opened[at].role == Message.Role.USER:
            at = opened[at].parent_id
        if at in opened:
            generation.waits_for_id = at
        elif at is not None:
            stored.setdefault(at, []).append(generation)
    for at, answer in _open_answers(stored).items():
        for generation in stored[at]:
            generation.waits_for_id = answer


def _open_answers(messages: Collection[str]) -> dict[str, str]:
    """For each of these messages the nearest answer, itself or above it, that has not ended; left out where all have.

    An answer that was begun follows none that is open. One that ended while it was queued may: it knows which.
    """
    if not messages:
        return {}
    with connection.cursor() as query:
        query.execute(_NEAREST_ANSWERS.format(starts=", ".join(["%s"] * len(messages))), [*messages])
        found = {
            start: answer if status in Generation.OPEN else before for start, answer, status, before in query.fetchall()
        }
    return {start: answer for start, answer in found.items() if answer is not None}


class Tree:
    """What follows what in a room: as large as the room, so it is read ahead of the transaction that needs it, which
    adds what was opened since.
    """

    def __init__(self, room_id: str):
        self._room, self._newest = room_id, {}
        seq, chain = Room.objects.values_list("head", "chain").filter(pk=room_id).first() or (0, "")
        self.read_at = Cursor(seq, chain)
        self._read(0)

    def leaf(self, chosen: dict[str, str]) -> str | None:
        """The end of the branch that is shown: at each fork the chosen child, else the newest."""
        self._read(self.read_at.seq)
        at = frames.BEGINNING
        while (child := chosen.get(at) or self._newest.get(at)) is not None:
            at = child
        return at or None

    def _read(self, after: int) -> None:
        rows = Message.objects.filter(room=self._room, opened_seq__gt=after).order_by("opened_seq")
        for message, parent in rows.values_list("pk", "parent_id").iterator():
            self._newest[parent or frames.BEGINNING] = message


def authors(room_id: str) -> set[str]:
    """The members who have written something."""
    said = Message.objects.filter(room=room_id, role=Message.Role.USER)
    return set(said.order_by().values_list("member_id", flat=True).distinct())


class Context(NamedTuple):
    """What a model is shown. `tokens`: about how many; `left_out`: something older did not fit."""

    turns: list[Turn]
    tokens: int
    left_out: bool


def context_of(message_id: str, begun: str = "") -> Context:
    """What a model is shown for an answer: its ancestors that have ended, oldest first; in a room of several people,
    with who speaks. Behind them what it has `begun` to say, where it is to go on.

    The newest that fit in CHATLAB_CONTEXT_TOKENS; the question is always among them. Of a beginning that is too long it
    is shown the end.
    """
    begun = last_tokens(begun, settings.CHATLAB_CONTEXT_TOKENS)
    said, size, left_out = _turns_before(message_id, tokens_of(begun))
    speakers = _speakers(message_id, {author for _, _, author in said if author})
    turns = [Turn(role, text, speakers.get(author, "")) for role, text, author in reversed(said)]
    return Context([*turns, *([Turn("assistant", begun)] if begun else [])], size, left_out)


def _turns_before(message_id: str, size: int) -> tuple[list[tuple[str, str, str]], int, bool]:
    """(role, text, member) of each, the newest first, without a member for the assistant; all their tokens; whether
    there are others.
    """
    turns: list[tuple[str, str, str]] = []
    at = message_id
    for _ in range(DEPTH_MAX // ANCESTORS_AT_ONCE):
        if not (some := ancestors(at, ANCESTORS_AT_ONCE)):
            break
        ended = Message.objects.filter(pk__in=some).exclude(generation__status__in=Generation.OPEN)
        said = {pk: turn for pk, *turn in ended.values_list("pk", "role", "text", "member")}
        for role, text, member in (said[pk] for pk in some if pk in said):
            more = tokens_of(text)
            if turns and more and size + more > settings.CHATLAB_CONTEXT_TOKENS:
                return turns, size, True
            if text:
                size += more
                turns.append((role, text, member if role == Message.Role.USER else ""))
        at = some[-1]
    return turns, size, False


def _speakers(message_id: str, authors: set[str]) -> dict[str, str]:
    """The labels of these members, by the names that they have now. None where nobody else is, or was, in the room."""
    known = Member.objects.filter(pk__in=authors).order_by("joined_at", "pk")
    others = Member.objects.filter(room__messages=message_id).exclude(Q(pk__in=authors) | Q(role=Member.Role.LEFT))
    return labels(known.values_list("pk", "name")) if len(authors) > 1 or others.exists() else {}
