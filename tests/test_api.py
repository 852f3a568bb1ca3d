"""The HTTP API, as docs/protocol.md section 5 has it: statuses, bodies, refusals."""

from __future__ import annotations

import json

import pytest
from django.conf import settings as django_settings
from django.test import Client

from rooms import access, log
from rooms.fold import empty_state, fold
from rooms.models import Generation, Member, Message, Room

from .fakes import Pen, client_id, new_place


@pytest.fixture(autouse=True)
def _no_limits(alone, settings):
    settings.CHATLAB_LIMITS = False


class Caller:
    """A program with a bearer token, or a browser with a session and the CSRF token of a page."""

    def __init__(self, token: str | None = None):
        self.client = Client(enforce_csrf_checks=True)
        self.headers = {"Authorization": f"Bearer {token}"} if token else {}

    def visit(self) -> Caller:
        self.client.get("/")
        self.headers = {"X-CSRFToken": self.client.cookies["csrftoken"].value}
        return self

    def get(self, path: str):
        return self.client.get(f"/api/rooms{path}", headers=self.headers)

    def post(self, path: str, body: object = None, **headers: str):
        data = body if isinstance(body, (str, bytes)) else "" if body is None else json.dumps(body)
        headers = {**self.headers, **headers}
        return self.client.post(f"/api/rooms{path}", data, content_type="application/json", headers=headers)


@pytest.fixture
def program(place) -> Caller:
    return Caller(access.new_token(Member.objects.get(pk=place.member)))


@pytest.fixture
def browser() -> Caller:
    return Caller().visit()


def is_problem(response, status: int, code: str) -> dict:
    assert response.status_code == status, response.content
    assert response.headers["Content-Type"] == "application/problem+json"
    body = response.json()
    assert set(body) - {"retry_after"} == {"type", "title", "status", "detail", "code", "request_id"}
    assert (body["status"], body["code"]) == (status, code) and body["detail"]
    return body


# -- rooms and members -------------------------------------------------------------------------------------------------


def test_a_room_is_changed_left_and_ruled_over_the_api(place, program, browser) -> None:
    def ask(caller: Caller, method: str, path: str, body: object = None):
        options = {"data": json.dumps(body), "content_type": "application/json"} if body is not None else {}
        return getattr(caller.client, method)(f"/api/rooms/{place.room}{path}", headers=caller.headers, **options)

    changed = ask(program, "patch", "", {"title": "Ours", "locked": True}).json()
    assert (changed["room"]["title"], changed["room"]["locked"]) == ("Ours", True)
    is_problem(browser.post(f"/{place.room}/members"), 403, "not_allowed")
    assert not ask(program, "patch", "", {"locked": False}).json()["room"]["locked"]
    is_problem(ask(program, "patch", "", {"locked": "no"}), 400, "bad_frame")
    is_problem(ask(program, "patch", "", {}), 400, "bad_frame")
    guest = browser.post(f"/{place.room}/members", {"name": "Guest"}).json()["me"]["id"]
    is_problem(ask(browser, "delete", f"/members/{place.member}"), 403, "not_allowed")
    is_problem(ask(program, "patch", f"/members/{guest}", {}), 400, "bad_frame")
    is_problem(ask(program, "delete", "/members/nobody"), 404, "not_found")
    assert ask(program, "delete", f"/members/{guest}").json() == {"member": guest}
    assert ask(program, "get", "").json()["members"][guest]["removed"] is True
    is_problem(browser.post(f"/{place.room}/members"), 403, "not_allowed")
    assert ask(program, "patch", f"/members/{guest}", {"removed": False}).status_code == 200
    assert browser.post(f"/{place.room}/members").json()["me"] == {"id": guest, "name": "Guest", "role": "member"}
    assert ask(browser, "delete", f"/members/{guest}").status_code == 200
    is_problem(ask(browser, "get", ""), 404, "not_found")
    assert ask(program, "delete", f"/members/{place.member}").status_code == 200, "an owner leaves, too"
    is_problem(ask(program, "get", ""), 404, "not_found")


