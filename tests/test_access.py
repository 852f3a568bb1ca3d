"""Who is let in, as whom, and for how long. Sockets look, and never write."""

from __future__ import annotations

import hashlib
from importlib import import_module

import pytest
from django.conf import settings as django_settings
from django.contrib.auth import get_user_model
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from rooms import access, actions
from rooms.access import Grant, Visitor
from rooms.actions import commit_now
from rooms.models import Member, Token

from .fakes import Place, new_place

pytestmark = pytest.mark.usefixtures("alone")


@pytest.fixture
def ada():
    return get_user_model().objects.create_user("ada", first_name="Ada", last_name="Lovelace")


def sign_in(user) -> tuple[Client, str]:
    client = Client()
    client.force_login(user)
    return client, client.cookies[django_settings.SESSION_COOKIE_NAME].value


def guest_session(guest: str) -> str:
    session = import_module(django_settings.SESSION_ENGINE).SessionStore()
    session[access.GUEST_KEY] = guest
    session.create()
    return session.session_key


def join(visitor: Visitor, place: Place) -> Member:
    return commit_now(actions.join(visitor, place.room)).member


def seen_again(visitor: Visitor, member: str = "", link: str = "") -> str:
    """What has become of a listening socket."""
    seat = Grant(visitor, member, link)
    return access.recheck([seat])[seat]


# -- who is asking -----------------------------------------------------------------------------------------------------


def test_a_stranger_is_nobody(place) -> None:
    for session in (None, "", "x" * 32, "\0", "'; DROP TABLE"):
        visitor, member = access.admit(session, "", place.room)
        assert not visitor.known and member is None


def test_a_session_that_nobody_can_have_is_none(place) -> None:
    """PostgreSQL refuses NUL, even to look for it."""
    made_up = Client().get(f"/api/rooms/{place.room}", headers={"cookie": 'chatlab_session="\\000bcdefghij"'})
    assert made_up.status_code == 404 and made_up.json()["code"] == "not_found"


def test_a_guest_is_the_member_of_its_session(place) -> None:
    key = guest_session(place.visitor.guest)
    visitor, member = access.admit(key, "", place.room)
    assert visitor.guest == place.visitor.guest and member.pk == place.member
    assert access.admit(key, "", new_place().room)[1] is None
    assert access.admit(guest_session("another"), "", place.room)[1] is None


def test_an_account_is_a_member_in_every_browser(place, ada) -> None:
    member = join(Visitor(user_id=ada.pk), place)
    assert member.name == "Ada Lovelace"
    for _ in range(2):
        _, key = sign_in(ada)
        assert access.admit(key, "", place.room)[1].pk == member.pk


def test_who_signs_in_later_is_still_who_came_as_a_guest(place, ada) -> None:
    """Both are looked for; where both are members, the account goes first."""
    client, key = sign_in(ada)
    session = client.session
    session[access.GUEST_KEY] = place.visitor.guest
    session.save()
    assert access.admit(key, "", place.room)[1].pk == place.member
    member = Member.objects.create(room_id=place.room, user=ada, name="Ada")
    assert access.admit(key, "", place.room)[1].pk == member.pk


def test_a_token_is_a_member_of_one_room(place) -> None:
    token = access.new_token(Member.objects.get(pk=place.member))
    visitor, member = access.admit(None, f"Bearer {token}", place.room)
    assert member.pk == place.member and visitor.name.startswith("token ")
    assert access.admit(None, f"bearer  {token} ", place.room)[1].pk == place.member
    assert access.admit(None, f"Bearer {token}", new_place().room)[1] is None
    for header in (
        f"Basic {token}",
        token,
        "Bearer",
        "Bearer ",
        f"Bearer {token[:-1]}",
        f"Bearer {token}x",
        "Bearer ü",
    ):
        assert access.admit(None, header, place.room)[1] is None


def test_a_token_goes_before_a_session(place) -> None:
    """Whoever shows a wrong one is not let in by a cookie."""
    key = guest_session(place.visitor.guest)
    assert access.admit(key, "Bearer wrong", place.room)[1] is None


def test_only_a_digest_of_a_token_is_kept(place) -> None:
    token = access.new_token(Member.objects.get(pk=place.member))
    assert Token.objects.get().digest == hashlib.sha256(token.encode()).hexdigest() and len(token) >= 40


