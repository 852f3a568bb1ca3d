"""What a browser refuses by a page's Content-Security-Policy is a line in the log; others send little there."""

from __future__ import annotations

import json

import pytest
from django.test import Client

from rooms.limits import Bucket
from rooms.views import csp

from .harness.waiting import eventually

pytestmark = pytest.mark.page_only("it reaches no table")

URL = "/api/csp-report"


@pytest.fixture(autouse=True)
def _as_in_a_process_that_has_just_started(monkeypatch) -> None:
    monkeypatch.setattr(csp, "_lines", Bucket(csp.LINES))


def send(body: object, **headers: str):
    text = body if isinstance(body, (str, bytes)) else json.dumps(body)
    return Client(enforce_csrf_checks=True).post(URL, text, "application/csp-report", **headers)


def of(caplog) -> list[str]:
    return [message for message in caplog.messages if "a browser did not do" in message]


@pytest.mark.browser
async def test_what_a_browser_refuses_of_a_page_is_a_line_in_the_log(own_server, browser):
    server = own_server()
    page = await browser.new_page()
    await page.goto(f"{server.url}/login/?next=/secret/")
    await page.evaluate("() => { const image = new Image(); image.src = 'https://evil.example/x.png'; }")
    await eventually(lambda: "a browser did not do what a page of ours wanted" in server.log(), 10)
    (line,) = [line for line in server.log().splitlines() if "a browser did not do" in line]
    assert "directive 'img-src'" in line and "evil.example" in line and "(page '/login/')" in line
    assert "secret" not in line


def test_reports_of_anybody_are_few_short_lines(caplog):
    """Without a login, a token, a cookie; from any page; and none of it forges a line."""
    forged = {
        "csp-report": {"blocked-uri": "x\nERROR forged " + "y" * 5_000, "document-uri": "http://[", "line-number": {}}
    }
    for body in (forged, {"csp-report": {"effective-directive": "\u202e" + "z" * 5_000}}):
        answer = send(body, HTTP_ORIGIN="https://evil.example", HTTP_SEC_FETCH_SITE="cross-site")
        assert answer.status_code in (204, 400) and not answer.cookies
    for _ in range(50):
        assert send({"csp-report": {"blocked-uri": "inline"}}).status_code == 204
    assert len(of(caplog)) == csp.LINES[0]
    assert all(len(line) < 800 and line.isascii() and "\n" not in line for line in of(caplog))


@pytest.mark.parametrize(
    "body", ["", "[]", "5", "{}", '{"csp-report": []}', b"\xff", "[" * 9_000, '{"csp-report": "x"}']
)
def test_what_is_no_report_is_refused(caplog, body):
    assert send(body).status_code == 400 and of(caplog) == []


def test_a_long_report_is_refused_unread(caplog):
    assert send({"csp-report": {"blocked-uri": "x" * csp.REPORT_MAX}}).status_code == 413 and of(caplog) == []
    assert Client().get(URL).status_code == 405


@pytest.mark.django_db
def test_each_page_names_where_reports_go():
    for path in ("/", "/login/", "/nowhere/"):
        assert f"report-uri {URL}" in Client().get(path).headers["Content-Security-Policy"]
