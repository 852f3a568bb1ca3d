"""What a transaction of the log holds: rooms under their locks, with what is staged for them, and generations."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime

from django.db import connection

from ..frames import Cursor
from ..models import Generation, Room


@dataclass(slots=True)
class Row:
    """One delta, staged."""

    seq: int
    kind: str
    payload: str
    chain: str
    message: str | None
    digest: str
    at: datetime


@dataclass(slots=True)
class LockedRoom:
    id: str
    head: int
    chain: str
    rows: list[Row] = field(default_factory=list)
    flushed: int = 0
    tip: str | None = None  # the newest message, where this transaction has moved it
    before: Cursor = field(init=False)  # its head when it was locked

    def __post_init__(self) -> None:
        self.before = self.place

    @property
    def place(self) -> Cursor:
        return Cursor(self.head, self.chain)


@dataclass(slots=True)
class LockedGeneration:
    """A generation as the batch sees it. Only ever changed under its room's lock, so no lock of its own is needed."""

    id: int
    room: str
    message: str
    status: str
    fence: int


def table(model: type) -> str:
    return connection.ops.quote_name(model._meta.db_table)


def _in(values: Collection) -> str:
    return ", ".join(["%s"] * len(values))


def lock_rooms(ids: list[str]) -> dict[str, LockedRoom]:
    """Lock in id order: two processes that commit for the same rooms can't wait for each other in a circle."""
    if not ids:
        return {}
    lock = " FOR UPDATE" if connection.features.has_select_for_update else ""  # SQLite: BEGIN IMMEDIATE is the lock
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT id, head, chain FROM {table(Room)} WHERE id IN ({_in(ids)}) ORDER BY id{lock}", ids)
        return {row[0]: LockedRoom(*row) for row in cursor.fetchall()}


def read_generations(column: str, values: Collection) -> list[LockedGeneration]:
    if not values:
        return []
    columns = "id, room_id, message_id, status, fence"
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {columns} FROM {table(Generation)} WHERE {column} IN ({_in(values)})", [*values])
        return [LockedGeneration(*row) for row in cursor.fetchall()]
