"""What goes wrong is said on a page of the house: in words, with a way back, and without anything of the inside."""

from __future__ import annotations

import pytest
from django.test import Client, RequestFactory
from django.urls import get_resolver
from django.views import defaults
from django.views.csrf import csrf_failure

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("answer", "status", "words"),
    [
        (lambda request: Client().get("/rooms/nowhere/"), 404, "There is nothing here."),
        (lambda request: Client().get("/nowhere/"), 404, "There is nothing here."),
        (lambda request: defaults.permission_denied(request, PermissionError("secret")), 403, "You may not do that."),
        (lambda request: csrf_failure(request, "secret"), 403, "That form was too old."),
        (lambda request: get_resolver().resolve_error_handler(500)(request), 500, "Something broke on our side."),
        (lambda request: Client().post("/rooms/", {"title": "x" * 201}), 413, "That did not work."),
    ],
)
def test_an_error_is_a_page_of_the_house(answer, status, words) -> None:
    page = answer(RequestFactory().get("/"))
    text = page.content.decode()
    assert page.status_code == status and words in text and "secret" not in text
    assert '<a class="brand" href="/">' in text and "rooms/tokens" in text and "<h1>" in text


def test_a_form_that_is_too_old_changes_nothing() -> None:
    assert Client(enforce_csrf_checks=True).post("/rooms/", {"title": "x"}).status_code == 403
    assert Client(enforce_csrf_checks=True).post("/theme/", {"theme": "dark"}).status_code == 403


def test_what_broke_is_said_in_the_readers_theme() -> None:
    request = RequestFactory().get("/")
    request.COOKIES = {"chatlab_theme": "dark"}
    assert 'data-theme="dark"' in get_resolver().resolve_error_handler(500)(request).content.decode()


def test_a_refusal_shows_a_number_that_people_know() -> None:
    page = Client().post("/rooms/", {"title": "x" * 201}).content.decode()
    assert ">413<" in page and "too_long" not in page
