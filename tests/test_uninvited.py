"""What nobody invited: made-up tokens, foreign schemes, forms, endless repairs, one room's crowd before all others."""

from __future__ import annotations

import asyncio
import json

import httpx2
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from rooms import actions, lease
from rooms.access import Visitor
from rooms.actions import commit_now
from rooms.delivery.window import TooSlow, Window
from rooms.errors import Busy, NotAllowed
from rooms.models import Generation, Member, Room
from rooms.origin import mismatch

from .fakes import Place, new_place

# -- in the process ----------------------------------------------------------------------------------------------------


def test_a_token_can_make_no_room_and_leaves_none_behind(place: Place) -> None:
    rooms = Room.objects.count()
    with pytest.raises(NotAllowed):
        commit_now(actions.create_room(Visitor(token="0" * 64), "Mine"))
    assert Room.objects.count() == rooms


def test_a_crowded_room_does_not_hide_the_others_from_a_worker(place: Place, settings) -> None:
    settings.CHATLAB_ROOM_QUEUE = 1000
    for number in range(lease.AT_ONCE // 50):
        place.post(str(number), branch=True, parent=None)
    other = new_place()
    asked = other.post()
    found = lease.waiting()
    assert (other.room, Generation.objects.get(message=asked.answer).pk) in found
    assert [room for room, _ in found].count(place.room) == settings.CHATLAB_ROOM_ANSWERS


def test_a_room_has_an_end_of_its_queue(place: Place, settings) -> None:
    settings.CHATLAB_ROOM_QUEUE = 2
    first = place.post("1", client_id="first-one")
    place.post("2")
    with pytest.raises(Busy):
        place.post("3")
    assert place.post("1", client_id="first-one").message == first.message, "a repeat is no new question"


def test_a_worker_that_ends_an_answer_is_not_told_to_let_go_of_it(place: Place, monkeypatch) -> None:
    """It has still to cancel a background response; everybody else's end it must hear of."""
    from rooms.actions.commit import _writer

    stops: list[int] = []
    monkeypatch.setattr(_writer, "_on_commit", lambda batch: stops.extend(batch.stops))
    place.begin().end()
    assert stops == []
    pen = place.begin()
    place.stop(pen.job.message)
    assert stops == [pen.job.generation]


def test_who_has_left_comes_back_as_the_same_member(place: Place) -> None:
    gone = place.join("Bob")
    Member.objects.filter(pk=gone.member).update(role=Member.Role.LEFT)
    back = commit_now(actions.join(gone.visitor, place.room, None))
    assert (back.member.pk, back.member.role, back.member.name) == (gone.member, "member", "Bob")


def test_joining_again_speaks_for_the_member_that_every_other_door_knows(place: Place, django_user_model) -> None:
    guest = place.join("As a guest")
    account = django_user_model.objects.create_user("ada")
    mine = commit_now(actions.join(Visitor(user_id=account.pk), place.room, "Ada")).member
    both = Visitor(user_id=account.pk, guest=guest.visitor.guest)
    assert commit_now(actions.join(both, place.room, None)).member.pk == mine.pk


def test_a_window_is_not_forgiven_for_ever() -> None:
    window = Window(100)
    with pytest.raises(TooSlow):
        for seq in range(20):
            window.add(seq, 100)
            window.forgive()
    window = Window(100)
    for seq in range(20):
        window.add(seq, 100)
        window.forgive()
        window.add(seq, 10)
        assert window.confirm(seq)


def test_over_https_a_page_without_it_opens_no_socket(settings) -> None:
    assert mismatch("http://chat.example.org", "chat.example.org") is None
    settings.HTTPS = True
    assert mismatch("http://chat.example.org", "chat.example.org")
    assert mismatch("https://chat.example.org", "chat.example.org") is None


# -- over the wire -----------------------------------------------------------------------------------------------------


async def test_a_token_that_nobody_made_gets_no_session(server) -> None:
    async with httpx2.AsyncClient(base_url=server.url) as client:
        for number in range(3):
            headers = {"Authorization": f"Bearer made-up-{number}"}
            answer = await client.post("/api/rooms", headers=headers, json={})
            assert answer.status_code == 403 and answer.json()["code"] == "not_allowed"
            assert "chatlab_session" not in answer.cookies


async def test_a_form_is_refused_and_is_no_error_of_the_server(server) -> None:
    async with httpx2.AsyncClient(base_url=server.url) as client:
        token = (await client.get("/")).cookies["csrftoken"]
        answer = await client.post("/api/rooms", headers={"X-CSRFToken": token}, files={"title": b"A form"})
        assert (answer.status_code, answer.json()["code"]) == (400, "bad_frame")


async def test_basic_authorization_is_between_the_browser_and_a_proxy(server, alice, room) -> None:
    headers = alice.socket_headers | {"Authorization": "Basic YTpi"}
    async with socket(server, room, headers) as wire:
        assert json.loads(await asyncio.wait_for(wire.recv(), 10))["type"] == "welcome"


async def test_a_long_query_is_read_as_no_cursor(server, alice, room) -> None:
    query = "&".join(f"field{number}=1" for number in range(50))
    async with socket(server, room, alice.socket_headers, query) as wire:
        kinds = [json.loads(await asyncio.wait_for(wire.recv(), 10))["type"] for _ in range(3)]
        assert kinds == ["welcome", "snapshot", "synced"]


async def test_repairs_without_end_are_closed_as_too_slow(server, alice, room) -> None:
    big = "x" * 30_000
    async with socket(server, room, alice.socket_headers) as wire:
        for number in range(6):
            await wire.send(json.dumps({"type": "post", "client_id": f"big-question-{number}", "text": big}))
        with pytest.raises(ConnectionClosed):
            for _ in range(200):
                await wire.send(json.dumps({"type": "sync", "cursor": "", "repair": True}))
                while json.loads(await asyncio.wait_for(wire.recv(), 10))["type"] != "synced":
                    pass
        assert wire.close_code == 4499


def socket(server, room: str, headers: dict[str, str], query: str = ""):
    address = f"{server.url.replace('http', 'ws', 1)}/ws/rooms/{room}/?{query}"
    return connect(address, subprotocols=["chatlab.v1"], additional_headers=headers, proxy=None, max_size=None)
