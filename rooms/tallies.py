"""What is counted for all processes together: rows that the log knows nothing of."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class Attempts(models.Model):
    """Passwords that were wrong, of an account, an address or both (rooms/passwords/attempts.py)."""

    subject = models.CharField(primary_key=True, max_length=64)  # a keyed hash: neither name nor address
    count = models.PositiveIntegerField(default=0)
    until = models.DateTimeField(null=True, db_index=True)  # when the count begins anew
    known_until = models.DateTimeField(null=True)  # the account has signed in from this address


class Usage(models.Model):
    """What somebody, an address, a room or the site has used of a real model on a day (UTC). What is under way is among
    the answers; its tokens are those of its bookings until it has ended.
    """

    subject = models.CharField(_("whose"), max_length=80)  # `site`, `room ID`, `user ID`, or a keyed hash
    day = models.DateField(_("day"), db_index=True)
    answers = models.PositiveIntegerField(_("answers"), default=0)
    tokens = models.PositiveBigIntegerField(_("tokens"), default=0)

    class Meta:
        verbose_name, verbose_name_plural = _("usage"), _("usage")
        constraints = [models.UniqueConstraint("subject", "day", name="usage_once_a_day")]

    def __str__(self) -> str:
        return f"{self.subject}, {self.day}"


class Booking(models.Model):
    """What an answer that has not ended may cost one of those who are charged for it. There is one exactly as long."""

    generation = models.ForeignKey("rooms.Generation", models.CASCADE, related_name="bookings")
    subject = models.CharField(max_length=80)
    day = models.DateField(null=True)  # whose usage it is of; none where the model costs nothing
    tokens = models.PositiveBigIntegerField()
    asked = models.PositiveBigIntegerField(default=0)  # tokens of the requests that were made; estimated
    left_out = models.BooleanField(default=False)  # what was older than the model was shown

    class Meta:
        constraints = [models.UniqueConstraint("generation", "subject", name="booking_once_for_each")]
        indexes = [models.Index("subject", name="booking_of_subject")]
