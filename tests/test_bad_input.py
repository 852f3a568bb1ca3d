"""What no proper client sends: always a clear answer, never a traceback, and nobody else notices."""

from __future__ import annotations

import json

import pytest

from .harness.raw import BINARY, RawSocket
from .harness.upstream import Question, words

GOOD_ID = "x" * 12
DEEP = "[" * 50_000 + "]" * 50_000
BAD_FRAMES: dict[str, str | bytes] = {
    "no JSON": "hello",
    "half of an object": '{"type": "sync", "cur',
    "an array": '["sync"]',
    "a string": '"sync"',
    "null": "null",
    "a number": "1",
    "NaN": '{"type": "sync", "cursor": NaN}',
    "an object without a type": "{}",
    "an unknown type": '{"type": "dance"}',
    "a type of the server's": '{"type": "snapshot"}',
    "a type that is a number": '{"type": 1}',
    "a type that is an object": '{"type": {"type": "sync"}}',
    "a name from the inside": '{"type": "__class__"}',
    "fifty thousand brackets": f'{{"type": "sync", "cursor": {DEEP}}}',
    "an integer of 5,000 digits": '{"type": "sync", "cursor": ' + "9" * 5000 + "}",
    "sync without a cursor": '{"type": "sync"}',
    "sync with a number": '{"type": "sync", "cursor": 1}',
    "sync with a repair that is a word": '{"type": "sync", "cursor": "", "repair": "yes"}',
    "post without a text": json.dumps({"type": "post", "client_id": GOOD_ID}),
    "post without a client_id": '{"type": "post", "text": "hi"}',
    "post with a short client_id": '{"type": "post", "text": "hi", "client_id": "x"}',
    "post with a long client_id": json.dumps({"type": "post", "text": "hi", "client_id": "x" * 65}),
    "post with a strange client_id": json.dumps({"type": "post", "text": "hi", "client_id": "x" * 8 + "\n"}),
    "post of nothing": json.dumps({"type": "post", "text": "", "client_id": GOOD_ID}),
    "post of spaces": json.dumps({"type": "post", "text": " \n ", "client_id": GOOD_ID}),
    "post of a list": json.dumps({"type": "post", "text": ["hi"], "client_id": GOOD_ID}),
    "post under a parent that is a number": json.dumps(
        {"type": "post", "text": "hi", "client_id": GOOD_ID, "parent": 7}
    ),
    "stop without a message": '{"type": "stop"}',
    "stop of a path": '{"type": "stop", "message": "../../etc/passwd"}',
    "retry without a client_id": '{"type": "retry", "message": "abc"}',
    "room without a change": '{"type": "room"}',
    "room with a title that is a list": '{"type": "room", "title": []}',
    "room with chosen branches that are a list": '{"type": "room", "chosen": []}',
}


@pytest.fixture
async def raw(server, alice, room):
    """`await raw(...)`: a socket without manners in `room`, past its first `synced`."""
    opened: list[RawSocket] = []

    async def make(query: str = "", level: bool = True) -> RawSocket:
        socket = await RawSocket.open(server.url, f"/ws/rooms/{room}/{query}", alice.socket_headers)
        opened.append(socket)
        if level:
            await socket.until("synced")
        return socket

    yield make
    for socket in opened:
        socket.close()


async def still_works(socket: RawSocket) -> None:
    await socket.send('{"type": "sync", "cursor": ""}')
    await socket.until("synced")


async def undisturbed(here) -> None:
    """A tab of somebody else is still on its first socket, level, and gets an answer."""
    assert here.level and here.close_code is None and len(here.received("welcome")) == 1
    answer = await here.post(Question({"text": words(5)}))
    assert (await here.finished(answer))["text"] == "".join(words(5))


@pytest.mark.parametrize("case", BAD_FRAMES)
async def test_a_bad_frame_is_answered_and_the_socket_stays(case, upstream, server, bob, room, raw, tab):
    witness, socket = await tab(bob, room), await raw()
    await socket.send(BAD_FRAMES[case])
    error = await socket.until("error")
    assert error["code"] == "bad_frame"
    assert error["detail"] and error["request_id"]
    await still_works(socket)
    assert witness.level and witness.close_code is None