def test_a_visitor_makes_a_room_and_owns_it(browser) -> None:
    response = browser.post("", {"title": "  My   room "})
    assert response.status_code == 201
    body = response.json()
    assert set(body) == {"id", "url", "title", "cursor"} and body["title"] == "My room"
    assert body["url"] == f"http://testserver/rooms/{body['id']}/"
    snapshot = browser.get(f"/{body['id']}").json()
    assert snapshot["cursor"] == body["cursor"] and snapshot["room"]["title"] == "My room"
    assert [member["role"] for member in snapshot["members"].values()] == ["owner"]


def test_a_room_needs_no_title(browser) -> None:
    for body in (None, {}, {"title": None}, {"title": ""}):
        assert browser.post("", body).json()["title"] == ""


def test_who_has_the_link_joins_and_reads(place, browser) -> None:
    is_problem(browser.get(f"/{place.room}"), 404, "not_found")
    response = browser.post(f"/{place.room}/members", {"name": "Ada"})
    assert response.status_code == 201
    body = response.json()
    assert set(body) == {"me", "cursor"} and body["me"]["name"] == "Ada" and body["me"]["role"] == "member"
    snapshot = browser.get(f"/{place.room}")
    assert snapshot.status_code == 200 and snapshot.headers["Cache-Control"] == "no-store"
    assert snapshot.json() == json.loads(json.dumps(log.snapshot(place.room)))
    assert snapshot.json()["cursor"] == body["cursor"]
    assert browser.post(f"/{place.room}/members").json()["me"]["id"] == body["me"]["id"]
    assert Member.objects.filter(room=place.room).count() == 2


def test_reading_makes_nobody_a_member(place, browser) -> None:
    for path in ("", "/messages?before=9", "/deltas"):
        browser.get(f"/{place.room}{path}")
    browser.client.get(f"/rooms/{place.room}/")
    assert Member.objects.filter(room=place.room).count() == 1
    assert access.GUEST_KEY not in browser.client.session


def test_an_account_joins_as_itself(place, django_user_model) -> None:
    user = django_user_model.objects.create_user("grace")
    caller = Caller()
    caller.client.force_login(user)
    assert caller.visit().post(f"/{place.room}/members").json()["me"]["name"] == "grace"
    assert Member.objects.get(user=user).guest is None


# -- messages ----------------------------------------------------------------------------------------------------------


def test_a_message_is_posted_once(place, program) -> None:
    body = {"client_id": client_id(), "text": "Why?"}
    first, again = program.post(f"/{place.room}/messages", body), program.post(f"/{place.room}/messages", body)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json() and set(first.json()) == {"message", "answer", "cursor"}
    assert first.json()["cursor"] == str(place.head)
    assert Message.objects.filter(room=place.room, role="user").count() == 1


def test_stop_retry_and_continue(place, program) -> None:
    answer = program.post(f"/{place.room}/messages", {"client_id": client_id(), "text": "Why?"}).json()["answer"]
    path = f"/{place.room}/messages/{answer}"
    is_problem(program.post(f"{path}/retry", {"client_id": client_id()}), 409, "conflict")
    for _ in range(2):
        response = program.post(f"{path}/stop")
        assert (response.status_code, response.json()) == (202, {"message": answer})
    assert Generation.objects.get(message=answer).status == "stopped"
    for verb in ("retry", "continue"):
        body = {"client_id": client_id()}
        first, again = program.post(f"{path}/{verb}", body), program.post(f"{path}/{verb}", body)
        assert (first.status_code, again.status_code) == (201, 200) and first.json() == again.json()
        assert set(first.json()) == {"message", "answer", "cursor"}


def test_older_messages_come_in_pages(place, program, settings) -> None:
    settings.CHATLAB_SNAPSHOT_MESSAGES = 2
    receipts = [place.answered(str(number)) for number in range(3)]
    earlier, pages = program.get(f"/{place.room}").json()["earlier"], []
    while earlier is not None:
        body = program.get(f"/{place.room}/messages?before={earlier}").json()
        assert set(body) == {"messages", "earlier"}
        pages.append([message["id"] for message in body["messages"]])
        earlier = body["earlier"]
    assert pages == [[receipt.message, receipt.answer] for receipt in (receipts[1], receipts[0])]


@pytest.mark.parametrize("before", ["", "x", "-1", "1.5", "٣", "9" * 19, "1e3", "%00"])
def test_a_page_before_nothing_is_a_bad_request(place, program, before) -> None:
    is_problem(program.get(f"/{place.room}/messages?before={before}"), 400, "bad_frame")


