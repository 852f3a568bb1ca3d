"""Every request that names a room or a link, by everybody there is: who may, and that nobody else learns or changes
anything.

A route that is not in the table fails a test of its own: the default is that nobody has thought about it.
"""

from __future__ import annotations

import re
from http.cookies import SimpleCookie

import pytest
from django.conf import settings as django_settings
from django.contrib.auth import get_user_model
from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import URLPattern, resolve

from rooms import access, log, urls
from rooms.access import Visitor
from rooms.actions import commit_now, join, remove
from rooms.limits import limits
from rooms.models import Link, Member

from .fakes import Place, alone, new_place
from .test_links import guest, holder, link_to

SECRETS = (b"A secret plan", b"The secret answer")
OWNER = {"owner", "program"}  # the program has a token of the owner's
MEMBERS = {"owner", "member", "program", "account"}
READERS = {"holder", "link as bearer"}
ROLES = sorted(MEMBERS | READERS | {"left", "removed", "deactivated", "stranger", "staff", "nobody"})

ASK = {"client_id": "role-asks", "text": "hi"}
AGAIN = {"client_id": "role-again"}
# (method, path, body, who may)
OPERATIONS = [
    ("GET", "/rooms/{room}/", None, MEMBERS),
    ("POST", "/rooms/{room}/messages/", {"text": "hi"}, MEMBERS),
    ("GET", "/rooms/{room}/export.md", None, MEMBERS),
    ("GET", "/rooms/{room}/export.json", None, MEMBERS),
    ("GET", "/rooms/{room}/links/", None, MEMBERS),
    ("POST", "/rooms/{room}/links/", {"lasts": "day"}, OWNER),
    ("POST", "/rooms/{room}/links/{link}/revoke/", {}, OWNER),
    ("GET", "/rooms/{room}/members/", None, MEMBERS),
    ("POST", "/rooms/{room}/members/", {"verb": "lock"}, OWNER),
    ("POST", "/rooms/{room}/members/", {"verb": "unlock"}, OWNER),
    ("POST", "/rooms/{room}/members/", {"verb": "leave"}, MEMBERS),
    ("POST", "/rooms/{room}/members/", {"verb": "own"}, set()),
    ("POST", "/rooms/{room}/members/{other}/", {"verb": "remove"}, OWNER),
    ("POST", "/rooms/{room}/members/{removed}/", {"verb": "readmit"}, OWNER),
    ("GET", "/api/rooms/{room}", None, MEMBERS),
    ("GET", "/api/rooms/{room}/me", None, MEMBERS),
    ("PATCH", "/api/rooms/{room}", {"title": "Ours"}, MEMBERS),
    ("PATCH", "/api/rooms/{room}", {"title": "Mine", "locked": True}, OWNER),
    ("DELETE", "/api/rooms/{room}/members/{other}", None, OWNER),
    ("PATCH", "/api/rooms/{room}/members/{other}", {"removed": True}, OWNER),
    ("PATCH", "/api/rooms/{room}/members/{removed}", {"removed": False}, OWNER),
    ("GET", "/api/rooms/{room}/messages?before=9", None, MEMBERS),
    ("POST", "/api/rooms/{room}/messages", ASK, MEMBERS),
    ("GET", "/api/rooms/{room}/deltas?after=", None, MEMBERS),
    ("GET", "/api/rooms/{room}/messages/{answer}/deltas", None, MEMBERS),
    ("POST", "/api/rooms/{room}/messages/{answer}/stop", {}, MEMBERS),
    ("POST", "/api/rooms/{room}/messages/{answer}/retry", AGAIN, MEMBERS),
    ("POST", "/api/rooms/{room}/messages/{stopped}/continue", AGAIN, MEMBERS),
    ("POST", "/demo/sync/{room}/kill/", {}, MEMBERS),
    ("GET", "/shared/{link}/", None, READERS),
    ("POST", "/shared/{link}/", {"token": "wrong"}, set()),
    ("GET", "/api/shared/{link}", None, READERS),
    ("GET", "/api/shared/{link}/messages?before=9", None, READERS),
    ("POST", "/api/shared/{link}/messages", ASK, set()),
    ("GET", "/api/rooms/{link}", None, set()),
]
# Open to everybody: an unlocked room is joined by whoever knows it. Two pages of the table invite instead of refusing.
JOINING = {"rooms/<id:room_id>/join/", "api/rooms/<id:room_id>/members"}
INVITING = {"/rooms/{room}/", "/shared/{link}/"}


@pytest.fixture(autouse=True)
def _alone(transactional_db):
    with alone():
        yield


@pytest.fixture
def place() -> Place:
    made = new_place("A secret plan")
    made.answered("The secret answer.")
    made.stop(made.begin().job.message)
    return made