def test_who_has_left_is_not_let_in(place) -> None:
    token = access.new_token(Member.objects.get(pk=place.member))
    Member.objects.filter(pk=place.member).update(role=Member.Role.LEFT)
    assert access.admit(guest_session(place.visitor.guest), "", place.room)[1] is None
    assert access.admit(None, f"Bearer {token}", place.room)[1] is None


# -- who may go on listening -------------------------------------------------------------------------------------------


def test_a_listener_goes_on_while_everything_holds(place, ada) -> None:
    guest = access.admit(guest_session(place.visitor.guest), "", place.room)[0]
    token = access.new_token(Member.objects.get(pk=place.member))
    program = access.admit(None, f"Bearer {token}", place.room)[0]
    member = join(Visitor(user_id=ada.pk), place)
    account = access.admit(sign_in(ada)[1], "", place.room)[0]
    good = [Grant(guest, place.member), Grant(program, place.member), Grant(account, member.pk)]
    others = [Grant(account, place.member), Grant(guest, member.pk), Grant(program, member.pk), Grant(guest, "nobody")]
    found = access.recheck(good + others)
    assert [found[seat] for seat in good] == ["member"] * 3
    assert [found[seat] for seat in others] == ["not_a_member"] * 4, "and only as who it is"
    assert found == {seat: seen_again(*seat) for seat in good + others}, "all at once or one by one"
    assert access.recheck([]) == {}


def log_out(client: Client, user) -> None:
    client.logout()


def deactivate(client: Client, user) -> None:
    user.is_active = False
    user.save()


def change_password(client: Client, user) -> None:
    user.set_unusable_password()  # as any other change: the session's hash does not fit it
    user.save()


def leave(client: Client, user) -> None:
    Member.objects.filter(user=user).update(role=Member.Role.LEFT)


def delete_account(client: Client, user) -> None:
    user.delete()


def remove(client: Client, user) -> None:
    Member.objects.filter(user=user).delete()


@pytest.mark.parametrize(
    ("happens", "found"),
    [
        (log_out, "signed_out"),
        (deactivate, "signed_out"),
        (change_password, "signed_out"),
        (delete_account, "signed_out"),
        (leave, "not_a_member"),
        (remove, "not_a_member"),
    ],
)
def test_a_listener_is_cut_off_when_something_ends(place, ada, happens, found) -> None:
    member = join(Visitor(user_id=ada.pk), place)
    client, key = sign_in(ada)
    visitor, admitted = access.admit(key, "", place.room)
    assert admitted.pk == member.pk and seen_again(visitor, member.pk) == "member"
    happens(client, ada)
    assert seen_again(visitor, member.pk) == found
    assert access.admit(key, "", place.room)[1] is None


def test_a_revoked_token_ends_its_listener(place) -> None:
    token = access.new_token(Member.objects.get(pk=place.member))
    visitor, _ = access.admit(None, f"Bearer {token}", place.room)
    Token.objects.all().delete()
    assert seen_again(visitor, place.member) == "not_a_member"


# -- looking, not writing ----------------------------------------------------------------------------------------------


def test_letting_in_only_reads(place, ada) -> None:
    join(Visitor(user_id=ada.pk), place)
    _, key = sign_in(ada)
    with CaptureQueriesContext(connection) as captured:
        visitor, member = access.admit(key, "", place.room)
        seen_again(visitor, member.pk)
        access.admit("unknown", "", place.room)
    assert captured.captured_queries
    assert all(query["sql"].lstrip().startswith("SELECT") for query in captured.captured_queries)


def test_a_rotation_of_the_key_signs_nobody_out(place, ada, settings) -> None:
    """A session of the old key is still good with the fallback; and without it, a look does not destroy it."""
    member, (_, key) = join(Visitor(user_id=ada.pk), place), sign_in(ada)
    guest = guest_session(place.visitor.guest)
    before = dict(Session.objects.values_list("pk", "session_data"))
    old = settings.SECRET_KEY
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "n" * 50, [old]
    assert access.admit(key, "", place.room)[1].pk == member.pk
    assert access.admit(guest, "", place.room)[1].pk == place.member
    settings.SECRET_KEY_FALLBACKS = []
    assert access.admit(key, "", place.room)[1] is None
    assert dict(Session.objects.values_list("pk", "session_data")) == before, "nobody's session was written or ended"
    settings.SECRET_KEY = old
    assert access.admit(key, "", place.room)[1].pk == member.pk
    assert access.admit(guest, "", place.room)[1].pk == place.member
