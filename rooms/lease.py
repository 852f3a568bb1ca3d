"""Who may write a generation: a lease in database time, and a fence number that only ever grows.

Every function here runs inside a log transaction, or only reads. Whoever holds the lease appends with its fence; a take
over raises the fence, and from that commit on the old holder's appends are refused.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet, Window
from django.db.models.functions import RowNumber

from . import database
from .models import Generation

AT_ONCE = 500  # generations that one look brings


def take(generation_id: int, holder: str, now: datetime) -> bool:
    """Claim a generation that is queued and waits for no other, or whose lease has run out. One conditional UPDATE:
    exactly one taker wins.
    """
    free = _next_in_line() | Q(status=Generation.Status.STREAMING, lease_until__lt=now)
    taken = Generation.objects.filter(free, pk=generation_id).update(
        status=Generation.Status.STREAMING,
        holder=holder,
        fence=F("fence") + 1,
        lease_until=now + timedelta(seconds=settings.CHATLAB_LEASE),
    )
    return taken == 1


def crowded(room_id: str) -> bool:
    """Whether as many answers stream in this room as may at once."""
    return _streaming(room_id).count() >= settings.CHATLAB_ROOM_ANSWERS


def release(message_id: str, now: datetime, *, begun: bool) -> None:
    """An answer has ended. What waits for it counts as queued from now on. If it was never begun, it may have waited
    itself: what followed it goes on to wait for the same.
    """
    followers = Generation.objects.filter(waits_for=message_id)
    followers.filter(status=Generation.Status.QUEUED).update(queued_at=now)
    if not begun:
        before = Generation.objects.values_list("waits_for", flat=True).get(message=message_id)
        followers.update(waits_for=before)


def startable(room_id: str) -> list[int]:
    """The queued ones of a room that may be started now, the oldest first."""
    most = settings.CHATLAB_ROOM_ANSWERS
    queued = Generation.objects.filter(_next_in_line(), room=room_id).order_by("pk")
    found = list(queued.values_list("pk", flat=True)[:most])
    return found[: max(most - _streaming(room_id).count(), 0)] if found else []


def _next_in_line() -> Q:
    """Queued, and every answer before it has ended: a model that is asked now is shown all of them."""
    before = Generation.objects.filter(message=OuterRef("waits_for"), status__in=Generation.OPEN)
    return Q(status=Generation.Status.QUEUED) & ~Exists(before)


def _streaming(room_id: str) -> QuerySet[Generation]:
    return Generation.objects.filter(room=room_id, status=Generation.Status.STREAMING)


def renew(generation_id: int, now: datetime) -> None:
    until = now + timedelta(seconds=settings.CHATLAB_LEASE)
    Generation.objects.filter(pk=generation_id).update(lease_until=until)


def give_back(generation_id: int, now: datetime) -> None:
    """The lease has run out as of now."""
    Generation.objects.filter(pk=generation_id).update(lease_until=now - timedelta(seconds=1))


def waiting() -> list[tuple[str, int]]:
    """(room, id) of generations that a worker may take: orphans, and of each room as many queued ones as it may stream.

    Rooms that stream as many as they may are left out: their next one is started when one of those ends. So are
    answers that wait for another one.
    """
    most = settings.CHATLAB_ROOM_ANSWERS
    streaming = Generation.objects.filter(status=Generation.Status.STREAMING)
    orphaned = streaming.filter(lease_until__lt=database.clock()).order_by("pk")
    full = streaming.values("room").annotate(count=Count("pk")).filter(count__gte=most).values("room")
    place = Window(RowNumber(), partition_by="room", order_by="pk")
    queued = Generation.objects.filter(_next_in_line()).exclude(room__in=full)
    queued = queued.annotate(place=place).filter(place__lte=most).order_by("pk")
    return [*orphaned.values_list("room_id", "pk")[:AT_ONCE], *queued.values_list("room_id", "pk")[:AT_ONCE]]


def expired() -> list[tuple[str, int]]:
    """(room, id) of generations that have waited for a worker for too long: in the queue, or orphaned."""
    rows = Generation.objects.filter(_expired(database.clock())).order_by("pk")
    return list(rows.values_list("room_id", "pk")[:AT_ONCE])


def has_expired(generation_id: int, now: datetime) -> bool:
    return Generation.objects.filter(_expired(now), pk=generation_id).exists()


def _expired(now: datetime) -> Q:
    queued = _next_in_line() & Q(queued_at__lt=now - timedelta(seconds=settings.CHATLAB_QUEUE_TTL))
    orphaned_before = now - timedelta(seconds=settings.CHATLAB_ORPHAN_TTL)
    return queued | Q(status=Generation.Status.STREAMING, lease_until__lt=orphaned_before)


def has_ended(generation_id: int) -> bool:
    return not Generation.objects.filter(pk=generation_id, status__in=Generation.OPEN).exists()


def lost_among(fences: dict[int, int]) -> list[int]:
    """Which of these generations have ended, or are written under another fence than the given one."""
    if not fences:
        return []
    rows = Generation.objects.filter(pk__in=fences, status=Generation.Status.STREAMING).values_list("pk", "fence")
    held = {pk for pk, fence in rows if fences[pk] == fence}
    return [pk for pk in fences if pk not in held]
