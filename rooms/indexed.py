"""Which messages a search finds. The words that it finds them by are no columns of Django's (rooms/log/index.py)."""

from __future__ import annotations

from django.db import models


class Indexed(models.Model):
    """A message that is complete. A higher number is newer."""

    message = models.OneToOneField("rooms.Message", models.CASCADE, related_name="indexed")

    class Meta:
        app_label = "rooms"
