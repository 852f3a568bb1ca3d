"""Who may ask a model that costs something (CHATLAB_ACCESS). The demo model answers everybody, guests while there are
some (CHATLAB_GUESTS).

What counts is the member who asks, not the connection: a browser, a program with a bearer token and a command are
looked at alike, and so is a question that waits in the queue.
"""

from __future__ import annotations

from django.conf import settings
from django.utils.translation import gettext_noop

from .models import Member

OPEN, MEMBERS, SIGNED_IN = ACCESS = ("open", "members", "signed-in")

# What who may not ask is told; in English on the wire.
REFUSALS = {
    MEMBERS: gettext_noop("In this room only people who are signed in may ask: whoever made it has no account."),
    SIGNED_IN: gettext_noop("Only people who are signed in may ask the model here."),
}


def is_restricted() -> bool:
    """Whether there is anybody who may not ask."""
    return not settings.CHATLAB_GUESTS or (settings.CHATLAB_PROVIDER != "demo" and settings.CHATLAB_ACCESS != OPEN)


def may_ask(member: Member) -> bool:
    """Everybody; or who has an account; or also the guests of a room whose owner has one."""
    if not is_restricted() or (member.user_id and member.user.is_active):
        return True
    return settings.CHATLAB_GUESTS and settings.CHATLAB_ACCESS == MEMBERS and _owner_has_an_account(member.room_id)


def refusal_of(member: Member) -> str:
    """Why this member may not ask, in one English sentence; empty where they may."""
    return "" if may_ask(member) else REFUSALS[settings.CHATLAB_ACCESS if settings.CHATLAB_GUESTS else SIGNED_IN]


def _owner_has_an_account(room_id: str) -> bool:
    return Member.objects.filter(room=room_id, role=Member.Role.OWNER, user__is_active=True).exists()