@pytest.fixture
def others(place) -> dict[str, Place]:
    """Two guests, one of whom was removed."""
    made = {"other": place.join("Other"), "removed": place.join("Removed")}
    commit_now(remove(place.member, place.room, made["removed"].member))
    return made


def person(name: str, place: Place, *, active: bool = True) -> Client:
    user = get_user_model().objects.create_user(name)
    commit_now(join(Visitor(user_id=user.pk), place.room))
    client = Client()
    client.force_login(user)
    if not active:
        get_user_model().objects.filter(pk=user.pk).update(is_active=False)
    return client


@pytest.fixture
def as_role(place, others):
    def make(role: str) -> Client:
        """One of ROLES; a link holds for all of them."""
        made = link_to(place)
        if role == "left":
            left = place.join("Left")
            Member.objects.filter(pk=left.member).update(role=Member.Role.LEFT)
            return guest(left.visitor.guest)
        if role == "staff":
            client = Client()
            client.force_login(get_user_model().objects.create_superuser("staff"))
            return client
        return {
            "owner": lambda: guest(place.visitor.guest),
            "member": lambda: guest(place.join("Bea").visitor.guest),
            "account": lambda: person("ada", place),
            "deactivated": lambda: person("gone", place, active=False),
            "removed": lambda: guest(others["removed"].visitor.guest),
            "stranger": lambda: guest(new_place().visitor.guest),
            "nobody": lambda: Client(),
            "holder": lambda: holder(made),
            "program": lambda: bearer(access.new_token(Member.objects.get(pk=place.member))),
            "link as bearer": lambda: bearer(made.token),
        }[role]()

    return make


def bearer(token: str) -> Client:
    return Client(HTTP_AUTHORIZATION=f"Bearer {token}")


CHANGES = [operation for operation in OPERATIONS if operation[0] != "GET"]


@pytest.mark.parametrize("role", ROLES)
def test_each_role_reads_what_it_may_and_nothing_else_happens_for_it(role, as_role, place, others) -> None:
    """What changes nothing, one after the other: what it may read, and whatever it may not do."""
    client, wrong = as_role(role), []
    cookies = dict(client.cookies)
    for method, path, body, may in OPERATIONS:
        if role in may and method != "GET":
            continue
        limits.__init__()
        client.cookies = SimpleCookie(cookies)
        before = place.head, Link.objects.count()
        response = asked(client, method, path, body, place, others)
        if role not in may:
            wrong += [f"{method} {path} {body}: {fault}" for fault in faults(response, method, path, body)]
        elif response.status_code >= 400:
            wrong.append(f"{method} {path}: may not read it ({response.status_code})")
        if (place.head, Link.objects.count()) != before:
            wrong.append(f"{method} {path} {body}: changed something")
    session = client.cookies.get(django_settings.SESSION_COOKIE_NAME)
    assert not session or Session.objects.filter(pk=session.value).exists(), "no request made another of the next"
    assert not wrong, f"{role}: {wrong}"


@pytest.mark.parametrize(
    ("role", "method", "path", "body"),
    [(role, *operation[:3]) for operation in CHANGES for role in sorted(operation[3])],
)
def test_each_role_does_what_it_may(method, path, body, role, as_role, place, others) -> None:
    response = asked(as_role(role), method, path, body, place, others)
    assert response.status_code < 400, response.content


def asked(client: Client, method: str, path: str, body: dict | None, place: Place, others: dict[str, Place]):
    answers = [m["id"] for m in log.snapshot(place.room)["messages"] if m["role"] == "assistant"]
    names = {"room": place.room, "link": Link.objects.get().pk, "answer": answers[0], "stopped": answers[1]}
    names |= {name: other.member for name, other in others.items()}
    options = {"content_type": "application/json"} if path.startswith("/api/") and method != "GET" else {}
    return getattr(client, method.lower())(path.format(**names), body, **options)


def faults(response, method: str, path: str, body: dict | None) -> list[str]:
    """What a refusal must not be."""
    invited = method == "GET" and path in INVITING
    refusals = (400, 403, 404, 405) if body == {"verb": "own"} else (403, 404, 405)
    found = [] if response.status_code in ((200, 404) if invited else refusals) else [f"is {response.status_code}"]
    content = b"" if response.streaming else response.content
    if response.streaming or any(secret in content for secret in SECRETS):
        found.append("tells a secret")
    return found


def test_every_route_that_names_a_room_or_a_link_is_in_the_table() -> None:
    names = {"room": "r", "link": "l", "answer": "m", "stopped": "m", "other": "o", "removed": "o"}
    tested = {resolve(path.partition("?")[0].format(**names)).route for _, path, *_ in OPERATIONS}
    routes = {str(entry.pattern) for entry in urls.urlpatterns if isinstance(entry, URLPattern)}
    naming = {route for route in routes if re.search(r"<id:(room|link)_id>", route)}
    assert naming - JOINING - tested == set(), "who may use these?"
