"""How often passwords may be tried, counted in the database, so for all processes together.

Three counts, each over its own window (CHATLAB_RATE_SIGN_IN…): of an account from an address, of an address, of an
account. An attempt is counted before it is looked at, so a hundred at once are no more than ten one by one; one that is
refused is not looked at, whether it is right or wrong. An account that nobody has is counted like any other.

Nobody is locked out by strangers: from an address where an account has signed in before, only the first of the three
counts. Whoever gets it right takes back what they got wrong, and no other's.
"""

from __future__ import annotations

import logging
import unicodedata
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Q
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_noop

from .. import database
from ..errors import TooManyAttempts
from ..tallies import Attempts

logger = logging.getLogger(__name__)

TOO_MANY = gettext_noop("Too many attempts to sign in.")
KNOWN = timedelta(days=30)  # after a sign-in, its address is one of the account's
SWEPT = 20  # old rows that an attempt takes along

PAIR, ADDRESS, ACCOUNT = "CHATLAB_RATE_SIGN_IN", "CHATLAB_RATE_SIGN_IN_ADDRESS", "CHATLAB_RATE_SIGN_IN_ACCOUNT"
CAUSES = {PAIR: "of this account from this address", ADDRESS: "from this address", ACCOUNT: "of this account"}

Rows = dict[str, Attempts]  # by the setting that bounds each


def begin(account: str, address: str) -> None:
    """Count an attempt; TooManyAttempts where it is one too many."""
    if not settings.CHATLAB_LIMITS:
        return
    keys, now = _keys(account, address), database.clock()
    full = _full(_read(keys), now)
    if full is None:  # else nothing is written
        with transaction.atomic():
            rows = _locked(keys)
            full = _full(rows, now)
            if full is None:
                for setting in _counting(rows, now):
                    _count(setting, rows[setting], now)
                _sweep(now)
    if full is not None:
        setting, until = full
        most, seconds = getattr(settings, setting)
        cause = f"{most} {CAUSES[setting]} within {seconds:g} s ({setting})"
        logger.warning("sign-in as %.100r from %s refused: %s", account, address, cause)
        raise TooManyAttempts(TOO_MANY, retry_after=(until - now).total_seconds())


def succeeded(account: str, address: str) -> None:
    """What this account has got wrong from here counts no more, and its address is known."""
    if not settings.CHATLAB_LIMITS:
        return
    keys, now = _keys(account, address), database.clock()
    with transaction.atomic():
        rows = _locked(keys)
        mine = _failed(rows[PAIR], now)
        for setting in _counting(rows, now):
            rows[setting].count = max(_failed(rows[setting], now) - mine, 0)
            rows[setting].save()
        rows[PAIR].known_until = now + KNOWN
        rows[PAIR].save()


def _keys(account: str, address: str) -> dict[str, str]:
    """Neither names nor addresses are stored; two ways to write one name are one account."""
    account = unicodedata.normalize("NFKC", account).casefold()
    named = {PAIR: f"{address} {account}", ADDRESS: address, ACCOUNT: account}
    return {setting: salted_hmac(setting, what, algorithm="sha256").hexdigest() for setting, what in named.items()}


def _read(keys: dict[str, str]) -> Rows:
    found = Attempts.objects.in_bulk(keys.values())
    return {setting: found.get(key) or Attempts(subject=key) for setting, key in keys.items()}


def _locked(keys: dict[str, str]) -> Rows:
    """In the order of their keys: two attempts can't wait for each other in a circle."""
    subjects = sorted(keys.values())
    Attempts.objects.bulk_create([Attempts(subject=subject) for subject in subjects], ignore_conflicts=True)
    rows = Attempts.objects.select_for_update().filter(subject__in=subjects).order_by("subject")
    found = {row.subject: row for row in rows}
    return {setting: found[key] for setting, key in keys.items()}


def _counting(rows: Rows, now: datetime) -> list[str]:
    """Which of the counts this attempt is one of."""
    known = rows[PAIR].known_until
    return [PAIR] if known is not None and known > now else [PAIR, ADDRESS, ACCOUNT]


def _full(rows: Rows, now: datetime) -> tuple[str, datetime] | None:
    """The count that is full for longest, and until when."""
    full = [name for name in _counting(rows, now) if _failed(rows[name], now) >= getattr(settings, name)[0]]
    return max(((name, rows[name].until) for name in full), key=lambda entry: entry[1], default=None)


def _failed(row: Attempts, now: datetime) -> int:
    return row.count if row.until is not None and row.until > now else 0


def _count(setting: str, row: Attempts, now: datetime) -> None:
    row.count = _failed(row, now) + 1
    if row.count == 1:
        row.until = now + timedelta(seconds=getattr(settings, setting)[1])
    row.save()


def _sweep(now: datetime) -> None:
    """Each attempt makes three rows at most and takes more away: they are never many."""
    old = Attempts.objects.filter(Q(known_until=None) | Q(known_until__lt=now), until__lt=now).order_by("until")
    skip = connection.features.has_select_for_update_skip_locked
    found = list(old.select_for_update(skip_locked=skip).values_list("pk", flat=True)[:SWEPT])
    Attempts.objects.filter(pk__in=found).delete()