# -- deltas ------------------------------------------------------------------------------------------------------------


def test_deltas_after_a_cursor(place, program) -> None:
    place.answered("a", "b")
    pen = place.begin()
    pen.write("c")
    start = log.cursor_at(place.room, 1)
    body = program.get(f"/{place.room}/deltas?after={start}").json()
    assert set(body) == {"items", "cursor", "up_to_date"} and body["up_to_date"] is True
    assert [item["seq"] for item in body["items"]] == list(range(2, place.head.seq + 1))
    assert fold(empty_state(), body["items"])["messages"] == log.snapshot(place.room)["messages"]
    level = program.get(f"/{place.room}/deltas?after={body['cursor']}").json()
    assert level == {"items": [], "cursor": str(place.head), "up_to_date": True}


def test_a_page_says_that_more_follows(place, program, monkeypatch) -> None:
    monkeypatch.setattr(log.read, "PAGE_ROWS", 3)
    place.answered("a", "b", "c")
    cursor, seen = str(log.cursor_at(place.room, 1)), []
    while True:
        body = program.get(f"/{place.room}/deltas?after={cursor}").json()
        seen += [item["seq"] for item in body["items"]]
        cursor = body["cursor"]
        if body["up_to_date"]:
            break
    assert seen == list(range(2, place.head.seq + 1)) and cursor == str(place.head)


@pytest.mark.parametrize("after", ["", "x", "1.0000000000000000", "99.0123456789abcdef", "-1.0123456789abcdef"])
def test_a_cursor_that_can_not_be_continued_gets_a_snapshot(place, program, after) -> None:
    place.answered("a")
    truth = json.loads(json.dumps(log.snapshot(place.room)))
    assert program.get(f"/{place.room}/deltas?after={after}").json() == {"snapshot": truth}
    assert program.get(f"/{place.room}/deltas").json() == {"snapshot": truth}


# -- who is not let in -------------------------------------------------------------------------------------------------

READS = ["", "/messages?before=9", "/deltas"]
WRITES = ["/messages", "/messages/m/stop", "/messages/m/retry", "/messages/m/continue"]


def without_id(response) -> dict:
    return {key: value for key, value in response.json().items() if key != "request_id"}


def test_a_room_that_is_not_ours_is_like_one_that_is_not_there(place, browser) -> None:
    """Same status, same body, same headers: nobody learns which rooms there are."""
    stranger = Caller(access.new_token(Member.objects.get(pk=new_place().member)))
    left = place.join()
    left_token = access.new_token(Member.objects.get(pk=left.member))
    Member.objects.filter(pk=left.member).update(role=Member.Role.LEFT)
    Room.objects.filter(pk=place.room).update(locked=True)
    for caller in (browser, stranger, Caller("wrong"), Caller(left_token)):
        for path in READS:
            real, unreal = caller.get(f"/{place.room}{path}"), caller.get(f"/nowhere{path}")
            is_problem(real, 404, "not_found")
            assert without_id(real) == without_id(unreal) and set(real.headers) == set(unreal.headers)
        for path in WRITES:
            body = {"client_id": client_id(), "text": "hi"}
            real, unreal = caller.post(f"/{place.room}{path}", body), caller.post(f"/nowhere{path}", body)
            is_problem(real, 404, "not_found")
            assert without_id(real) == without_id(unreal) and set(real.headers) == set(unreal.headers)
    is_problem(browser.post("/nowhere/members"), 404, "not_found")
    is_problem(browser.post(f"/{place.room}/members"), 403, "not_allowed")  # a locked room says so on its page, too
    assert place.head.seq == 2


def test_a_cookie_alone_writes_nothing(place) -> None:
    """CSRF: a page of somebody else can send a form with our cookies, but not our token."""
    browser = Caller().visit()
    browser.post(f"/{place.room}/members")
    for headers in ({}, {"X-CSRFToken": "wrong"}, {"X-CSRFToken": "a" * 32}):
        browser.headers = headers
        for path in ("", f"/{place.room}/members", *(f"/{place.room}{path}" for path in WRITES)):
            is_problem(browser.post(path, {"client_id": client_id(), "text": "hi"}), 403, "not_allowed")
    assert Room.objects.count() == 1 and not Message.objects.exists()
    browser.visit()
    assert browser.post(f"/{place.room}/messages", {"client_id": client_id(), "text": "hi"}).status_code == 201


