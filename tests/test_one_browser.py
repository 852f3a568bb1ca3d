"""One browser is one person, in all its tabs, in whatever order requests are sent and answers arrive."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from itertools import combinations

import pytest
from django.conf import settings as django_settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.models import Session
from django.db import connection
from django.http import HttpResponse
from django.test import Client, RequestFactory
from django.utils import timezone

from chatlab.sessions import SessionStore
from rooms import access
from rooms.models import Member, Room

from .fakes import new_place
from .test_links import link_to

pytestmark = pytest.mark.usefixtures("alone")

SESSION = django_settings.SESSION_COOKIE_NAME
CHROME = {"HTTP_USER_AGENT": "Mozilla/5.0 (X11; Linux x86_64) Chrome/156"}
OWN = {"HTTP_ORIGIN": "http://testserver"}  # as browsers send it with every POST


@dataclass
class Browser:
    """A cookie jar as browsers have one: the last answer wins, and what came first is sent first."""

    jar: dict[str, str] = field(default_factory=dict)

    def ask(self, path: str, form: dict | None = None, **headers: str) -> HttpResponse:
        """The server's answer, which has not arrived yet."""
        client = Client(enforce_csrf_checks=True, **CHROME)
        headers["HTTP_COOKIE"] = "; ".join(f"{name}={value}" for name, value in self.jar.items())
        return client.get(path, **headers) if form is None else client.post(path, form, **OWN | headers)

    def take(self, answer: HttpResponse) -> HttpResponse:
        """It arrives."""
        cookies: SimpleCookie = answer.cookies
        for name, morsel in cookies.items():
            if morsel["max-age"] == 0:
                self.jar.pop(name, None)
            else:
                self.jar[name] = morsel.value
        return answer

    def get(self, path: str) -> HttpResponse:
        return self.take(self.ask(path))

    def post(self, path: str, **form: str) -> HttpResponse:
        return self.take(self.ask(path, form))

    @property
    def visitor(self) -> access.Visitor:
        return access.visitor_of_session(self.jar.get(SESSION))


def is_in(browser: Browser, room: str) -> bool:
    return 'id="composer"' in browser.get(f"/rooms/{room}/").content.decode()


def tab(browser: Browser, room: str, name: str) -> Iterator[None]:
    """A tab that loads a room's page and joins. Each step is a moment at which other tabs may do something."""
    page = browser.ask(f"/rooms/{room}/")
    yield
    browser.take(page)
    yield
    joined = browser.ask(f"/rooms/{room}/join/", {"name": name})
    assert joined.status_code == 302, joined.content
    yield
    browser.take(joined)
    yield


ORDERS = [order for order in combinations(range(8), 4) if order[0] == 0]  # the steps of the tab that is opened first


@pytest.mark.parametrize("order", ORDERS, ids=lambda order: "".join(map(str, order)))
def test_two_tabs_of_a_browser_that_was_never_here_are_one_guest_in_every_order(place, order) -> None:
    browser = Browser()
    first, second = (tab(browser, place.room, name) for name in ("Ada", "Ada"))
    for step in range(8):
        next(first if step in order else second)
    assert is_in(browser, place.room)
    assert Member.objects.filter(room=place.room).count() == 2, "the owner and one guest"
    assert Session.objects.count() == 1


def test_two_tabs_that_join_at_the_very_same_moment_are_one_guest(place) -> None:
    browser = Browser()
    for page in [browser.ask(f"/rooms/{place.room}/") for _ in range(2)]:
        browser.take(page)
    joined = at_once([lambda: browser.ask(f"/rooms/{place.room}/join/", {"name": "Ada"})] * 4)
    assert [answer.status_code for answer in joined] == [302] * 4
    assert len({answer.cookies[SESSION].value for answer in joined}) == 1
    assert Member.objects.filter(room=place.room).count() == 2


