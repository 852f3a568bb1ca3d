"""Who may be in a room: it is locked, left, and somebody is removed from it. What that does to what they have."""

from __future__ import annotations

import threading

import pytest
from django.contrib.auth import get_user_model

from rooms import access, actions, log
from rooms.access import Visitor
from rooms.actions import commit_now
from rooms.errors import Conflict, NotAllowed, NotFound
from rooms.frames import ChangeRoom
from rooms.models import Delta, Link, Member, Room, Token

from .fakes import Place, new_place
from .test_actions import last_items
from .test_batches import asking, at_once
from .test_links import link_to

__all__ = ["at_once"]

pytestmark = pytest.mark.usefixtures("alone")


def lock(place: Place, locked: bool = True, by: str | None = "") -> None:
    commit_now(actions.change_room(place.member if by == "" else by, place.room, ChangeRoom(locked=locked)))


def remove(place: Place, other: Place) -> None:
    commit_now(actions.remove(place.member, place.room, other.member))


def leave(place: Place) -> None:
    commit_now(actions.leave(place.member, place.room))


def role(place: Place) -> str:
    return Member.objects.get(pk=place.member).role


def come(place: Place, visitor: Visitor) -> Member:
    return commit_now(actions.join(visitor, place.room)).member


@pytest.fixture
def bea(place) -> Place:
    return place.join("Bea")


# -- the lock ----------------------------------------------------------------------------------------------------------


def test_its_owner_locks_a_room_and_all_tabs_are_told(place, bea) -> None:
    lock(place)
    assert last_items(place, 1)[0] | {"seq": 0, "at": ""} == {"seq": 0, "at": "", "kind": "room", "locked": True}
    with pytest.raises(NotAllowed, match="locked"):
        place.join("Cy")
    assert come(place, bea.visitor).pk == bea.member, "who is a member goes on"
    bea.post("Still here")
    leave(bea)
    with pytest.raises(NotAllowed, match="locked"):
        come(place, bea.visitor)
    lock(place, False)
    assert come(place, bea.visitor).pk == bea.member and place.join("Cy")


def test_a_member_may_rename_and_nobody_but_the_owner_may_lock_also_not_both_at_once(place, bea) -> None:
    commit_now(actions.change_room(bea.member, place.room, ChangeRoom(title="Named by Bea")))
    before = place.head
    for change in (ChangeRoom(locked=True), ChangeRoom(locked=False), ChangeRoom(title="Mine", locked=True)):
        with pytest.raises(NotAllowed):
            commit_now(actions.change_room(bea.member, place.room, change))
    room = Room.objects.get(pk=place.room)
    assert (room.title, room.locked, place.head) == ("Named by Bea", False, before)


def test_a_lock_and_who_joins_in_the_same_moment_are_in_one_order(at_once, place) -> None:
    early, late = (actions.join(Visitor(guest=name), place.room) for name in ("early", "late"))
    locking = actions.change_room(place.member, place.room, ChangeRoom(locked=True))
    retitling = actions.change_room(None, place.room, ChangeRoom(title="By staff"))
    joined, _, refused, _ = at_once(early, locking, late, retitling)
    assert isinstance(joined, actions.Joined) and isinstance(refused, NotAllowed)
    assert Room.objects.get(pk=place.room).locked and log.verify(place.room) == []


