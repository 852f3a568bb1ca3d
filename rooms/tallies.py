"""What is counted for all processes together: rows that the log knows nothing of."""

from __future__ import annotations

from django.db import models


class Attempts(models.Model):
    """Passwords that were wrong, of an account, an address or both (rooms/passwords/attempts.py)."""

    subject = models.CharField(primary_key=True, max_length=64)  # a keyed hash: neither name nor address
    count = models.PositiveIntegerField(default=0)
    until = models.DateTimeField(null=True, db_index=True)  # when the count begins anew
    known_until = models.DateTimeField(null=True)  # the account has signed in from this address