async def test_an_error_names_the_client_id_it_is_about(server, raw):
    socket = await raw()
    await socket.send(json.dumps({"type": "post", "text": "", "client_id": GOOD_ID}))
    assert (await socket.until("error"))["client_id"] == GOOD_ID


async def test_a_binary_frame_is_a_bad_frame(server, bob, room, raw, tab):
    witness, socket = await tab(bob, room), await raw()
    await socket.send(b'{"type": "sync", "cursor": ""}', BINARY)
    assert (await socket.until("error"))["code"] == "bad_frame"
    await still_works(socket)
    await undisturbed(witness)


async def test_an_empty_frame_does_no_harm(server, bob, room, raw, tab):
    witness, socket = await tab(bob, room), await raw()
    await socket.send("")
    await still_works(socket)
    await undisturbed(witness)


async def test_a_frame_over_the_limit_is_refused_and_the_socket_stays(server, bob, room, raw, tab):
    witness, socket = await tab(bob, room), await raw()
    await socket.send(json.dumps({"type": "post", "client_id": GOOD_ID, "text": "x" * 300_000}))
    assert (await socket.until("error"))["code"] == "bad_frame"
    await still_works(socket)
    await undisturbed(witness)


async def test_a_frame_that_the_transport_does_not_take_ends_that_socket_only(server, bob, room, raw, tab):
    witness, socket = await tab(bob, room), await raw()
    await socket.send("x" * 2_000_000)
    assert await socket.ended() in (1006, 1009)
    await undisturbed(witness)


async def test_bytes_that_are_no_text_end_that_socket_only(server, bob, room, raw, tab):
    witness, socket = await tab(bob, room), await raw()
    await socket.send(b"\xff\xfe\xfd")
    assert await socket.ended() in (1006, 1007)
    await undisturbed(witness)


async def test_a_text_over_the_limit_is_too_long(server, room, raw):
    socket = await raw()
    await socket.send(json.dumps({"type": "post", "client_id": GOOD_ID, "text": "x" * 32_001}))
    error = await socket.until("error")
    assert error["code"] == "too_long" and "32,000" in error["detail"]
    # Counted as JavaScript counts: this is 32,002 code units.
    await socket.send(json.dumps({"type": "post", "client_id": GOOD_ID, "text": "😀" * 16_001}))
    assert (await socket.until("error"))["code"] == "too_long"


async def test_commands_about_messages_that_do_not_exist_are_not_found(server, raw):
    socket = await raw()
    for frame in (
        {"type": "stop", "message": "nobody"},
        {"type": "retry", "message": "nobody", "client_id": GOOD_ID + "1"},
        {"type": "continue", "message": "nobody", "client_id": GOOD_ID + "2"},
        {"type": "post", "text": "hi", "parent": "nobody", "client_id": GOOD_ID + "3"},
    ):
        await socket.send(json.dumps(frame))
        assert (await socket.until("error"))["code"] == "not_found", frame


async def test_a_message_of_another_room_is_not_found(upstream, server, alice, room, raw, tab):
    elsewhere = await tab(alice, await alice.create_room())
    answer = await elsewhere.post(Question({"text": "mine"}))
    await elsewhere.finished(answer)
    socket = await raw()
    await socket.send(json.dumps({"type": "retry", "message": answer, "client_id": GOOD_ID}))
    assert (await socket.until("error"))["code"] == "not_found"


async def test_ten_bad_frames_within_a_minute_close_the_socket_for_good(own_server, visitor, tab):
    server = own_server(CHATLAB_LIMITS="on")
    alice = visitor(server)
    room = await alice.create_room()
    witness = await tab(alice, room)
    socket = await RawSocket.open(server.url, f"/ws/rooms/{room}/", alice.socket_headers)
    for _ in range(10):
        await socket.send("{}")
    assert await socket.ended() == 4500
    await undisturbed(witness)
