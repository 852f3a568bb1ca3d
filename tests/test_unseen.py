"""Nothing fails unseen: whatever breaks leaves a line with its traceback and a name, which whoever met it is told. And
what is only badly sent breaks nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from django.test import Client

from rooms.drill.deployment import SETTINGS as OF_THE_DRILL
from rooms.drill.server import UNHANDLED, alarms_in

from .crowds import KINDS
from .harness.raw import CLOSE, TEXT, RawSocket, handshake
from .harness.server import Server
from .hostile import Input, answered

WORDS = "a page that breaks"
FORM = "application/x-www-form-urlencoded"
PATHS = ("/", "/rooms/", "/login/", "/theme/", "/language/", "/nowhere/", "/admin/login/", "/api/rooms", "/api/reach")


@pytest.fixture(params=KINDS)
def breaking(request, tmp_path, engines) -> Iterator[Server]:
    """As a site is, and as the drill's processes are: with DEBUG off."""
    accident = {
        "DJANGO_SETTINGS_MODULE": "tests.accidents.settings",
        "CHATLAB_ACCIDENT": f"finds_nothing_but_faults:{WORDS}",
    }
    site = {"DEBUG": OF_THE_DRILL["DEBUG"], "STATIC_ROOT": str(tmp_path), "CHATLAB_PROVIDER": "demo"}
    process = Server(tmp_path, "", request.param, **engines.settings_for(tmp_path), **accident, **site)
    process.start()
    yield process
    process.stop()


async def test_what_breaks_is_found_in_the_log_by_the_name_that_its_page_shows(breaking, visitor):
    alice = visitor(breaking)
    await alice.create_room()
    page = await alice.client.get("/search/?q=words")
    told = await alice.client.get("/api/search?q=words")
    problem = told.json()
    assert (page.status_code, told.status_code, problem["code"]) == (500, 500, "unavailable")
    assert told.headers["Content-Type"] == "application/problem+json"
    assert WORDS not in page.text + told.text
    for answer, shown in ((page, page.text), (told, problem["request_id"])):
        name = answer.headers["X-Request-Id"]
        assert name in shown
        line, traceback = re.search(
            rf"^(.* failed \[{name}\])\n(Traceback[^\0]*?){WORDS}$", breaking.log(), re.M
        ).groups()
        assert " ERROR rooms" in line and "in find" in traceback
    assert len(breaking.alarms()) > 0, "the tests look for it"
    assert alarms_in(breaking.log(), re.compile(UNHANDLED)), "the drill looks for it"


async def test_every_answer_has_a_name_and_every_refusal_its_own(server, alice, room):
    names = {
        (await alice.client.get(path)).headers["X-Request-Id"] for path in ("/", "/healthz", "/static/rooms/main.js")
    }
    assert len(names) == 3
    refused = await alice.client.get("/api/nothing")
    assert refused.json()["request_id"] == refused.headers["X-Request-Id"]


@pytest.mark.parametrize(
    "charset", ["charset=iso-8859-1", "charset=hex", "charset=utf-16", "charset*=nothing''x", "charset*=utf-8''%00"]
)
async def test_a_form_that_is_no_utf_8_is_refused_on_every_path(server, alice, charset):
    alice.client.cookies.set("chatlab_csrf", "a" * 32)  # its token is looked for in the form
    for path in PATHS:
        answer = await alice.client.post(path, content="title=x", headers={"Content-Type": f"{FORM}; {charset}"})
        assert answer.status_code == 400, path
        assert answer.text and "Traceback" not in answer.text
    assert (
        await alice.client.post("/", content="a=b", headers={"Content-Type": f"{FORM}; charset=UTF-8"})
    ).status_code < 500


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/nowhere/", "/api/rooms", "/rooms/", "/login/", "/theme/"])
@pytest.mark.parametrize("sent", [("a=b&" * 1_500, FORM), ("--x\r\n\r\n", "multipart/form-data"), ("x" * 2**21, FORM)])
def test_a_form_that_cannot_be_read_is_refused_once(path, sent):
    """Also where there is no page: its own would look for the form's token."""
    browser = Client(enforce_csrf_checks=True)
    browser.get("/")
    answer = browser.post(path, data=sent[0], content_type=sent[1])
    assert answer.status_code in (400, 413)
    assert answer.headers["Content-Type"].startswith("application/problem+json" if "/api/" in path else "text/html")