def test_nobody_joins_behind_a_lock_however_many_try_at_once(place) -> None:
    outcomes, start = [], threading.Barrier(13)

    def run(change: object) -> None:
        start.wait(10)
        try:
            outcomes.append(commit_now(change))
        except NotAllowed as refusal:
            outcomes.append(refusal)

    changes = [actions.join(Visitor(guest=f"guest {n}"), place.room) for n in range(12)]
    changes.insert(6, actions.change_room(place.member, place.room, ChangeRoom(locked=True)))
    threads = [threading.Thread(target=run, args=(change,)) for change in changes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    kinds = list(Delta.objects.filter(room=place.room).order_by("seq").values_list("kind", flat=True))
    assert kinds.index("room") == len(kinds) - 1, "no `member` behind the lock"
    joined = sum(isinstance(outcome, actions.Joined) for outcome in outcomes)
    assert len(outcomes) == 13 and joined == len(kinds) - 2 == Member.objects.filter(room=place.room).count() - 1


# -- removing ----------------------------------------------------------------------------------------------------------


def test_who_is_removed_is_told_in_the_log_and_does_nothing_any_more(place, bea) -> None:
    token = access.new_token(Member.objects.get(pk=bea.member))
    pen = bea.begin()
    remove(place, bea)
    (item,) = last_items(place, 1)
    assert item["member"] == {"id": bea.member, "name": "Bea", "color": 2, "role": "left", "removed": True}
    held = log.snapshot(place.room)["members"][bea.member]
    assert {"id": bea.member, **held} == item["member"]
    with pytest.raises(NotAllowed):
        bea.post()
    assert access.admit(None, f"Bearer {token}", place.room)[1] is None and not Token.objects.exists()
    pen.write("goes on")
    pen.end()
    assert log.snapshot(place.room)["messages"][-1]["status"] == "complete", "what they asked for is answered"
    remove(place, bea)
    assert log.verify(place.room) == [] and last_items(place, 1)[0]["kind"] == "closed", "twice is once"


def test_who_was_removed_stays_out_until_they_are_let_back(place, bea) -> None:
    remove(place, bea)
    with pytest.raises(NotAllowed, match="removed"):
        come(place, bea.visitor)
    commit_now(actions.readmit(place.member, place.room, bea.member))
    assert last_items(place, 1)[0]["member"]["role"] == "left" and "removed" not in last_items(place, 1)[0]["member"]
    lock(place)
    with pytest.raises(NotAllowed, match="locked"):
        come(place, bea.visitor)
    lock(place, False)
    assert come(place, bea.visitor).pk == bea.member and role(bea) == "member"


def test_no_other_way_of_being_the_same_person_leads_around_a_removal(place, bea) -> None:
    ada = get_user_model().objects.create_user("ada")
    remove(place, bea)
    with pytest.raises(NotAllowed, match="removed"):
        come(place, Visitor(user_id=ada.pk, guest=bea.visitor.guest))
    member = come(place, Visitor(user_id=ada.pk))
    commit_now(actions.remove(place.member, place.room, member.pk))
    with pytest.raises(NotAllowed, match="removed"):
        come(place, Visitor(user_id=ada.pk, guest="another"))
    assert come(place, Visitor(guest="somebody else")).role == "member", "that is what a lock is for"


def test_signing_in_makes_nobody_of_a_removal(place, bea) -> None:
    """The guest's membership moves to the account: a removal of either stays one, and an owner stays the owner."""
    ada, eve, max_ = (get_user_model().objects.create_user(name) for name in ("ada", "eve", "max"))

    def signs_in(guest: Place, user) -> Member:
        commit_now(actions.move_to_account(guest.visitor.guest, user.pk, place.room))
        return Member.objects.get(room=place.room, user=user)

    remove(place, bea)
    assert (signs_in(bea, ada).role, signs_in(bea, ada).removed) == ("left", True), "as who they were"
    left, removed = come(place, Visitor(user_id=eve.pk)), place.join("Removed")
    commit_now(actions.leave(left.pk, place.room))
    remove(place, removed)
    assert (signs_in(removed, eve).role, signs_in(removed, eve).removed) == ("left", True), "a removed guest"
    again = place.join("Again")
    token = access.new_token(Member.objects.get(pk=again.member))
    assert signs_in(again, eve).removed, "a removed account, which came in again as a guest"
    assert role(again) == "left" and access.admit(None, f"Bearer {token}", place.room)[1] is None
    assert not Token.objects.exists()
    commit_now(actions.remove(place.member, place.room, come(place, Visitor(user_id=max_.pk)).pk))
    owner = signs_in(place, max_)
    assert (owner.role, owner.removed) == ("owner", False) and log.verify(place.room) == []


def test_one_who_left_can_be_kept_out(place, bea) -> None:
    leave(bea)
    remove(place, bea)
    with pytest.raises(NotAllowed, match="removed"):
        come(place, bea.visitor)


def test_only_the_owner_removes_and_never_an_owner(place, bea) -> None:
    cy, stranger = place.join("Cy"), new_place()
    for verb in (actions.remove, actions.readmit):
        for who in (bea.member, stranger.member):
            with pytest.raises(NotAllowed):
                commit_now(verb(who, place.room, cy.member))
        for whom in (stranger.member, "nobody"):
            with pytest.raises(NotFound):
                commit_now(verb(place.member, place.room, whom))
    with pytest.raises(Conflict):
        commit_now(actions.remove(place.member, place.room, place.member))
    assert [role(one) for one in (place, bea, cy)] == ["owner", "member", "member"]


def test_who_is_removed_in_a_batch_says_nothing_behind_it(at_once, place, bea) -> None:
    removing = actions.remove(place.member, place.room, bea.member)
    naming = actions.join(bea.visitor, place.room, "Beatrice")
    _, _, refused, back = at_once(naming, removing, asking(bea), actions.join(bea.visitor, place.room))
    assert isinstance(refused, NotAllowed) and isinstance(back, NotAllowed)
    assert last_items(place, 1)[0]["member"]["name"] == "Beatrice"
    assert log.verify(place.room) == []


# -- leaving -----------------------------------------------------------------------------------------------------------


def test_who_leaves_may_come_back_as_who_they_were(place, bea) -> None:
    access.new_token(Member.objects.get(pk=bea.member))
    leave(bea)
    assert role(bea) == "left" and not Token.objects.exists()
    with pytest.raises(NotAllowed):
        leave(bea)
    assert come(place, bea.visitor).pk == bea.member and role(bea) == "member"


def test_a_room_whose_last_owner_leaves_belongs_to_who_has_been_in_it_for_longest(place) -> None:
    program = commit_now(actions.join(Visitor(guest=f"{Member.PROGRAM}x"), place.room, "Program"))
    ghost = Member.objects.create(room_id=place.room, name="Account deleted")
    first, second = place.join("First"), place.join("Second")
    link = link_to(place)
    heir = actions.heir_of(place.room, place.member)
    leave(place)
    assert heir.pk == first.member and (role(first), role(second)) == ("owner", "member")
    assert [item["member"]["role"] for item in last_items(place, 2)] == ["left", "owner"]
    commit_now(actions.revoke_link(first.member, place.room, link.link.pk))
    assert come(place, place.visitor).role == "member", "who comes back is a member like all"
    leave(second)
    assert role(first) == "owner" and Member.objects.get(pk=program.member.pk).role == "member"
    assert Member.objects.get(pk=ghost.pk).role == "member"


def test_a_room_with_another_owner_needs_no_heir(place, bea) -> None:
    Member.objects.filter(pk=bea.member).update(role="owner")
    cy = place.join("Cy")
    leave(place)
    assert (role(bea), role(cy)) == ("owner", "member")


def test_a_room_that_everybody_has_left_shows_nothing_to_anybody_and_has_a_new_owner_in_time(place, bea) -> None:
    link_to(place)
    leave(place)
    assert role(bea) == "owner" and Link.objects.exists()
    leave(bea)
    assert not Link.objects.exists(), "nobody could revoke it"
    cy = place.join("Cy")
    assert role(cy) == "owner" and come(place, bea.visitor).role == "member"
    assert log.verify(place.room) == []


def test_staff_may_what_the_owner_may_and_remove_the_owner_too(place, bea) -> None:
    lock(place, by=None)
    assert Room.objects.get(pk=place.room).locked
    commit_now(actions.change_room(None, place.room, ChangeRoom(title="By staff")))
    commit_now(actions.remove(None, place.room, place.member))
    assert (role(place), role(bea)) == ("left", "owner") and Room.objects.get(pk=place.room).title == "By staff"
    commit_now(actions.readmit(None, place.room, place.member))
    with pytest.raises(NotFound):
        commit_now(actions.change_room(None, "nowhere", ChangeRoom(title="x")))
