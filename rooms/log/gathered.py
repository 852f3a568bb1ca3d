"""What the changes of a batch ask the database, asked once for all of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from functools import cached_property
from typing import TYPE_CHECKING, Any

from django.db.models import Count

from ..models import Generation, Member, Message, Room

if TYPE_CHECKING:
    from .append import Change


class Gathered:
    """Each is read when the first change asks for it, under the rooms' locks. Who changes one of these rows in the same
    transaction says so here, too: the next change of the batch must see it.
    """

    def __init__(self, changes: Iterable[Change]):
        self._by_people = [change for change in changes if change.member is not None]

    def _named(self, name: str) -> set[Any]:
        return {value for change in self._by_people if (value := getattr(change, name)) is not None}

    @cached_property
    def members(self) -> dict[str, Member]:
        return Member.objects.select_related("user").in_bulk(self._named("member"))

    @property
    def askers(self) -> list[tuple[Member, str]]:
        """Who asks a model in this batch, and from where."""
        asking = (change for change in self._by_people if change.client_id is not None)
        return [(self.members[one.member], one.address) for one in asking if one.member in self.members]

    @cached_property
    def rooms(self) -> dict[str, Room]:
        """Their title, model, branches and lock. (Head, chain and tip are of the LockedRoom.)"""
        return Room.objects.in_bulk(self._named("room"))

    def room(self, room_id: str) -> Room:
        """One of them, also for a change that nobody in the room has asked for."""
        if room_id not in self.rooms:
            self.rooms[room_id] = Room.objects.get(pk=room_id)
        return self.rooms[room_id]

    def member(self, room_id: str, member_id: str) -> Member | None:
        """A member of a room, also one that no change of the batch is by."""
        if member_id not in self.members:
            if (member := Member.objects.filter(pk=member_id).first()) is None:
                return None
            self.members[member_id] = member
        found = self.members[member_id]
        return found if found.room_id == room_id else None

    @cached_property
    def said(self) -> dict[tuple[str, str, str], Message]:
        """What stands in the log under a (room, member, client_id) already."""
        rows = Message.objects.filter(
            room__in=self._named("room"), member__in=self._named("member"), client_id__in=self._named("client_id")
        )
        return {(row.room_id, row.member_id, row.client_id): row for row in rows}

    @cached_property
    def queued(self) -> Counter[str]:
        """How many generations of a room wait: those that were there, and those that this batch opens."""
        waiting = Generation.objects.filter(room__in=self._named("room"), status=Generation.Status.QUEUED)
        return Counter(dict(waiting.values_list("room").annotate(Count("pk"))))