def at_once(works: list[Callable]) -> list:
    ready, results = threading.Barrier(len(works)), [None] * len(works)

    def run(number: int) -> None:
        ready.wait()
        try:
            results[number] = works[number]()
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=[number]) for number in range(len(works))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


@pytest.mark.parametrize("ended", ["deleted", "expired"])
def test_five_tabs_that_are_restored_after_their_session_has_ended_are_one_guest_again(place, ended) -> None:
    browser = Browser()
    browser.get(f"/rooms/{place.room}/")
    browser.post(f"/rooms/{place.room}/join/", name="Ada")
    old = browser.jar[SESSION]
    if ended == "deleted":
        Session.objects.all().delete()
    else:
        Session.objects.update(expire_date=timezone.now())
    paths = [f"/rooms/{place.room}/", "/", f"/rooms/{place.room}/", "/demo/sync/", "/"]
    loads = [browser.ask(path) for path in paths]
    browser.take(loads[0])
    assert browser.jar[SESSION] == old, "what may be another tab's by now is left alone"
    first = browser.ask(f"/rooms/{place.room}/join/", {"name": "Ada"})
    for load in loads[1:3]:
        browser.take(load)
    others = [browser.ask("/rooms/", {"title": "Mine"}), browser.ask(f"/rooms/{place.room}/join/", {"name": "Ada"})]
    browser.take(first)
    for load in loads[3:]:
        browser.take(load)
    others += [browser.ask("/demo/sync/", {}), browser.ask("/rooms/", {"title": "Mine, too"})]
    for answer in reversed(others):
        assert answer.status_code == 302
        browser.take(answer)
    assert is_in(browser, place.room)
    assert browser.jar[SESSION] != old
    mine = Room.objects.filter(members__guest=browser.visitor.guest)
    assert mine.count() == 4, "every room that a tab has made or joined is the one guest's"
    assert Member.objects.filter(guest__isnull=False).values("guest").distinct().count() == 3, "owner, before, and now"


def test_links_that_are_shown_in_two_tabs_at_once_are_both_remembered(place) -> None:
    """The first of a browser, and those of a session that there is."""
    browser = Browser()
    for _ in range(2):
        links = [link_to(place), link_to(place), link_to(place)]
        for page in [browser.ask(made.link.get_absolute_url()) for made in links]:
            browser.take(page)
        shows = [lambda made=made: browser.ask(made.link.get_absolute_url(), {"token": made.token}) for made in links]
        for shown in at_once(shows):
            assert shown.status_code == 302
            browser.take(shown)
        assert {made.link.pk for made in links} <= browser.visitor.links


def test_a_link_that_is_shown_while_another_tab_joins_takes_no_membership_away(place) -> None:
    browser, made = Browser(), link_to(place)
    browser.get(made.link.get_absolute_url())
    browser.post(made.link.get_absolute_url(), token=made.token)
    other = link_to(place)
    answers = at_once(
        [
            lambda: browser.ask(f"/rooms/{place.room}/join/", {"name": "Ada"}),
            lambda: browser.ask(other.link.get_absolute_url(), {"token": other.token}),
        ]
    )
    for answer in answers:
        browser.take(answer)
    assert is_in(browser, place.room)
    assert browser.visitor.links == {made.link.pk, other.link.pk} and browser.visitor.called == "Ada"


def test_a_session_keeps_a_bounded_number_of_links(place, monkeypatch) -> None:
    monkeypatch.setattr("rooms.access.sessions.LINKS_KEPT", 2)
    browser, made = Browser(), [link_to(place) for _ in range(3)]
    for one in made:
        browser.post(one.link.get_absolute_url(), token=one.token)
    assert browser.visitor.links == {one.link.pk for one in made[1:]}


def test_two_requests_of_a_session_that_each_store_something_lose_neither() -> None:
    made = SessionStore()
    made["kept"] = made["goes"] = 1
    made.create()
    here, there = SessionStore(made.session_key), SessionStore(made.session_key)
    here["mine"], there["theirs"] = [1], 2
    del there["goes"]
    assert here["kept"] == there["kept"]
    here.save()
    there.save()
    here["mine"].append(2)
    here.save()
    assert dict(SessionStore(made.session_key).items()) == {"kept": 1, "mine": [1, 2], "theirs": 2}