def test_a_header_of_a_program_does_not_help_a_cookie(place) -> None:
    """A cross-site form can't set Authorization; whoever sets it is not who the cookie says."""
    browser = Caller().visit()
    browser.post(f"/{place.room}/members")
    browser.headers = {"Authorization": "Bearer wrong"}
    is_problem(browser.post(f"/{place.room}/messages", {"client_id": client_id(), "text": "hi"}), 404, "not_found")
    assert not Message.objects.exists()


@pytest.mark.parametrize("header", ["Basic x", "x", "Bearer", " "])
def test_no_header_whatever_switches_the_check_off_for_a_cookie(place, header) -> None:
    browser = Caller().visit()
    browser.post(f"/{place.room}/members")
    browser.headers = {"Authorization": header}
    response = browser.post(f"/{place.room}/messages", {"client_id": client_id(), "text": "hi"})
    assert response.status_code in (403, 404) and not Message.objects.exists()


# -- what is refused ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body", ["[]", "1", "{", "null", "NaN", "[" * 50_000, b"\xff\xfe", {"text": "hi"}, {"client_id": "x" * 8}]
)
def test_a_bad_body_is_a_bad_request(place, program, body) -> None:
    is_problem(program.post(f"/{place.room}/messages", body), 400, "bad_frame")
    assert place.head.seq == 1


def test_what_is_too_long_is_too_long(place, program) -> None:
    long = {"client_id": client_id(), "text": "x" * (django_settings.CHATLAB_TEXT_MAX + 1)}
    is_problem(program.post(f"/{place.room}/messages", long), 413, "too_long")
    huge = {"client_id": client_id(), "text": "x" * (django_settings.CHATLAB_FRAME_MAX + 1)}
    is_problem(program.post(f"/{place.room}/messages", huge), 413, "too_long")


def test_what_is_not_there_is_not_found(place, program) -> None:
    elsewhere = new_place().answered("a").answer
    for message in ("nothing", elsewhere):
        for verb in ("stop", "retry", "continue"):
            response = program.post(f"/{place.room}/messages/{message}/{verb}", {"client_id": client_id()})
            is_problem(response, 404, "not_found")
    is_problem(program.client.get("/api/nothing/here"), 404, "not_found")


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("", "GET, POST"),
        ("/{room}", "GET, PATCH"),
        ("/{room}/messages", "GET, POST"),
        ("/{room}/messages/m/stop", "POST"),
    ],
)
def test_a_method_that_is_not_meant_is_refused(place, program, path, allowed) -> None:
    response = program.client.delete(f"/api/rooms{path.format(room=place.room)}", headers=program.headers)
    is_problem(response, 405, response.json()["code"])
    assert response.headers["Allow"] == allowed


def test_too_many_messages_are_told_when_to_come_back(place, program, settings) -> None:
    settings.CHATLAB_LIMITS, settings.CHATLAB_RATE_POSTS = True, (2, 60)
    statuses = []
    for _ in range(3):
        response = program.post(f"/{place.room}/messages", {"client_id": client_id(), "text": "hi"})
        statuses.append(response.status_code)
    assert statuses == [201, 201, 429]
    body = is_problem(response, 429, "rate_limited")
    assert 0 < body["retry_after"] <= 30 and 1 <= int(response.headers["Retry-After"]) <= 30
    assert Message.objects.filter(role="user").count() == 2


def test_a_text_is_kept_as_it_was_meant(place, program) -> None:
    text = "ü 😀 \u202e</script>\0"
    receipt = program.post(f"/{place.room}/messages", {"client_id": client_id(), "text": text}).json()
    lone = program.post(f"/{place.room}/messages", '{"client_id": "surrogate", "text": "a\\ud83db"}').json()
    pen = Pen.claim(place.room, receipt["answer"])
    pen.write(text.replace("\0", "\ufffd"))
    held = {message["id"]: message["text"] for message in program.get(f"/{place.room}").json()["messages"]}
    assert held[receipt["message"]] == held[receipt["answer"]] == text.replace("\0", "\ufffd")
    assert held[lone["message"]] == "a\ufffdb"
