"""A room as a file: everything that was said, in order, whatever it was; for members only; in parts."""

from __future__ import annotations

import json
from io import StringIO
from types import SimpleNamespace

import pytest
from asgiref.sync import async_to_sync
from django.core.management import CommandError, call_command
from django.urls import reverse

from rooms import actions, export, frames, log
from rooms.actions import commit_now
from rooms.models import Member, Room
from rooms.rendering import render

from .fakes import Place, new_place
from .test_links import guest

pytestmark = pytest.mark.usefixtures("alone")


@pytest.fixture
def place() -> Place:
    made = new_place("Tables & <tags>")
    Member.objects.filter(pk=made.member).update(name="Ada *the* first")
    return made


def markdown(place: Place) -> str:
    return "".join(part() for part in export.parts(place.room, "md"))


def whole(response) -> str:
    async def read() -> bytes:
        return b"".join([part async for part in response])

    return async_to_sync(read)().decode()


def test_markdown_is_the_branch_that_is_shown(place) -> None:
    first = place.answered("First *answer*.")
    second = place.post("Instead?", parent=None, branch=True)
    text = markdown(place)
    assert text.startswith("# Tables & \\<tags\\>\n") and "Instead?" in text
    assert "First *answer*." not in text, "another branch is shown"
    commit_now(actions.change_room(place.member, place.room, frames.ChangeRoom(chosen={"": first.message})))
    text = markdown(place)
    assert text.index("**Ada \\*the\\* first**") < text.index("Why?") < text.index("First *answer*.")
    assert "Instead?" not in text and second


def test_json_is_everything_and_what_the_room_is(place) -> None:
    place.answered("One.", "Two 😀")
    place.post("Beside it", parent=None, branch=True)
    whole = json.loads("".join(part() for part in export.parts(place.room, "json")))
    snapshot = log.snapshot(place.room)
    assert whole["messages"] == snapshot["messages"] and whole["members"] == snapshot["members"]
    assert whole["room"] == snapshot["room"]


def test_a_room_of_any_size_comes_in_parts_and_says_all(place, monkeypatch) -> None:
    monkeypatch.setattr(export, "AT_ONCE", 3)
    for number in range(8):
        place.post(f"Question {number}.")
    assert len(export.parts(place.room, "json")) == 2 + 6
    whole = json.loads("".join(part() for part in export.parts(place.room, "json")))
    asked = [message["text"] for message in whole["messages"] if message["role"] == "user"]
    assert asked == [f"Question {number}." for number in range(8)]
    assert [markdown(place).count(f"Question {number}.") for number in range(8)] == [1] * 8


def test_an_answer_that_was_cut_in_a_code_block_swallows_nothing(place) -> None:
    for text in ("```python\nprint(1)", "~~~~\n~~~ not yet\n", "````\n```\nstill inside"):
        pen = place.begin()
        pen.write(text)
        place.stop(pen.job.message)
    text = markdown(place)
    assert text.count("· *stopped*") == 3
    html = render(text)
    assert html.count("<hr") == 6, "each message begins outside of the code of the one before"


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("Tables", "Tables.md"),
        ('a/b\\c: "d"?\n', "a b c d.md"),
        ("...", "room.md"),
        ("", "room.md"),
        ("\u202egnp.exe", "gnp.exe.md"),
        ("Größe 😀", "Größe 😀.md"),
        ("x" * 200, "x" * 80 + ".md"),
    ],
)
def test_the_file_has_the_rooms_name(title, name) -> None:
    assert export.file_name(SimpleNamespace(title=title), "md") == name


@pytest.mark.parametrize("form", ["md", "json"])
def test_only_members_can_download_and_staff_by_the_admin(place, form, client, admin_client) -> None:
    place.answered("Said.")
    address = f"/rooms/{place.room}/export.{form}"
    mine = guest(place.visitor.guest).get(address)
    assert "Said." in whole(mine)
    assert "attachment" in mine["Content-Disposition"] and mine["Content-Type"] == export.FORMS[form]
    stranger = guest(new_place().visitor.guest)
    assert [who.get(address).status_code for who in (client, stranger, admin_client)] == [404] * 3
    Member.objects.filter(pk=place.member).update(role=Member.Role.LEFT)
    assert guest(place.visitor.guest).get(address).status_code == 404
    by_admin = reverse("admin:rooms_room_export", args=[place.room, form])
    assert "Said." in whole(admin_client.get(by_admin))
    assert client.get(by_admin).status_code == 302
    shown = admin_client.get(reverse("admin:rooms_room_change", args=[place.room])).content.decode()
    assert by_admin.replace("_", "_5F") in shown or by_admin in shown


def test_staff_without_the_permission_can_not_download(place, client, django_user_model) -> None:
    client.force_login(django_user_model.objects.create_user("staff", is_staff=True))
    assert client.get(reverse("admin:rooms_room_export", args=[place.room, "md"])).status_code == 403


def test_the_command_writes_the_same(place) -> None:
    place.answered("From the terminal.")
    out = StringIO()
    call_command("export_room", place.room, stdout=out)
    assert out.getvalue() == markdown(place)
    with pytest.raises(CommandError):
        call_command("export_room", "nowhere")
    assert Room.objects.exists()
