"""Verbs on accounts: what somebody was a guest in becomes their account's."""

from __future__ import annotations

from ..log import Change, Transaction
from ..models import Link, Member, Token
from .rooms import tell


def move_to_account(guest: str, user_id: int, room_id: str) -> Change:
    """The guest's member of a room becomes the account's, with its name and everything that it has said.

    Where the account is a member already, that one goes on, with the greater right of the two. What the guest has said
    stays the guest's, who has left: the log names authors by their members' ids, and a delta never changes.
    """

    def apply(log: Transaction) -> None:
        log.room(room_id)
        mine = Member.objects.filter(room=room_id, guest=guest).first()
        if mine is None:
            return
        account = Member.objects.filter(room=room_id, user=user_id).first()
        if account is None:
            mine.guest, mine.user_id = None, user_id
            mine.save(update_fields=["guest", "user"])
            return
        _merge(log, mine, account)

    return Change(room_id, apply)


def _merge(log: Transaction, guest: Member, account: Member) -> None:
    right = max(guest.role, account.role, key=[Member.Role.LEFT, Member.Role.MEMBER, Member.Role.OWNER].index)
    if guest.removed and account.role == Member.Role.LEFT:
        account.removed = True
        account.save(update_fields=["removed"])
    if account.role != right and not account.removed:  # coming back as a guest does not readmit the account
        account.role = right
        tell(log, account)
        account.save(update_fields=["role"])
    if guest.role != Member.Role.LEFT:
        guest.role = Member.Role.LEFT
        tell(log, guest)
    guest.guest = None
    guest.save(update_fields=["guest", "role"])
    Token.objects.filter(member=guest).update(member=account)
    Link.objects.filter(member=guest).update(member=account)
