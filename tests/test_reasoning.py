"""What a model thinks is Markdown like what it says: live, after a reload, without JavaScript, by a link. A client that
knows nothing of it is sent the text's HTML as before.
"""

from __future__ import annotations

import asyncio

import pytest
from django import test

from rooms import frames, log
from rooms.delivery.hub import RoomHub
from rooms.delivery.message_html import NOTHING, RenderedMessage
from rooms.models import Room
from rooms.rendering import render
from rooms.text import digest

from .fakes import Pen, client_id, in_thread, settled
from .harness.upstream import Question
from .harness.waiting import eventually
from .test_rendered import DOCUMENT, Client, rendered_to_its_end, said, shown_by

THOUGHT = "".join(DOCUMENT)


def thoughts_of(frames_of_a_tab: list[dict]) -> dict[str, str]:
    assert {frame["part"] for frame in frames_of_a_tab} <= {"reasoning"}
    reading = shown_by(frames_of_a_tab)
    assert reading.ignored == 0
    return reading.html


async def test_blocks_are_sent_as_they_are_thought_and_an_old_client_is_sent_what_it_knows(
    upstream, server, alice, room, tab
):
    base = Question()
    gates = [base.gate("one"), base.gate("two")]
    question = Question(
        {"reasoning": DOCUMENT[:5]}, {"gate": gates[0]}, {"reasoning": DOCUMENT[5:]}, {"text": DOCUMENT[:5]},
        {"gate": gates[1]}, {"text": DOCUMENT[5:]},
    )  # fmt: skip
    here = await tab(alice, room)
    answer = await here.post(question)

    def thought() -> str:
        return thoughts_of(here.received("rendered_part")).get(answer, "")

    await here.until(lambda: "</figure>" in thought(), 10, "what is thought is sent by blocks")
    there = await tab(alice, room)
    await there.until(lambda: "</figure>" in thoughts_of(there.received("rendered_part")).get(answer, ""))
    assert all(frame["message"] != answer for frame in here.received("rendered"))
    await upstream.open(gates[0])
    await here.until(lambda: "</figure>" in shown_by(here.received("rendered")).html.get(answer, ""))
    await upstream.open(gates[1])
    assert await rendered_to_its_end(here, answer) == await rendered_to_its_end(there, answer) == render(THOUGHT)
    for reader in (here, there):
        await reader.until(
            lambda reader=reader: thoughts_of(reader.received("rendered_part"))[answer] == render(THOUGHT)
        )
        old = shown_by(reader.received("rendered"))
        assert (old.ignored, old.replaced) == (0, 0), "each block of the text once, and nothing else"


# -- one reader --------------------------------------------------------------------------------------------------------


def thought_by(client: Client) -> str:
    return "".join(thoughts_of(client.of("rendered_part")).values())


async def test_what_was_thought_in_a_lost_delta_is_read_from_the_log(place):
    pen = await in_thread(place.begin)
    client = Client(room := RoomHub(place.room))
    await client.subscription.open("")
    await said(room, place, pen=pen, text="one\n\n", part="reasoning")
    await said(room, place, pen=pen, text="two\n\n", part="reasoning", lost=True)
    await said(room, place, pen=pen, text="three\n\nfour\n\nfi", part="reasoning")
    expected = render("one\n\ntwo\n\nthree\n\n")
    await eventually(lambda: thought_by(client).startswith(expected))
    assert client.faults == []


async def test_who_comes_back_while_nothing_is_thought_is_sent_what_was(place):
    """Its page has the beginning, and its cursor is the head: no delta of the message comes to it."""
    pen = await in_thread(place.begin)
    await in_thread(lambda: pen.write("# one\n\ntwo\n\nthree", part="reasoning"))
    client = Client(RoomHub(place.room))
    await client.subscription.open(str(await in_thread(lambda: place.head)))
    assert client.of("snapshot") == []
    await eventually(lambda: thought_by(client) == "<h2>one</h2>")


async def test_a_note_that_is_defined_at_the_end_is_there_at_the_end(place):
    pen = await in_thread(place.begin)
    client = Client(room := RoomHub(place.room))
    await client.subscription.open("")
    for text in ("See [x].\n\nMore\n\nand\n", "[x]: https://example.org/\n"):
        await said(room, place, pen=pen, text=text, part="reasoning")
    await eventually(lambda: thought_by(client) != "")
    await in_thread(pen.end)
    await client.subscription.catch_up()
    await eventually(lambda: 'href="https://example.org/"' in thought_by(client))