def test_two_requests_of_a_session_that_both_make_it_a_guest_make_it_the_same_one() -> None:
    made = SessionStore()
    made["theme"] = "of a reader of links"
    made.create()
    requests = [RequestFactory().post("/rooms/") for _ in range(2)]
    for request in requests:
        request.session, request.user = SessionStore(made.session_key), AnonymousUser()
        assert access.GUEST_KEY not in request.session
    first, second = [access.ensure_guest(request).guest for request in requests]
    assert first == second == SessionStore(made.session_key)[access.GUEST_KEY]


# -- somebody signs in or out in another tab ---------------------------------------------------------------------------


@pytest.fixture
def ada():
    return get_user_model().objects.create_user("ada", password="correct horse")


def sign_in(browser: Browser) -> HttpResponse:
    return browser.ask("/login/", {"username": "ada", "password": "correct horse"})


def test_a_form_of_before_a_sign_in_in_another_tab_is_taken(place, ada) -> None:
    """A sign-in changes the cookie that the tokens of all other pages are compared with."""
    browser = Browser()
    page = browser.get("/")
    token = page.context["csrf_token"]
    browser.get("/login/")
    browser.take(sign_in(browser))
    made = browser.post("/rooms/", title="Mine", csrfmiddlewaretoken=str(token))
    assert made.status_code == 302 and Member.objects.filter(user=ada).exists()


def test_what_is_under_way_while_another_tab_signs_in_does_not_sign_it_out(place, ada) -> None:
    browser = Browser()
    browser.get(f"/rooms/{place.room}/")
    browser.post(f"/rooms/{place.room}/join/", name="Ada")
    signed_in = sign_in(browser)
    late = [browser.ask("/rooms/", {"title": "Late"}), browser.ask("/"), browser.ask(f"/rooms/{place.room}/")]
    browser.take(signed_in)
    for answer in late:
        browser.take(answer)
    assert late[0].status_code == 409, "told to load the page again"
    assert browser.visitor.user_id == ada.pk
    assert browser.post("/rooms/", title="Again").status_code == 302 and is_in(browser, place.room)


def test_a_session_that_ends_while_a_request_is_under_way_is_no_error(place, ada, monkeypatch) -> None:
    browser = Browser()
    browser.get("/")
    browser.post("/rooms/", title="Mine")
    stored = access.keep_name
    monkeypatch.setattr(access, "keep_name", lambda *what: (stored(*what), Session.objects.all().delete()))
    joined = browser.ask(f"/rooms/{place.room}/join/", {"name": "Ada"})
    assert joined.status_code == 302 and SESSION not in joined.cookies


def test_the_cookie_that_tells_tabs_together_leads_to_no_account(place, ada) -> None:
    """Whoever plants one could become the same guest, as with any session cookie; not the account that signs in."""
    browser = Browser()
    browser.get("/login/")
    planted = Browser(dict(browser.jar))
    browser.take(sign_in(browser))
    assert browser.visitor.user_id == ada.pk and not [name for name in browser.jar if "browser" in name]
    planted.post("/rooms/", title="A room")
    assert planted.visitor.guest and planted.visitor.user_id is None
    assert planted.jar[SESSION] != browser.jar[SESSION]


def test_a_browser_that_has_signed_out_begins_anew(ada) -> None:
    browser = Browser()
    browser.get("/")
    browser.post("/rooms/", title="Mine")
    guest = browser.visitor.guest
    browser.take(sign_in(browser))
    browser.post("/logout/")
    assert SESSION not in browser.jar
    browser.get("/")
    browser.post("/rooms/", title="Another")
    assert browser.visitor.guest not in (guest, None)


