"""Read-only links: who may make and revoke them, and that who holds one reads a single room and does nothing else."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.conf import settings as django_settings
from django.test import Client
from django.utils import timezone

from rooms import access, actions, frames, log
from rooms.access import Grant, Visitor
from rooms.actions import commit_now
from rooms.models import Link, Member

from .fakes import Place, new_place

pytestmark = pytest.mark.usefixtures("alone")


@pytest.fixture
def place() -> Place:
    made = new_place("A secret plan")
    made.answered("The answer.")
    return made


def link_to(place: Place, lasts: timedelta | None = None) -> actions.NewLink:
    return commit_now(actions.create_link(place.member, place.room, lasts))


def guest(key: str | None) -> Client:
    client = Client()
    if key:
        session = client.session
        session[access.GUEST_KEY] = key
        session.save()
        client.cookies[django_settings.SESSION_COOKIE_NAME] = session.session_key
    return client


def holder(made: actions.NewLink) -> Client:
    """A browser without any account that has opened the link."""
    client = Client()
    shown = client.post(made.link.get_absolute_url(), {"token": made.token})
    assert shown.status_code == 302, shown.content
    return client


# -- the token ---------------------------------------------------------------------------------------------------------


def test_the_token_is_long_kept_as_a_digest_and_shown_once(place) -> None:
    client = guest(place.visitor.guest)
    made = client.post(f"/rooms/{place.room}/links/", {"lasts": "day"})
    link = Link.objects.get()
    address = made.context["address"]
    token = address.rpartition("#")[2]
    assert address == f"http://testserver/shared/{link.pk}/#{token}" and token in made.content.decode()
    assert len(token) >= 22 and link.digest == access.digest_of(token), "128 bits, and only their SHA-256 is kept"
    assert timedelta(hours=23) < link.expires_at - timezone.now() <= timedelta(days=1)
    again = client.get(f"/rooms/{place.room}/links/")
    assert token not in again.content.decode() and link.digest not in again.content.decode()
    assert "no-store" in made["Cache-Control"]


@pytest.mark.parametrize("wrong", ["", "x", "x" * 500, "\0", "ü"])
def test_a_wrong_token_opens_nothing_and_makes_no_session(place, wrong) -> None:
    made = link_to(place)
    client = Client()
    answers = [client.post(f"/shared/{link}/", {"token": wrong}) for link in (made.link.pk, "A" * 22)]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert django_settings.SESSION_COOKIE_NAME not in client.cookies
    other = link_to(new_place())
    assert client.post(made.link.get_absolute_url(), {"token": other.token}).status_code == 404


def test_an_id_alone_says_nothing_about_whether_there_is_such_a_link(place) -> None:
    made = link_to(place)
    known, unknown = (Client().get(f"/shared/{link}/") for link in (made.link.pk, "A" * 22))
    assert known.status_code == unknown.status_code == 200
    strip = [answer.content.decode().replace(link, "") for answer, link in ((known, made.link.pk), (unknown, "A" * 22))]
    cut = [text[: text.index("csrfmiddlewaretoken")] for text in strip]
    assert cut[0] == cut[1]


def test_a_link_ends_when_it_is_revoked_and_when_it_expires(place) -> None:
    for end in (
        lambda link: commit_now(actions.revoke_link(place.member, place.room, link.pk)),
        lambda link: Link.objects.filter(pk=link.pk).update(expires_at=timezone.now()),
    ):
        made = link_to(place, timedelta(days=1))
        client = holder(made)
        visitor = access.visitor_of_session(client.cookies[django_settings.SESSION_COOKIE_NAME].value)
        program = Visitor(token=access.digest_of(made.token))
        seats = [Grant(visitor, link=made.link.pk), Grant(program, link=made.link.pk)]
        assert list(access.recheck(seats).values()) == ["member", "member"]
        assert client.get(f"/api/shared/{made.link.pk}").status_code == 200
        end(made.link)
        assert list(access.recheck(seats).values()) == ["not_a_member", "not_a_member"]
        assert client.get(f"/api/shared/{made.link.pk}").status_code == 404
        assert b"A secret plan" not in client.get(made.link.get_absolute_url()).content
        assert Client().post(made.link.get_absolute_url(), {"token": made.token}).status_code == 404


def test_a_session_that_has_not_shown_the_token_is_nobody(place) -> None:
    made = link_to(place)
    stranger = access.visitor_of_session(guest("somebody").cookies[django_settings.SESSION_COOKIE_NAME].value)
    assert access.link_of(stranger, made.link.pk) is None
    assert access.recheck([Grant(stranger, link=made.link.pk)]) == {Grant(stranger, link=made.link.pk): "not_a_member"}


def test_there_is_a_bound_to_the_links_of_a_room(place, monkeypatch) -> None:
    monkeypatch.setattr("rooms.actions.links.LINKS_MOST", 2)
    link_to(place), link_to(place)
    assert guest(place.visitor.guest).post(f"/rooms/{place.room}/links/").status_code == 409


# -- what a reader is told ---------------------------------------------------------------------------------------------


def test_a_reader_learns_nothing_that_is_for_members(place) -> None:
    """Not the room's id (whoever knows it can join), nobody who only listens, no cost, no client_id."""
    lurker = place.join("Lurker")
    Member.objects.filter(pk=place.member).update(name="Ada")
    pen = place.begin("Second?")
    pen.write("Yes.")
    pen.end(usage={"input": 4711, "output": 4712})
    again = commit_now(actions.retry(lurker.member, place.room, frames.Retry(pen.job.message, "asks-again")))
    commit_now(actions.stop(place.member, place.room, again.message))
    made = link_to(place)
    client = holder(made)
    texts = [
        client.get(path).content.decode() for path in (f"/api/shared/{made.link.pk}", made.link.get_absolute_url())
    ]
    for text in texts:
        assert "The answer." in text and "Ada" in text
        for secret in (place.room, "Lurker", lurker.member, "4711", "4712", '"client_id"', '"by"', "Stopped by Ada"):
            assert secret not in text, secret


def test_deltas_are_told_without_what_is_for_members(place) -> None:
    """Every sequence is still there: what is hidden is an item of a kind that clients pass over."""
    before = place.head
    lurker = place.join("Lurker")
    pen = place.begin("More?")
    pen.write("Of course.")
    pen.end(usage={"input": 4711, "output": 4712})
    again = commit_now(actions.retry(lurker.member, place.room, frames.Retry(pen.job.message, "asks-again")))
    commit_now(actions.stop(place.member, place.room, again.message))
    commit_now(actions.change_room(place.member, place.room, frames.ChangeRoom(title="Renamed")))
    page = log.page_after(place.room, before)
    whole = frames.deltas(page.items, page.cursor)
    told = json.loads(frames.deltas_for_reader(whole, {place.member}))
    assert [item["seq"] for item in told["items"]] == [item["seq"] for item in json.loads(whole)["items"]]
    assert told["cursor"] == str(place.head)
    text = json.dumps(told)
    for secret in ("Lurker", lurker.member, "4711", "client_id", '"by"', '"asker"'):
        assert secret not in text, secret
    assert "Of course." in text and "Renamed" in text
    assert frames.deltas_for_reader(whole, set()) is None, "an author whose name was not told needs a snapshot"


def test_frames_that_are_not_for_readers_are_held_back() -> None:
    assert not frames.is_for_readers(frames.receipt("abcdefgh", "m", 1))
    assert not frames.is_for_readers('{"type":"presence","members":[]}')
    assert frames.is_for_readers(frames.synced(frames.Cursor(1, "0" * 16), {}))
