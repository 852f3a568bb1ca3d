"""A read-only link with a real server, real sockets and a real browser: it follows, it can't speak, and it ends."""

from __future__ import annotations

import re
import time

import pytest

from .harness import pages
from .harness.raw import RawSocket
from .harness.upstream import Question, words
from .harness.waiting import eventually


async def make_link(person, room: str, lasts: str = "") -> str:
    """The address of a new link, as its page shows it to the owner."""
    await person.client.get(f"{person.server.url}/")
    form = {"csrfmiddlewaretoken": person.client.cookies["csrftoken"], "lasts": lasts}
    page = await person.client.post(f"{person.server.url}/rooms/{room}/links/", data=form)
    assert page.status_code == 200, page.text
    return re.search(r'value="(http://[^"]*/shared/[^"]+#[^"]+)"', page.text)[1]


async def revoke(person, room: str, address: str) -> None:
    link = address.split("/")[-2]
    form = {"csrfmiddlewaretoken": person.client.cookies["csrftoken"]}
    assert (
        await person.client.post(f"{person.server.url}/rooms/{room}/links/{link}/revoke/", data=form)
    ).status_code == 302


async def open_socket(server, address: str) -> RawSocket:
    link, token = address.split("/")[-2], address.rpartition("#")[2]
    return await RawSocket.open(server.url, f"/ws/shared/{link}/", {"Authorization": f"Bearer {token}"})


COMMANDS = (
    '{"type":"post","client_id":"a-reader-1","text":"hi"}',
    '{"type":"retry","client_id":"a-reader-2","message":"ANSWER"}',
    '{"type":"continue","client_id":"a-reader-3","message":"ANSWER"}',
    '{"type":"stop","message":"ANSWER"}',
    '{"type":"room","title":"Mine"}',
    '{"type":"room","locked":true}',
    '{"type":"remove","member":"MEMBER"}',
    '{"type":"leave"}',
    '{"type":"typing"}',
)


async def test_a_reader_follows_live_and_may_say_nothing(upstream, server, alice, room, tab):
    here = await tab(alice, room)
    address = await make_link(alice, room)
    reader = await open_socket(server, address)
    welcome = await reader.until("welcome")
    assert welcome["me"] == {"id": "", "name": "", "role": "reader"} and room not in str(welcome)
    assert room not in str(await reader.until("snapshot"))
    await reader.until("synced")

    question = Question({"text": "half "}, {"gate": "reader-gate"}, {"text": "whole"})
    answer = await here.post(question)
    snapshot = await reader.until("snapshot")
    assert snapshot["messages"][0]["author"] in snapshot["members"], (
        "somebody writes for the first time: a name is told"
    )
    await here.until(lambda: here.text(answer) == "half ")
    before = server.database.rows("SELECT head FROM rooms_room WHERE id = ?", room)
    for command in COMMANDS:
        await reader.send(command.replace("ANSWER", answer))
        assert (await reader.until("error"))["code"] == "not_allowed", command
    assert server.database.rows("SELECT head FROM rooms_room WHERE id = ?", room) == before
    await upstream.open("reader-gate")
    await here.finished(answer)
    kinds = []
    while "closed" not in kinds:
        for item in (await reader.until("deltas"))["items"]:
            kinds.append(item["kind"])
            assert "usage" not in item
    reader.close()


async def test_revoking_ends_who_is_listening_within_five_seconds(server, alice, room):
    address = await make_link(alice, room)
    kept = await open_socket(server, await make_link(alice, room))
    reader = await open_socket(server, address)
    await reader.until("synced")
    await kept.until("synced")
    begun = time.monotonic()
    await revoke(alice, room, address)
    assert await reader.ended(within=10) == 4503
    assert time.monotonic() - begun < 5
    again = await open_socket(server, address)
    assert await again.ended() == 4503
    await kept.send('{"type":"sync","cursor":"0.0000000000000000"}')
    await kept.until("synced")
    for socket in (reader, again, kept):
        socket.close()


@pytest.mark.parametrize("subject", ["unknown link", "no token", "another link's token", "a member's token", "a room"])
async def test_every_other_way_in_is_closed_with_the_same_code(subject, server, alice, room):
    address = await make_link(alice, room)
    link, token = address.split("/")[-2], address.rpartition("#")[2]
    path, headers = f"/ws/shared/{link}/", {"Authorization": f"Bearer {token}"}
    if subject == "unknown link":
        path = f"/ws/shared/{'A' * 22}/"
    elif subject == "no token":
        headers = alice.socket_headers
    elif subject == "another link's token":
        other = await make_link(alice, await alice.create_room())
        headers = {"Authorization": f"Bearer {other.rpartition('#')[2]}"}
    elif subject == "a member's token":
        member = server.manage("token", room).stdout.split()[-1]
        headers = {"Authorization": f"Bearer {member}"}
    else:
        path = f"/ws/rooms/{room}/"
    socket = await RawSocket.open(server.url, path, headers)
    assert socket.status == 101 and await socket.ended() == 4503
    socket.close()


@pytest.mark.browser
async def test_the_page_of_a_link_follows_live_and_keeps_its_token_to_itself(
    upstream, server, alice, room, tab, browser
):
    mark = server.mark()
    here = await tab(alice, room)
    await here.finished(await here.post(Question({"text": "said before"})))
    address = await make_link(alice, room)
    context = await browser.new_context()
    sent: list[str] = []
    page = await context.new_page()
    page.on("request", lambda request: sent.append(f"{request.url} {request.headers.get('referer', '')}"))
    await page.goto(address)
    await pages.live(page)
    assert page.url == address, "what stands in the address bar is the whole link, to be kept"
    assert (await pages.answer(page))["text"] == "said before"
    assert await page.locator("textarea").count() == 0 and room not in await page.content()
    question = Question({"text": words(20)}, {"gate": "page-gate"}, {"text": words(20, 20)})
    answer = await here.post(question)
    await pages.shows(page, "w19 ")
    await upstream.open("page-gate")
    await here.finished(answer)
    assert (await pages.ended(page))["text"] == "".join(words(40))

    token = address.rpartition("#")[2]
    assert token not in server.log(mark), "the token stands in the server's log"
    assert not [request for request in sent if token in request.partition("#")[0]]
    await page.reload()
    await pages.live(page)
    await revoke(alice, room, address)
    await eventually(lambda: page.evaluate("() => document.body.dataset.connection === 'gone'"), 10)
    await page.reload()
    await page.get_by_text("This link does not work.").wait_for()
    await context.close()
