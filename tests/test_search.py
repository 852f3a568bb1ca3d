"""A person finds their own rooms and what was said in them, and nothing of anybody else's."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from rooms import access, search
from rooms.access import Visitor
from rooms.models import Member

from .fakes import Place, new_place
from .test_links import guest, holder, link_to

pytestmark = pytest.mark.usefixtures("alone")

HOSTILE = "<script>alert(1)</script> & <b>"


@pytest.fixture
def place() -> Place:
    made = new_place("About needles")
    made.answered("A haystack with one Needle in it, and hay.")
    return made


def texts(visitor: Visitor, words: str) -> list[tuple[str, str, str]]:
    return [(found.before, found.found, found.after) for found in search.find(visitor, words)[1]]


def test_titles_and_messages_are_found_in_either_case(place) -> None:
    rooms, excerpts = search.find(place.visitor, "nEEdle")
    assert [room.title for room in rooms] == ["About needles"]
    assert texts(place.visitor, "nEEdle") == [("A haystack with one ", "Needle", " in it, and hay.")]
    assert excerpts[0].room.pk == place.room


def test_only_ones_own_rooms_are_searched(place) -> None:
    member = place.join("Bea")
    assert texts(member.visitor, "needle")
    Member.objects.filter(pk=member.member).update(role=Member.Role.LEFT)
    made = link_to(place)
    session = holder(made).session
    reader = Visitor(session_key=session.session_key, links=frozenset([made.link.pk]))
    for visitor in (member.visitor, new_place().visitor, Visitor(), reader):
        assert search.find(visitor, "needle") == ([], [])
        assert search.newest_rooms(visitor) == [] or place.room not in {r.pk for r in search.newest_rooms(visitor)}
    assert Client().get("/api/search?q=needle").json() == {"rooms": [], "messages": []}
    assert Client().get("/api/rooms").json() == {"rooms": []}


@pytest.mark.parametrize(
    "words", ["", " ", "n", "\0", "%", "_", "%%", "__", "\\", "needle%", "' OR 1=1 --", "x" * 9999]
)
def test_what_is_too_short_or_meant_for_the_database_finds_nothing(place, words) -> None:
    assert search.find(place.visitor, words) == ([], [])


def test_what_is_found_is_bounded(place, monkeypatch) -> None:
    monkeypatch.setattr(search, "FOUND", 2)
    for number in range(4):
        place.post(f"Another needle, number {number}")
    found = texts(place.visitor, "needle")
    assert [before for before, *_ in found] == ["Another ", "Another "], "the newest ones"
    place.post("long " * 100 + "needle" + " long" * 100)
    before, match, after = texts(place.visitor, "needle")[0]
    assert before.startswith("…") and after.endswith("…") and len(before) + len(after) < 2 * search.AROUND + 10


def test_what_was_said_is_shown_as_text(place) -> None:
    place.post(f"{HOSTILE} needle {HOSTILE}")
    page = guest(place.visitor.guest).get("/search/?q=needle").content.decode()
    assert "<mark>needle</mark>" in page and "<script>alert(1)" not in page and "&lt;script&gt;alert(1)" in page
    assert "<mark>" not in guest(place.visitor.guest).get("/search/?q=<script>alert(1)</script>xyz").content.decode()


def test_the_list_of_rooms_costs_one_query_however_many_there_are(place) -> None:
    place.begin()
    client = guest(place.visitor.guest)
    client.get("/api/rooms")
    with CaptureQueriesContext(connection) as captured:
        (room,) = client.get("/api/rooms").json()["rooms"]
    assert (room["id"], room["title"], room["live"]) == (place.room, "About needles", True)
    asked = [query["sql"] for query in captured.captured_queries if "rooms_room" in query["sql"]]
    assert len(asked) == 1 and "COUNT" not in asked[0]


def test_a_program_sees_the_room_of_its_token(place) -> None:
    token = access.new_token(Member.objects.get(pk=place.member))
    new_place("Not mine")
    found = Client(HTTP_AUTHORIZATION=f"Bearer {token}").get("/api/search?q=needle").json()
    assert [said["excerpt"][1] for said in found["messages"]] == ["Needle"] and len(found["rooms"]) == 1


# -- the theme ---------------------------------------------------------------------------------------------------------


def test_the_server_writes_the_theme_into_the_page() -> None:
    client = Client()
    assert "data-theme" not in client.get("/").content.decode().partition(">")[2].partition(">")[0]
    for theme in ("light", "dark"):
        answer = client.post("/theme/", {"theme": theme}, HTTP_REFERER="http://testserver/login/")
        assert answer["Location"] == "http://testserver/login/"
        assert f' data-theme="{theme}" data-cookie="chatlab_theme">' in client.get("/").content.decode()
    client.post("/theme/", {"theme": "system"})
    assert "data-theme=" not in client.get("/").content.decode()
    client.cookies["chatlab_theme"] = '"><script>'
    assert "data-theme=" not in client.get("/").content.decode()


def test_the_theme_leads_nowhere_else() -> None:
    answer = Client().post("/theme/", {"theme": "dark"}, HTTP_REFERER="https://evil.example/")
    assert answer["Location"] == "/"
