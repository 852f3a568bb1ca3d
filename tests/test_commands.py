"""The commands: verify finds whatever was tampered with, ask answers, token lets a program in, demo makes a start."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import StringIO

import pytest
from django.contrib.auth import authenticate, get_user_model
from django.core.management import CommandError, call_command
from django.db import connection

from rooms import access, log
from rooms.management.commands import ask
from rooms.models import Delta, Generation, Member, Message, Room
from rooms.worker import Worker

from .fakes import Place, new_place

pytestmark = pytest.mark.usefixtures("alone")


def run(*arguments: object, **options: object) -> str:
    out = StringIO()
    call_command(*map(str, arguments), stdout=out, **options)
    return out.getvalue()


# -- verify ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def place() -> Place:
    """A room with an answer that is over, one that was stopped, one that streams, and one that waits."""
    made = new_place("Verified")
    made.answered("One ", "two ", "three 😀")
    stopped = made.begin()
    stopped.write("half of ", "it")
    stopped.write("because", part="reasoning")
    made.stop(stopped.job.message)
    streaming = made.begin()
    streaming.write("saved ", checkpoint=True)
    streaming.write("and not saved")
    made.post("Waiting")
    return made


def test_what_was_not_touched_is_fine(place) -> None:
    other = new_place()
    assert log.verify(place.room) == []
    assert f"{place.room}  ok  {place.head.seq} deltas" in run("verify", place.room)
    every = run("verify")
    assert other.room in every and "2 rooms verified." in every


def delta(room: str, **condition: object) -> Delta:
    return Delta.objects.filter(room=room, **condition).order_by("seq").first()


def change(row: object, **fields: object) -> None:
    type(row).objects.filter(pk=row.pk).update(**fields)


def answer(room: str, status: str) -> Message:
    return Message.objects.filter(room=room, generation__status=status).first()


def change_text_of_a_delta(room: str) -> None:
    row = delta(room, kind="appended")
    change(row, payload=row.payload.replace("One", "0ne"))


def change_a_question(room: str) -> None:
    row = delta(room, kind="opened")
    change(row, payload=row.payload.replace("Why?", "Who?"))


def change_a_kind(room: str) -> None:
    change(delta(room, kind="started"), kind="room")


def delete_a_row(room: str) -> None:
    delta(room, kind="appended").delete()


def delete_the_newest_row(room: str) -> None:
    Delta.objects.filter(room=room).order_by("-seq").first().delete()


def delete_the_first_row(room: str) -> None:
    delta(room).delete()


def swap_two_rows(room: str) -> None:
    first, second = Delta.objects.filter(room=room, kind="appended").order_by("seq")[:2]
    change(first, payload=second.payload)
    change(second, payload=first.payload)


def renumber_a_row(room: str) -> None:
    last = Delta.objects.filter(room=room).order_by("-seq").first()
    change(last, seq=last.seq + 5)


def change_a_chain(room: str) -> None:
    change(delta(room, kind="appended"), chain="0" * 16)


def change_a_digest(room: str) -> None:
    change(delta(room, kind="appended"), digest="deadbeef")


def garble_a_payload(room: str) -> None:
    change(delta(room, kind="appended"), payload='{"half')


def empty_a_payload(room: str) -> None:
    change(delta(room, kind="appended"), payload="{}")


def move_a_delta_to_another_message(room: str) -> None:
    row = delta(room, kind="appended")
    change(row, message=answer(room, "stopped"))


def change_the_text(room: str) -> None:
    change(answer(room, "complete"), text="One two three")


def change_the_text_of_a_question(room: str) -> None:
    change(Message.objects.filter(room=room, role="user").first(), text="Who?")


def change_the_reasoning(room: str) -> None:
    change(answer(room, "stopped"), reasoning="no reason")


def change_a_checkpoint(room: str) -> None:
    change(answer(room, "streaming"), text="slaved ")


def change_a_messages_digest(room: str) -> None:
    change(answer(room, "complete"), digest="deadbeef")


def change_a_status(room: str) -> None:
    change(Generation.objects.get(room=room, status="stopped"), status="complete")


def reopen_an_answer(room: str) -> None:
    row = Generation.objects.get(room=room, status="complete")
    change(row, status="queued")


def move_the_head(room: str) -> None:
    Room.objects.filter(pk=room).update(head=Room.objects.get(pk=room).head + 1)


def change_the_rooms_chain(room: str) -> None:
    Room.objects.filter(pk=room).update(chain="0" * 16)


def change_the_chain_below_the_floor(room: str) -> None:
    Room.objects.filter(pk=room).update(floor_chain="0" * 16)


def raise_the_floor(room: str) -> None:
    Room.objects.filter(pk=room).update(floor=5)


def add_a_row(room: str, kind: str, body: dict, message: Message) -> None:
    """By somebody who knows the rules of the chain."""
    head, payload = log.head_of(room), json.dumps(body, separators=(",", ":"))
    chain = log.append.next_chain(head.chain, head.seq + 1, kind, payload)
    values = {"seq": head.seq + 1, "kind": kind, "message": message, "payload": payload, "chain": chain}
    Delta.objects.create(room_id=room, at=message.created_at, **values)
    Room.objects.filter(pk=room).update(head=head.seq + 1, chain=chain)


def append_after_an_end(room: str) -> None:
    message = answer(room, "complete")
    add_a_row(room, "appended", {"message": message.pk, "text": " four", "part": "text"}, message)


def close_an_answer_twice(room: str) -> None:
    message = answer(room, "complete")
    add_a_row(room, "closed", {"message": message.pk, "status": "complete", "digest": message.digest}, message)


def delete_a_message(room: str) -> None:
    """Its row only: what the deltas say is there has no message any more."""
    message = answer(room, "stopped")
    with keys_unchecked(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM rooms_generation WHERE message_id = %s", [message.pk])
        cursor.execute("DELETE FROM rooms_message WHERE id = %s", [message.pk])


@contextmanager
def keys_unchecked() -> Iterator[None]:
    """Rows may go that others point to, as in a database that was repaired by hand."""
    off, on = {
        "sqlite": ("PRAGMA foreign_keys = OFF", "PRAGMA foreign_keys = ON"),
        "postgresql": ("SET session_replication_role = replica", "RESET session_replication_role"),
    }[connection.vendor]
    with connection.cursor() as cursor:
        cursor.execute(off)
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute(on)


def add_a_message(room: str) -> None:
    row = answer(room, "complete")
    Message.objects.filter(pk=row.pk).update(opened_seq=99)
    row.pk, row.client_id = "added", None
    row.role = "user"
    row.save(force_insert=True)


TAMPERING = [
    change_text_of_a_delta, change_a_question, change_a_kind, delete_a_row, delete_the_newest_row, delete_the_first_row,
    swap_two_rows, renumber_a_row, change_a_chain, change_a_digest, garble_a_payload, empty_a_payload,
    move_a_delta_to_another_message, change_the_text, change_the_text_of_a_question, change_the_reasoning,
    change_a_checkpoint, change_a_messages_digest, change_a_status, reopen_an_answer, move_the_head,
    change_the_rooms_chain, change_the_chain_below_the_floor, raise_the_floor, append_after_an_end,
    close_an_answer_twice, delete_a_message, add_a_message,
]  # fmt: skip


@pytest.mark.parametrize("tamper", TAMPERING, ids=lambda tamper: tamper.__name__)
def test_verify_finds_what_was_tampered_with(place, tamper: Callable[[str], None]) -> None:
    other, out = new_place(), StringIO()
    tamper(place.room)
    with pytest.raises(CommandError) as broken:
        call_command("verify", stdout=out)
    assert broken.value.returncode == 1 and str(broken.value) == "1 of 2 rooms are broken."
    report = out.getvalue()
    assert f"{place.room}  BROKEN" in report and f"{other.room}  ok" in report
    assert len(re.findall(r"^    \S", report, re.M)) >= 1, "it says what is wrong"


def test_a_room_above_its_floor_is_whole(place) -> None:
    floor = 4
    below = Delta.objects.values_list("chain", flat=True).get(room=place.room, seq=floor - 1)
    Room.objects.filter(pk=place.room).update(floor=floor, floor_chain=below)
    Delta.objects.filter(room=place.room, seq__lt=floor).delete()
    assert log.verify(place.room) == []


def test_a_room_that_is_not_there_is_said() -> None:
    for command in (("verify", "nowhere"), ("token", "nowhere"), ("ask", "nowhere", "Why?")):
        with pytest.raises(CommandError, match="no room 'nowhere'"):
            run(*command)


# -- ask, token, demo --------------------------------------------------------------------------------------------------


def test_ask_prints_the_answer_as_it_stands_in_the_log(settings, monkeypatch) -> None:
    settings.CHATLAB_PROVIDER, settings.CHATLAB_DEMO_RATE = "demo", 100_000.0
    monkeypatch.setattr(ask, "SERVER_TAKES_WITHIN", 0.0)
    monkeypatch.setattr(ask, "worker", Worker())
    place = new_place()
    printed = run("ask", place.room, "Why?", "--name", "Ada")
    question, reply = Message.objects.filter(room=place.room).order_by("opened_seq")
    assert (question.text, question.member.name, reply.generation.status) == ("Why?", "Ada", "complete")
    assert printed == reply.text + "\n"
    assert log.verify(place.room) == []


def test_ask_waits_for_the_answer_before_it_and_writes_that_where_nobody_does(settings, monkeypatch) -> None:
    settings.CHATLAB_PROVIDER, settings.CHATLAB_DEMO_RATE = "demo", 100_000.0
    monkeypatch.setattr(ask, "SERVER_TAKES_WITHIN", 0.0)
    monkeypatch.setattr(ask, "worker", Worker())
    place, says = new_place(), StringIO()
    before = [place.post("Name a colour."), place.post("Why that one?")]
    printed = run("ask", place.room, "And another one?", stderr=says)
    *earlier, mine = Generation.objects.order_by("pk")
    assert printed == mine.message.text + "\n" and "waits for the answer before it" in says.getvalue()
    assert [one.message_id for one in earlier] == [receipt.answer for receipt in before]
    assert [one.status for one in earlier] == ["complete"] * 2 and len(log.context_of(mine.message_id).turns) == 5
    assert earlier[0].closed_at <= earlier[1].started_at and earlier[1].closed_at <= mine.started_at


def test_ask_says_how_an_answer_failed(settings, monkeypatch) -> None:
    settings.CHATLAB_PROVIDER, settings.CHATLAB_DEMO_RATE = "demo", 100_000.0
    monkeypatch.setattr(ask, "SERVER_TAKES_WITHIN", 0.0)
    monkeypatch.setattr(ask, "worker", Worker())
    place, errors = new_place(), StringIO()
    with pytest.raises(CommandError, match="failed") as failed:
        run("ask", place.room, "/fail Why?", stderr=errors)
    assert failed.value.returncode == 1 and "The model provider failed." in errors.getvalue()
    with pytest.raises(CommandError, match="empty"):
        run("ask", place.room, "   ")


def test_a_token_is_a_new_member_for_a_program() -> None:
    place = new_place()
    token = run("token", place.room, "--name", "Robot").strip()
    visitor, member = access.admit(None, f"Bearer {token}", place.room)
    assert visitor.known and member.name == "Robot" and member.pk != place.member
    assert run("token", place.room).strip() != token


def test_demo_makes_a_start_and_keeps_what_is_there() -> None:
    first = run("demo", "--no-server", "--port", "8123")
    (room,) = Room.objects.all()
    password = re.search(r"admin / (\S+)", first)[1]
    assert (
        f"http://127.0.0.1:8123/rooms/{room.pk}/" in first and "/demo/sync/" in first and "Offline demo model" in first
    )
    assert authenticate(username="admin", password=password).is_superuser and len(password) >= 12
    second = run("demo", "--no-server")
    assert f"/rooms/{room.pk}/" in second and password not in second
    assert Room.objects.count() == Member.objects.count() == get_user_model().objects.count() == 1
