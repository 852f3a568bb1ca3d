"""Staff at a room and its members: by the same verbs as its owner, after a question, for who may, and on the record."""

from __future__ import annotations

import logging

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.admin.utils import quote
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from rooms import log
from rooms.models import Member, Room

pytestmark = pytest.mark.usefixtures("alone")


def signed_in(name: str, *permissions: str) -> Client:
    user = get_user_model().objects.create_user(name, is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def governor() -> Client:
    return signed_in("governor", "view_room", "change_room", "view_member", "change_member")


def do(row: object, verb: str) -> str:
    return reverse(f"admin:rooms_{row._meta.model_name}_do", args=[quote(row.pk), verb])


def page(client: Client, row: object) -> str:
    return client.get(reverse(f"admin:rooms_{row._meta.model_name}_change", args=[quote(row.pk)])).content.decode()


def test_staff_lock_rename_and_unlock_a_room_and_the_log_says_so(place, governor, caplog) -> None:
    room = Room.objects.get(pk=place.room)
    assert do(room, "lock") in page(governor, room) and do(room, "unlock") not in page(governor, room)
    question = governor.get(do(room, "lock"))
    assert question.status_code == 200 and "Nobody new can join it then." in question.content.decode()
    assert not Room.objects.get(pk=place.room).locked, "it was only asked"
    with caplog.at_level(logging.INFO, "rooms.admin.governing"):
        governor.post(do(room, "lock"))
        governor.post(do(room, "rename"), {"title": "  Quiet,   please "})
    room.refresh_from_db()
    assert (room.locked, room.title) == (True, "Quiet, please")
    assert log.verify(place.room) == [] and place.head.seq == 3
    assert f"governor (staff): room {room.pk}: Locked." in caplog.messages
    history = LogEntry.objects.values_list("user__username", "object_id", "change_message")
    assert set(history) == {("governor", room.pk, said) for said in ("Locked.", "Renamed.")}
    assert do(room, "unlock") in page(governor, room) and do(room, "lock") not in page(governor, room)
    governor.post(do(room, "unlock"))
    assert not Room.objects.get(pk=place.room).locked
    refused = governor.post(do(room, "rename"), {"title": "x" * 201}, follow=True)
    assert "longer than 200" in refused.content.decode() and Room.objects.get(pk=place.room).title == "Quiet, please"


def test_staff_remove_anybody_and_let_them_back(place, governor) -> None:
    heir = place.join("Heir")
    owner = Member.objects.get(pk=place.member)
    assert "by the room" in governor.get(do(owner, "remove")).content.decode()
    governor.post(do(owner, "remove"))
    owner.refresh_from_db()
    assert (owner.role, owner.removed, Member.objects.get(pk=heir.member).role) == ("left", True, "owner")
    assert do(owner, "readmit") in page(governor, owner) and do(owner, "remove") not in page(governor, owner)
    governor.post(do(owner, "readmit"))
    assert not Member.objects.get(pk=place.member).removed and log.verify(place.room) == []


@pytest.mark.parametrize("who", ["viewer", "changes other things", "no staff", "nobody"])
def test_who_may_only_look_is_offered_nothing_and_may_nothing(who, place) -> None:
    client = {
        "viewer": lambda: signed_in("viewer", "view_room", "view_member"),
        "changes other things": lambda: signed_in("other", "change_message", "delete_room", "view_room", "view_member"),
        "no staff": lambda: _not_staff(),
        "nobody": Client,
    }[who]()
    before = place.head
    for row, verbs in ((Room.objects.get(), ("lock", "rename")), (Member.objects.get(), ("remove", "readmit"))):
        assert "/do/" not in page(client, row)
        for verb in verbs:
            for answer in (client.get(do(row, verb)), client.post(do(row, verb), {"title": "Mine"})):
                assert answer.status_code in (302, 403) and "/login" in answer.headers.get("Location", "/login")
    assert place.head == before


def _not_staff() -> Client:
    client = Client()
    client.force_login(get_user_model().objects.create_user("ada"))
    return client


def test_what_is_not_there_and_verbs_that_are_none_are_not_found(place, governor) -> None:
    room = Room.objects.get()
    for url in (do(room, "delete"), do(Room(pk="nothing"), "lock"), do(Member(pk="nothing"), "remove")):
        assert governor.post(url).status_code == 404