@pytest.mark.django_db
@pytest.mark.parametrize(
    "referer", ["x", "//evil", "http://evil.example/", "http://[", "javascript:alert(1)", "admin:index", ""]
)
@pytest.mark.parametrize("path", ["/theme/", "/language/"])
def test_a_choice_leads_back_to_a_page_of_ours_whatever_the_referer_says(path, referer):
    answer = Client(headers={"Referer": referer}).post(path, {"theme": "dark", "language": "de"})
    assert answer.status_code == 302
    assert answer.headers["Location"] in ("/", "x", "admin:index") and "evil" not in answer.headers["Location"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("referer", "leads_to"),
    [
        ("javascript:alert(1)", "/"),
        ("data:text/html,x", "/"),
        ("//evil.example/", "/"),
        ("http://evil.example/", "/"),
        ("http://testserver@evil.example/", "/"),
        ("http:///evil.example/", "/"),
        ("ftp://testserver/", "/"),
        ("x", "/"),
        ("", "/"),
        ("http://testserver/rooms/", "http://testserver/rooms/"),
    ],
)
def test_a_refusal_leads_back_to_a_page_of_ours_whatever_the_referer_says(referer, leads_to):
    answer = Client(headers={"Referer": referer}).post("/rooms/", {"title": "x" * 999})
    assert answer.status_code == 413
    assert f'<a class="button" href="{leads_to}">' in answer.content.decode()


async def test_a_query_of_a_thousand_fields_is_refused(server, alice):
    for path in ("/", "/api/rooms"):
        answer = await alice.client.post(f"{path}?{'&a=b' * 1_500}", headers={"Content-Type": f"{FORM}; charset=utf-8"})
        assert answer.status_code == 400


@pytest.fixture(params=KINDS)
def bare(request, own_server) -> Server:
    """A server of each kind, whose log must stay clean."""
    return own_server(request.param, DEBUG="0", CHATLAB_PROVIDER="demo", CHATLAB_BAD_FRAMES="100/60")


async def test_broken_handshakes_and_frames_are_refused_in_a_line(bare, visitor):
    alice = visitor(bare)
    room = await alice.create_room()
    path, headers = f"/ws/rooms/{room}/", alice.socket_headers
    for offered in ("\xff", "chatlab.v1, \xff", "\x80"):
        lines = handshake(bare.url, path, headers, offered).decode().encode("latin-1")
        assert b" 500 " not in await answered(bare.url, Input(offered, lines, frames=b"")), offered
    long = await RawSocket.open(bare.url, f"{path}?cursor={'x' * 9_000}", headers)
    assert long.status in (101, 400), "an answer, whether it is read or not"
    tunnel = b"CONNECT /login/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    assert b" 405 " in await answered(bare.url, Input("a tunnel", tunnel))
    for header in ("Daphne-Root-Path: \xff", "Content-Length: " + "9" * 5_000, "Sec-WebSocket-Key: \xff"):
        request = f"GET /healthz HTTP/1.1\r\nHost: localhost\r\n{header}\r\nConnection: close\r\n\r\n"
        assert (await answered(bare.url, Input(header, request.encode("latin-1"))))[9:10] in (b"2", b"4"), header
    for data, opcode, code in (
        (b"\xff", TEXT, 1007),
        (b"\xed\xa0\x80", TEXT, 1007),
        (b"", 3, 1002),
        (b"\0", CLOSE, 1002),
    ):
        socket = await RawSocket.open(bare.url, path, headers)
        await socket.until("synced")
        await socket.send(data, opcode)
        assert await socket.ended() == code, (data, opcode)
