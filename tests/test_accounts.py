"""How long a guest stays who they are, and what becomes of it when they sign in and out."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.conf import settings as django_settings
from django.contrib.auth import get_user_model
from django.contrib.sessions.models import Session
from django.utils import timezone

from chatlab.sessions import SessionStore
from rooms import access, actions, frames, log
from rooms.access import Grant, Visitor
from rooms.actions import commit_now
from rooms.errors import Unavailable
from rooms.models import Link, Member, Message, Token

from .test_links import link_to
from .test_one_browser import SESSION, Browser, is_in, sign_in

pytestmark = pytest.mark.usefixtures("alone")

DAY, YEAR = timedelta(days=1), timedelta(days=365)


@pytest.fixture
def ada():
    return get_user_model().objects.create_user("ada", password="correct horse")


@pytest.fixture
def guest(place) -> Browser:
    """Somebody who has joined."""
    browser = Browser()
    browser.get(f"/rooms/{place.room}/")
    browser.post(f"/rooms/{place.room}/join/", name="Ada the guest")
    return browser


def passes(browser: Browser, days: int) -> None:
    """As if the session had been used last so many days ago."""
    stored = SessionStore(browser.jar[SESSION])
    stored["day"] = (timezone.now() - days * DAY).date().isoformat()
    stored.save()
    row = Session.objects.get(pk=browser.jar[SESSION])
    row.expire_date -= days * DAY
    row.save()


def lasts(browser: Browser) -> timedelta:
    return Session.objects.get(pk=browser.jar[SESSION]).expire_date - timezone.now()


def membership(browser: Browser, room: str) -> Member:
    return access.member_of(browser.visitor, room)


# -- a session lives on with use ---------------------------------------------------------------------------------------


def test_a_guest_stays_for_a_year_after_the_last_use(place, guest) -> None:
    """By pages, and by the one request that a page makes which only keeps its socket open."""
    assert YEAR - DAY < lasts(guest) <= YEAR
    for path in (f"/rooms/{place.room}/", f"/api/rooms/{place.room}/me"):
        passes(guest, days=300)
        assert lasts(guest) < 66 * DAY
        answer = guest.get(path)
        assert YEAR - DAY < lasts(guest) <= YEAR
        assert answer.cookies[SESSION]["max-age"] == YEAR.total_seconds(), "the cookie, too"
        assert SESSION not in guest.get(path).cookies, "once a day, not with each request"


def test_an_account_stays_signed_in_with_use_and_not_for_a_year(guest, ada) -> None:
    guest.take(sign_in(guest))
    fortnight = timedelta(seconds=django_settings.SESSION_COOKIE_AGE)
    assert fortnight - DAY < lasts(guest) <= fortnight
    passes(guest, days=13)
    guest.get("/")
    assert fortnight - DAY < lasts(guest) <= fortnight
    passes(guest, days=15)
    assert "/logout/" not in guest.get("/").content.decode()


def test_a_session_from_before_is_renewed_at_its_first_use() -> None:
    made = SessionStore()
    made[access.GUEST_KEY] = "from-before"
    made.create()
    browser = Browser({SESSION: made.session_key})
    assert browser.get("/").cookies[SESSION].value == made.session_key and lasts(browser) > YEAR - DAY


@pytest.mark.parametrize("engine", ["db", "cache", "cached_db", "file"])
def test_other_engines_keep_sessions_as_well(place, ada, settings, tmp_path, engine) -> None:
    """They promise less about requests that race."""
    settings.SESSION_ENGINE = f"django.contrib.sessions.backends.{engine}"
    settings.SESSION_FILE_PATH = str(tmp_path)
    browser = Browser()
    for page in [browser.ask(f"/rooms/{place.room}/") for _ in range(2)]:
        browser.take(page)
    browser.post(f"/rooms/{place.room}/join/", name="Ada")
    made = link_to(place)
    browser.post(made.link.get_absolute_url(), token=made.token)
    assert is_in(browser, place.room) and browser.visitor.links == {made.link.pk}
    visitor, member = access.admit(browser.jar[SESSION], "", place.room)
    seat = Grant(visitor, member.pk)
    assert access.recheck([seat]) == {seat: "member"}
    browser.take(sign_in(browser))
    assert is_in(browser, place.room) and membership(browser, place.room).user_id == ada.pk
    browser.post("/logout/")
    browser.get("/")
    assert not is_in(browser, place.room)


# -- somebody signs in -------------------------------------------------------------------------------------------------


def test_a_sign_in_takes_along_what_the_browser_was_a_guest_in(place, guest, ada) -> None:
    member = membership(guest, place.room)
    asked = commit_now(actions.post(member.pk, place.room, frames.Post("guest-says-it", "Mine")))
    guest.post("/rooms/", title="My own")
    token = access.new_token(member)
    head = place.head
    guest.take(sign_in(guest))
    elsewhere = Browser()
    elsewhere.get("/login/")
    elsewhere.take(sign_in(elsewhere))
    for browser in (guest, elsewhere):
        now = membership(browser, place.room)
        assert (now.pk, now.name, now.user_id, now.guest) == (member.pk, "Ada the guest", ada.pk, None)
        assert "My own" in browser.get("/").content.decode()
    assert Message.objects.get(pk=asked.message).member_id == member.pk
    assert place.head == head, "nobody else has to hear of it"
    assert access.admit(None, f"Bearer {token}", place.room)[1].pk == member.pk
    assert Member.objects.get(room__title="My own").role == "owner"


@pytest.mark.parametrize(("as_guest", "as_account"), [("owner", "member"), ("member", "owner"), ("member", "left")])
def test_who_is_in_a_room_twice_goes_on_as_the_account_and_loses_nothing(
    place, guest, ada, as_guest, as_account
) -> None:
    account = commit_now(actions.join(Visitor(user_id=ada.pk), place.room, "Ada")).member
    member = membership(guest, place.room)
    asked = commit_now(actions.post(member.pk, place.room, frames.Post("guest-says-it", "Mine")))
    Member.objects.filter(pk=member.pk).update(role=as_guest)
    Member.objects.filter(pk=account.pk).update(role=as_account)
    token = access.new_token(member)
    made = link_to(place)
    Link.objects.update(member=member)
    was = Grant(guest.visitor, member.pk)
    guest.take(sign_in(guest))
    now = membership(guest, place.room)
    assert (now.pk, now.name) == (account.pk, "Ada")
    assert now.role == ("owner" if "owner" in (as_guest, as_account) else "member")
    assert Message.objects.get(pk=asked.message).member_id == member.pk
    snapshot = log.snapshot(place.room)
    assert snapshot["members"][member.pk] | {"color": 0} == {"name": "Ada the guest", "color": 0, "role": "left"}
    assert snapshot["members"][account.pk]["role"] == now.role
    assert access.admit(None, f"Bearer {token}", place.room)[1].pk == account.pk and Token.objects.count() == 1
    assert Link.objects.get(pk=made.link.pk).member_id == account.pk
    assert access.recheck([was]) == {was: "signed_out"}, "its tabs come again, and are told who they are now"
    assert access.admit(guest.jar[SESSION], "", place.room)[1].pk == account.pk
    assert access.rooms_of_guest(was.visitor.guest) == []


def test_a_guest_who_had_left_is_not_brought_back(place, guest, ada) -> None:
    Member.objects.filter(pk=membership(guest, place.room).pk).update(role=Member.Role.LEFT)
    guest.take(sign_in(guest))
    assert membership(guest, place.room) is None and not is_in(guest, place.room)


def test_a_sign_out_loses_nothing_that_the_account_does_not_have(place, guest, ada) -> None:
    """Also of a tab that was slow, and has joined as the guest after the sign-in."""
    who = guest.visitor.guest
    guest.take(sign_in(guest))
    late = commit_now(actions.create_room(Visitor(guest=who), "Late"))
    guest.post("/logout/")
    assert access.rooms_of_guest(who) == []
    guest.get("/")
    assert not is_in(guest, place.room), "nothing is left in the browser"
    guest.get("/login/")
    guest.take(sign_in(guest))
    assert is_in(guest, place.room) and is_in(guest, late.room.pk)


def test_a_database_that_is_away_does_not_keep_anybody_from_signing_in(place, guest, ada, monkeypatch) -> None:
    def away(change: object) -> None:
        raise Unavailable("The database did not answer in time. Try again.")

    monkeypatch.setattr(actions, "commit_now", away)
    guest.take(sign_in(guest))
    assert guest.visitor.user_id == ada.pk and is_in(guest, place.room), "still as the guest that the session knows"


def test_what_can_be_lost_is_said_before_it_is(place, guest, ada) -> None:
    assert "kept in this browser" in guest.get("/").content.decode()
    assert "kept in this browser" in guest.get(f"/rooms/{place.room}/").content.decode()
    page = guest.get(f"/login/?next=/rooms/{place.room}/").content.decode()
    assert "move to your account" in page
    assert f'<a href="/rooms/{place.room}/">Continue as guest</a>' in page
    assert "move to your account" not in Browser().get("/login/").content.decode()
    guest.take(sign_in(guest))
    for path in ("/", f"/rooms/{place.room}/"):
        assert "kept in this browser" not in guest.get(path).content.decode()
