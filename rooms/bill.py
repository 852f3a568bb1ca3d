"""What answers cost, in counts and tokens: booked in the transaction that queues an answer, settled in the one that
ends it. Each function here runs inside such a transaction.

Four are charged for an answer: who asks, the address they ask from, the room, the site. Each may have so many under way
(CHATLAB_UNDER_WAY_…; a room by its queue) and so many answers and tokens a day (CHATLAB_DAY_…), counted by UTC. A
booking is what an answer may cost at most. What one has cost the provider says; where it does not, that is estimated.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime, time, timedelta

from django.conf import settings
from django.db import connection
from django.db.models import Count, F, Sum
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_noop

from .errors import Busy, UsedUp
from .models import Generation, Member, Message
from .tallies import Booking, Usage
from .text import tokens_of

PERSON, ADDRESS, ROOM, SITE = KINDS = ("PERSON", "ADDRESS", "ROOM", "SITE")
CROWDED = "Too many answers are under way already. Ask again when some have ended."
USED_UP = {
    PERSON: gettext_noop("You have used up what you may ask today."),
    ADDRESS: gettext_noop("What may be asked from your network today is used up."),
    ROOM: gettext_noop("What may be asked in this room today is used up."),
    SITE: gettext_noop("What may be asked on this site today is used up."),
}
AGAIN = "It is there again at 00:00 UTC."
KEPT = timedelta(days=92)  # what was used, for staff to look at
CROWDED_FOR = 10.0  # seconds
LOCK = 0x63686174  # this site's, in PostgreSQL
LARGEST = 2**40  # tokens that a provider may say an answer has cost


class Ledger:
    """What a batch of questions finds, read once for all of them, and what it books. `askers`: who, and from where."""

    def __init__(self, now: datetime, askers: Iterable[tuple[Member, str]]):
        self._now = now
        self._costs = settings.CHATLAB_PROVIDER != "demo"
        self._day = now.date() if self._costs else None
        self._tokens = settings.CHATLAB_CONTEXT_TOKENS + settings.CHATLAB_ANSWER_TOKENS if self._costs else 0
        self._under_way, self._booked, self._answers, self._spent = Counter(), Counter(), Counter(), Counter()
        if self._costs or settings.CHATLAB_LIMITS:
            _one_after_the_other()
        if settings.CHATLAB_LIMITS:
            self._read({subject for asker in askers for subject in subjects_of(*asker).values()})

    def book(self, member: Member, address: str) -> list[Booking]:
        """The bookings of an answer to come; Busy or UsedUp where there may be none."""
        subjects = subjects_of(member, address)
        if settings.CHATLAB_LIMITS:
            self._require_place(subjects)
        else:
            subjects = {SITE: subjects[SITE]}
        self._under_way.update(subjects.values())
        self._answers.update(subjects.values())
        self._booked.update(dict.fromkeys(subjects.values(), self._tokens))
        return [Booking(subject=subject, day=self._day, tokens=self._tokens) for subject in subjects.values()]

    def _read(self, subjects: set[str]) -> None:
        # Only of what is open: a process of the version before ends answers, too, and settles nothing.
        rows = Booking.objects.filter(subject__in=subjects, generation__status__in=Generation.OPEN)
        rows = rows.order_by().values_list("subject", "day")
        for subject, day, count, tokens in rows.annotate(Count("pk"), Sum("tokens")):
            self._under_way[subject] += count
            self._booked[subject] += tokens if day == self._day else 0
        if self._costs:
            for row in Usage.objects.filter(subject__in=subjects, day=self._day):
                self._answers[row.subject], self._spent[row.subject] = row.answers, row.tokens

    def _require_place(self, subjects: dict[str, str]) -> None:
        for kind, subject in subjects.items():
            if kind != ROOM and self._under_way[subject] >= getattr(settings, f"CHATLAB_UNDER_WAY_{kind}"):
                raise Busy(CROWDED, retry_after=CROWDED_FOR)
        for kind, subject in subjects.items() if self._costs else ():
            tokens = self._spent[subject] + self._booked[subject] + self._tokens
            too_many = self._answers[subject] >= getattr(settings, f"CHATLAB_DAY_ANSWERS_{kind}")
            if too_many or tokens > getattr(settings, f"CHATLAB_DAY_TOKENS_{kind}"):
                midnight = datetime.combine(self._day + timedelta(days=1), time(), self._now.tzinfo)
                raise UsedUp(USED_UP[kind], AGAIN, retry_after=(midnight - self._now).total_seconds())


def of_generation(generation: Generation, bookings: Iterable[Booking]) -> Iterator[Booking]:
    for booking in bookings:
        booking.generation = generation
        yield booking


def store(bookings: list[Booking]) -> None:
    """Their generations are stored already."""
    Booking.objects.bulk_create(bookings)
    for day in {booking.day for booking in bookings} - {None}:  # one: that of the transaction
        fresh = Counter(booking.subject for booking in bookings)
        before = dict(Usage.objects.filter(subject__in=fresh, day=day).values_list("subject", "answers"))
        if not before.get("site"):  # the first of a day
            Usage.objects.filter(day__lt=day - KEPT).delete()
        rows = [Usage(subject=name, day=day, answers=before.get(name, 0) + count) for name, count in fresh.items()]
        Usage.objects.bulk_create(
            rows, update_conflicts=True, unique_fields=["subject", "day"], update_fields=["answers"]
        )


def note_request(generation: int, tokens: int, left_out: bool) -> None:
    """A request is about to be made, of about so many tokens."""
    bookings = Booking.objects.filter(generation=generation)
    bookings.update(asked=F("asked") + max(tokens, 1), left_out=left_out)


def settle(generation: int, message: str, usage: dict | None) -> dict | None:
    """An answer has ended. One that no request was made for is given back. Returns its usage, as readers are told."""
    bookings = list(Booking.objects.filter(generation=generation))
    if not bookings:
        return usage
    Booking.objects.filter(generation=generation).delete()
    first = bookings[0]
    if first.day is not None:
        _one_after_the_other()
        rows = Usage.objects.filter(subject__in=[booking.subject for booking in bookings], day=first.day)
        if first.asked:
            rows.update(tokens=F("tokens") + _cost(first.asked, message, usage))
        else:
            rows.update(answers=F("answers") - 1)
    return {**(usage or {}), "left_out": True} if first.left_out else usage


def subjects_of(member: Member, address: str) -> dict[str, str]:
    """By kind. An address, and the session of a guest, only as a keyed hash. A command has no address."""
    person = f"user {member.user_id}" if member.user_id else f"guest {_hashed(member.guest or member.pk)}"
    subjects = {PERSON: person, ADDRESS: f"address {_hashed(address)}", ROOM: f"room {member.room_id}", SITE: "site"}
    return {kind: subject for kind, subject in subjects.items() if address or kind != ADDRESS}


def _hashed(secret: str) -> str:
    return salted_hmac("chatlab.usage", secret, algorithm="sha256").hexdigest()[:16]


def _one_after_the_other() -> None:
    """Until the commit. Behind the rooms' locks, of which this transaction takes no more: no circle. SQLite has one
    writer.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])


def _cost(asked: int, message: str, usage: dict | None) -> int:
    told = [(usage or {}).get(part) for part in ("input", "output")]
    if all(isinstance(count, int) and 0 <= count <= LARGEST for count in told):
        return sum(told)
    text, reasoning = Message.objects.values_list("text", "reasoning").get(pk=message)
    return asked + tokens_of(text) + tokens_of(reasoning)