def test_looking_makes_no_session(place) -> None:
    browser = Browser()
    for path in ("/", f"/rooms/{place.room}/", "/login/", "/demo/sync/"):
        browser.get(path)
    assert Session.objects.count() == 0 and len(browser.jar) == 2, "a token, and what tells its tabs together"


# -- whose form it is --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "taken"),
    [
        ({"HTTP_ORIGIN": "http://testserver"}, True),
        ({"HTTP_ORIGIN": "http://testserver:8000"}, False),
        ({"HTTP_ORIGIN": "http://evil.example"}, False),
        ({"HTTP_ORIGIN": "http://testserver:080"}, False),
        ({"HTTP_ORIGIN": "http://testserver:"}, False),
        ({"HTTP_ORIGIN": "https://testserver"}, False),
        ({"HTTP_ORIGIN": "https://testserver", "HTTP_X_FORWARDED_FOR": "192.0.2.1"}, True),
        ({"HTTP_ORIGIN": "https://testserver", "secure": True}, True),
        ({"HTTP_ORIGIN": "http://testserver", "secure": True}, False),
        ({"HTTP_ORIGIN": "null"}, False),
        ({"HTTP_ORIGIN": ""}, False),
        ({}, False),
        ({"HTTP_SEC_FETCH_SITE": "same-origin"}, True),
        ({"HTTP_SEC_FETCH_SITE": "same-origin", "HTTP_ORIGIN": "null"}, True),
        ({"HTTP_SEC_FETCH_SITE": "same-site", "HTTP_ORIGIN": "http://testserver"}, False),
        ({"HTTP_SEC_FETCH_SITE": "cross-site"}, False),
        ({"HTTP_SEC_FETCH_SITE": "none"}, False),
    ],
)
@pytest.mark.parametrize("path", ["/rooms/", "/api/rooms", "/login/"])
def test_without_a_token_only_what_a_page_of_ours_has_sent_is_taken(ada, headers, taken, path) -> None:
    client = Client(enforce_csrf_checks=True)
    form = {"username": "ada", "password": "correct horse"}
    options = {"content_type": "application/json"} if path.startswith("/api") else {}
    answer = client.post(path, {} if options else form, **options, **headers)
    assert (answer.status_code != 403) == taken


# -- names -------------------------------------------------------------------------------------------------------------


def test_a_name_is_asked_for_kept_for_the_next_rooms_and_can_be_changed(place) -> None:
    browser = Browser()
    assert 'name="name" maxlength="60" value=""' in browser.get(f"/rooms/{place.room}/").content.decode()
    browser.post(f"/rooms/{place.room}/join/", name="Ada")
    browser.post("/rooms/", title="Mine")
    assert set(Member.objects.filter(guest=browser.visitor.guest).values_list("name", flat=True)) == {"Ada"}
    browser.post(f"/rooms/{place.room}/join/", name="Lady Ada")  # changed in that room
    other = new_place().room
    assert 'value="Lady Ada"' in browser.get(f"/rooms/{other}/").content.decode()
    browser.post(f"/rooms/{other}/join/", name="")
    assert Member.objects.get(room=other, guest=browser.visitor.guest).name == "Lady Ada"
    assert Member.objects.get(room__title="Mine").name == "Ada", "elsewhere it stays what it was"


def test_an_account_is_offered_its_own_name(place, ada) -> None:
    browser = Browser()
    browser.get("/login/")
    browser.take(sign_in(browser))
    assert 'value="ada"' in browser.get(f"/rooms/{place.room}/").content.decode()


def test_a_page_can_ask_whether_it_may_come_in_now(place) -> None:
    browser = Browser()
    browser.get(f"/rooms/{place.room}/")
    assert browser.get(f"/api/rooms/{place.room}/me").status_code == 404
    browser.post(f"/rooms/{place.room}/join/", name="Ada")
    me = browser.get(f"/api/rooms/{place.room}/me").json()["me"]
    assert me == {"id": Member.objects.get(name="Ada").pk, "name": "Ada", "role": "member"}
