"""Who may not come in, at every door: refused in words a client can act on, and told nothing else."""

from __future__ import annotations

import pytest

from .harness.raw import RawSocket
from .harness.upstream import Question

NO_ROOM = "A" * 22


async def refused(server, path: str, headers: dict, subprotocol: str | None = "chatlab.v1") -> tuple[int, int | None]:
    """(HTTP status of the handshake, close code)."""
    socket = await RawSocket.open(server.url, path, headers, subprotocol)
    code = None
    if socket.status == 101:
        frame = await socket.receive()
        assert frame is None or frame["type"] == "bye", f"it was told {frame}"
        code = await socket.ended() if frame else socket.close_code
    socket.close()
    return socket.status, code


@pytest.mark.parametrize("room", [NO_ROOM, "x", "a" * 64, "-", "0"])
async def test_an_unknown_room_is_accepted_and_closed_with_4503(room, server, alice):
    await alice.create_room()
    assert await refused(server, f"/ws/rooms/{room}/", alice.socket_headers) == (101, 4503)


async def test_a_room_of_others_looks_the_same_as_none(server, room, visitor):
    charlie = visitor(server)
    await charlie.create_room()
    assert await refused(server, f"/ws/rooms/{room}/", charlie.socket_headers) == (101, 4503)
    answers = [await charlie.request("GET", f"/api/rooms/{place}") for place in (room, NO_ROOM)]
    bodies = [{**answer.json(), "request_id": None} for answer in answers]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert bodies[0] == bodies[1] and bodies[0]["code"] == "not_found"
    assert answers[0].headers["content-type"].startswith("application/problem+json")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", ""),
        ("GET", "/messages?before=1"),
        ("GET", "/deltas?after="),
        ("POST", "/messages"),
        ("POST", "/messages/abc/stop"),
        ("POST", "/messages/abc/retry"),
    ],
)
async def test_the_api_says_not_found_to_whoever_is_not_a_member(method, path, server, room, visitor):
    charlie = visitor(server)
    await charlie.create_room()
    body = {"client_id": "not-a-member", "text": "hi"} if method == "POST" else None
    response = await charlie.request(method, f"/api/rooms/{room}{path}", body)
    assert response.status_code == 404 and response.json()["code"] == "not_found"


async def test_the_page_shows_strangers_an_invitation_and_nothing_of_the_room(
    upstream, server, alice, room, visitor, tab
):
    here = await tab(alice, room)
    await here.finished(await here.post(Question({"text": "a secret answer"})))
    charlie = visitor(server)
    page = await charlie.request("GET", f"/rooms/{room}/")
    assert page.status_code == 200 and "secret answer" not in page.text
    before = server.database.rows("SELECT count(*) FROM rooms_member WHERE room_id = ?", room)
    await charlie.request("GET", f"/rooms/{room}/join/")
    assert server.database.rows("SELECT count(*) FROM rooms_member WHERE room_id = ?", room) == before
    assert (await charlie.request("GET", f"/rooms/{NO_ROOM}/")).status_code == 404


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "http://127.0.0.1",
        "http://localhost:{port}",
        "http://127.0.0.1:{port}.evil.example",
        "https://127.0.0.1:{port}",  # no proxy has passed this on: what answers by https here is another site
        "http://127.0.0.1:0{port}",
        "http://127.0.0.1:+{port}",
        "http://127.0.0.1:{port}/",
        "null",
        "",
        None,
    ],
)
async def test_a_cookie_with_a_foreign_or_missing_origin_is_refused_before_the_socket(origin, server, alice, room):
    headers = {"Cookie": alice.cookie_header}
    if origin is not None:
        headers["Origin"] = origin.format(port=server.port)
    # 400: an Origin that is no URL is stopped by the WebSocket server in front of ours.
    assert await refused(server, f"/ws/rooms/{room}/", headers) in ((403, None), (400, None))


async def test_whoever_is_not_known_at_all_is_closed_for_good(server, room):
    status, code = await refused(server, f"/ws/rooms/{room}/", {"Origin": server.url})
    assert status == 101 and code in (4501, 4503)


@pytest.mark.parametrize("token", ["nonsense", "", "a" * 5000, "\u00e9"])
async def test_a_wrong_bearer_token_is_closed_for_good(token, server, room):
    status, code = await refused(server, f"/ws/rooms/{room}/", {"Authorization": f"Bearer {token}"})
    # Without a token it is a visitor without an Origin.
    assert (status, code) in ((101, 4501), (101, 4503), (403, None))


async def test_a_bearer_token_needs_no_origin(server, alice, room):
    token = server.manage("token", room, "--name", "Robot").stdout.split()[-1]
    socket = await RawSocket.open(server.url, f"/ws/rooms/{room}/", {"Authorization": f"Bearer {token}"})
    assert (await socket.until("welcome"))["me"]["name"] == "Robot"
    socket.close()
    other = await alice.create_room()
    assert (await refused(server, f"/ws/rooms/{other}/", {"Authorization": f"Bearer {token}"}))[1] == 4503


@pytest.mark.parametrize("subprotocol", ["chatlab.v0", "graphql-ws", "chatlab.v999, something"])
async def test_an_unknown_subprotocol_is_told_that_the_page_is_too_old(subprotocol, server, alice, room):
    assert await refused(server, f"/ws/rooms/{room}/", alice.socket_headers, subprotocol) == (101, 4510)


async def test_a_path_without_a_room_is_refused_quietly(server, alice):
    await alice.create_room()
    for path in ("/ws/", "/ws/rooms/", "/ws/rooms//", "/nowhere/", "/ws/rooms/%00/", "/ws/rooms/a%2Fb/"):
        status, code = await refused(server, path, alice.socket_headers)
        assert status in (400, 403, 404) or code == 4503, path


async def test_a_request_without_the_csrf_token_changes_nothing(server, alice, room):
    await alice.request("GET", "/")
    body = {"client_id": "without-token", "text": "hi"}
    response = await alice.client.post(f"{alice.url}/api/rooms/{room}/messages", json=body)
    assert response.status_code == 403
    assert server.database.answers(room) == []