async def test_html_of_one_part_that_is_ready_before_the_other_still_waits_for_its_reader() -> None:
    """The text is rendered at once, the thought by a process: until then nobody is sent more than they hold."""
    body = {"role": "assistant", "seq": 1, "text": "", "status": "streaming", "digest": digest("")}
    message = RenderedMessage(body)
    message.hear(2, "text", "One.\n")
    message.hear(3, "reasoning", "word *x* " * 500)
    message.close(digest("One.\n"))
    work = asyncio.create_task(message.advance())
    await eventually(lambda: message.frame_after("m", NOTHING)[0])
    assert message.parts_seq == 3
    assert await work and message.done


class Slow(Client):
    def write(self, text: str) -> None:
        super().write(text)
        self.busy_since = 1.0  # from the first frame on


async def test_a_full_transport_between_the_frames_of_two_parts_loses_neither(place):
    client = Slow(RoomHub(place.room))
    await client.subscription.open("")
    pen = await in_thread(place.begin)
    await in_thread(lambda: pen.write("# Hm.", part="reasoning"))
    await in_thread(lambda: pen.end("complete", "# So."))
    await client.subscription.catch_up()
    await eventually(lambda: client.reading.html.get(pen.job.message) == "<h2>So.</h2>")
    await eventually(lambda: thought_by(client) == "<h2>Hm.</h2>")
    assert client.busy_since is not None


async def test_who_thinks_nothing_costs_no_frame_more(place):
    pen = await in_thread(place.begin)
    client = Client(room := RoomHub(place.room))
    await client.subscription.open("")
    for text in ("one\n\n", "two\n\n", "three\n\n"):
        await said(room, place, pen=pen, text=text)
    await in_thread(pen.end)
    await client.subscription.catch_up()
    await eventually(lambda: client.reading.html.get(pen.job.message) == render("one\n\ntwo\n\nthree\n\n"))
    await settled(client.subscription)
    assert client.of("rendered_part") == []


def test_holders_of_a_link_are_sent_it_too() -> None:
    assert frames.is_for_readers(frames.rendered("m", 0, 1, "<p>a</p>", "reasoning"))


# -- pages -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def thinker(alone) -> tuple[test.Client, str, Pen]:
    client = test.Client()
    client.post("/rooms/")
    room = Room.objects.get().pk
    client.post(f"/rooms/{room}/messages/", {"text": "Why?", "client_id": client_id()})
    pen = Pen.claim(room, log.snapshot(room)["messages"][-1]["id"])
    pen.write(THOUGHT, part="reasoning")
    return client, room, pen


def test_every_page_and_every_door_shows_it_as_markdown(thinker) -> None:
    client, room, pen = thinker
    pen.write("So.")
    pen.end()
    html = render(THOUGHT)
    link, _, token = client.post(f"/rooms/{room}/links/", {"lasts": "day"}).context["address"].partition("#")
    reader = test.Client()
    reader.post(link, {"token": f"#{token}"})
    for page in (client.get(f"/rooms/{room}/"), client.get(f"/rooms/{room}/?tab=1"), reader.get(link)):
        assert page.content.decode().count(html) == 1
    body = client.get(f"/api/rooms/{room}/messages?before=99&rendered=1").json()
    assert [part["html"] for part in body["rendered"]][-1] == "<p>So.</p>"
    (part,) = body["rendered_parts"]
    assert (part["message"], part["part"], part["html"]) == (pen.job.message, "reasoning", html)


def test_a_page_in_mid_thought_has_its_finished_blocks_and_the_rest_as_text(thinker) -> None:
    client, room, pen = thinker
    pen.write("\nand mo", part="reasoning")
    page = client.get(f"/rooms/{room}/").content.decode()
    assert "<h2>A <em>title</em></h2>" in page and "<p data-open>The last one\nand mo</p></div>\n</details>" in page


def test_what_was_thought_on_another_branch_is_there_when_that_is_chosen(thinker) -> None:
    client, room, pen = thinker
    pen.end()
    client.post(f"/api/rooms/{room}/messages/{pen.job.message}/retry", {"client_id": client_id()}, "application/json")
    page = client.get(f"/rooms/{room}/")
    assert [body["html"] for body in page.context["rendered"] if body.get("part")] == [render(THOUGHT)]
