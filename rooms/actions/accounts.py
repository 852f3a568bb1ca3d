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
    before = account.role, account.removed
    account.role, account.removed = _right(guest, account)
    if (account.role, account.removed) != before:
        tell(log, account)
        account.save(update_fields=["role", "removed"])
    if guest.role != Member.Role.LEFT:
        guest.role = Member.Role.LEFT
        tell(log, guest)
    guest.guest = None
    guest.save(update_fields=["guest", "role"])
    log.gathered.members |= {guest.pk: guest, account.pk: account}
    if account.role == Member.Role.LEFT:
        Token.objects.filter(member=guest).delete()
    else:
        Token.objects.filter(member=guest).update(member=account)
    Link.objects.filter(member=guest).update(member=account)


def _right(guest: Member, account: Member) -> tuple[str, bool]:
    """(role, removed) of the two as one. Who was sent away as one of them does not come in as the other, unless
    they own the room or are in it as this account already.
    """
    right = max(guest.role, account.role, key=[Member.Role.LEFT, Member.Role.MEMBER, Member.Role.OWNER].index)
    if right != Member.Role.OWNER and (account.removed or (guest.removed and account.role == Member.Role.LEFT)):
        return Member.Role.LEFT, True
    return right, False
