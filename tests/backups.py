"""A backup of rooms, and a database that is restored from it under the feet of those who use it.

All rows are put back in one transaction. What others know of a database is what it answers, so to them this is what a
restored dump is, or a standby that was promoted without the last commits.
"""

from __future__ import annotations

from django.db import models, transaction

from rooms.indexed import Indexed
from rooms.models import Booking, Delta, Generation, Member, Message, Room

# In the order in which they refer to each other.
TABLES: tuple[type[models.Model], ...] = (Room, Member, Message, Generation, Delta, Booking)


class Backup:
    def __init__(self) -> None:
        self._rows = {model: list(model.objects.order_by("pk").values()) for model in TABLES}
        self.heads = dict(Room.objects.values_list("pk", "head"))

    @transaction.atomic
    def restore(self) -> None:
        for model in (Indexed, *reversed(TABLES)):  # the full-text index is not put back
            model.objects.all()._raw_delete(model.objects.db)
        for model, rows in self._rows.items():
            made = [model(**row) for row in rows]
            kept = [(row.created_at, row.active_at) for row in made] if model is Room else []
            model.objects.bulk_create(made)
            for row, (created_at, active_at) in zip(made, kept, strict=False):
                Room.objects.filter(pk=row.pk).update(created_at=created_at, active_at=active_at)
