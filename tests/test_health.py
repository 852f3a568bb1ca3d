"""Health for whoever operates this: alive, ready, and how a process is taken out without anyone noticing."""

from __future__ import annotations

import signal

import httpx2
from websockets.asyncio.client import connect

from .harness.tab import Tab
from .harness.upstream import Question, words
from .harness.waiting import eventually


async def ready(url: str) -> tuple[int, str]:
    async with httpx2.AsyncClient() as client:
        response = await client.get(f"{url}/readyz")
        return response.status_code, response.text


async def refusal(url: str, room: str, headers: dict[str, str]) -> int:
    """The code with which a new socket is closed."""
    address = f"{url.replace('http', 'ws', 1)}/ws/rooms/{room}/"
    async with connect(address, subprotocols=["chatlab.v1"], additional_headers=headers, proxy=None) as socket:
        await socket.wait_closed()
        return socket.close_code


async def test_a_process_that_serves_is_alive_and_ready(server):
    assert server.answers()
    assert await ready(server.url) == (200, "serving: ok\ndatabase: ok\nchannel layer: ok\n")


async def test_a_process_whose_layer_is_gone_is_not_ready_but_alive(own_server):
    server = own_server(REDIS_URL="redis://127.0.0.1:1/0")
    status, text = await ready(server.url)
    assert status == 503 and "channel layer: no" in text and "database: ok" in text
    assert server.answers()


async def test_a_process_that_is_told_to_drain_sends_its_readers_away_and_writes_its_answers_to_the_end(
    own_server, upstream, visitor, tab
):
    server = own_server()
    alice = visitor(server)
    room = await alice.create_room()
    here: Tab = await tab(alice, room)
    gate = {"gate": "drained"}
    answer = await here.post(Question({"text": words(50)}, gate, {"text": words(50)}))
    await here.until(lambda: here.text(answer))
    server.send(signal.SIGUSR1)
    await here.until(lambda: here.close_code == 4412, 10, "the reader is sent away")

    async def red() -> bool:
        return (await ready(server.url))[0] == 503

    await eventually(red, 5, "/readyz is red")
    assert await refusal(server.url, room, alice.socket_headers) == 4412
    await upstream.open("drained")
    await eventually(lambda: server.database.status(answer) == "complete", 10, "the answer is written to its end")
