"""`rendered` frames: the HTML that follows a text, made once in a process, to sockets that hold the text already."""

from __future__ import annotations

from rooms import actions, database, frames, log
from rooms.broadcast import RoomEvent
from rooms.delivery import message_html
from rooms.delivery.hub import Hub, RoomHub
from rooms.rendering import render

from .fakes import Place, Screen, hear, in_thread, settled, subscribed
from .harness.upstream import Question
from .harness.waiting import eventually

DOCUMENT = [
    "# A *title*\n\nThe first par",
    "agraph 😀\n\n- one\n",
    "- two\n\n```python\nreturn 1\n",
    "``",
    "`\n\n| a | b |\n",
    "|---|---|\n| 1 ",
    "| 2 |\n\nThe la",
    "st one",
]


class Reading:
    """What a client that follows docs/protocol.md shows of each message."""

    def __init__(self) -> None:
        self.html: dict[str, str] = {}
        self.end: dict[str, int] = {}
        self.ignored = self.replaced = 0

    def take(self, frame: dict) -> None:
        message, start = frame["message"], frame["from"]
        if start == 0:
            self.replaced += message in self.html
            self.html[message] = frame["html"]
        elif start == self.end.get(message):
            self.html[message] += frame["html"]
        else:
            self.ignored += 1
            return
        assert frame["to"] > frame["from"]
        self.end[message] = frame["to"]


def shown_by(frames_of_a_tab: list[dict]) -> Reading:
    reading = Reading()
    for frame in frames_of_a_tab:
        reading.take(frame)
    return reading


# -- over real sockets -------------------------------------------------------------------------------------------------


async def rendered_to_its_end(tab, message: str) -> str:
    """The HTML that a tab was sent of a message, once it is that of the whole text."""
    said = await tab.finished(message)

    def whole() -> str | None:
        html = shown_by(tab.received("rendered")).html.get(message)
        return html if html == render(said["text"], said["role"]) else None

    return await tab.until(whole, 10, "the answer is rendered to its end")


async def test_blocks_are_sent_as_they_close_and_join_to_the_whole(upstream, server, alice, room, tab):
    gate = Question().gate()
    question = Question({"text": DOCUMENT[:5]}, {"gate": gate}, {"text": DOCUMENT[5:]})
    first, second = await tab(alice, room), await tab(alice, room)
    answer = await first.post(question)
    for reader in (first, second):
        await reader.until(
            lambda reader=reader: "</figure>" in shown_by(reader.received("rendered")).html.get(answer, "")
        )
        assert first.status(answer) == "streaming"
    await upstream.open(gate)
    assert await rendered_to_its_end(first, answer) == await rendered_to_its_end(second, answer)
    reading = shown_by(first.received("rendered"))
    assert (reading.ignored, reading.replaced) == (0, 0), "each block once"


async def test_a_question_is_rendered_too(server, alice, room, tab):
    reader = await tab(alice, room)
    await reader.post(Question({"text": ["Yes."]}) + "\n")
    (asked,) = [message for message in reader.state["messages"] if message["role"] == "user"]
    assert await rendered_to_its_end(reader, asked["id"])


async def test_a_tab_that_comes_back_in_mid_block_is_sent_what_is_rendered(upstream, server, alice, room, tab):
    base = Question()
    gates = [base.gate("one"), base.gate("two")]
    question = Question(
        {"text": DOCUMENT[:2]}, {"gate": gates[0]}, {"text": DOCUMENT[2:6]}, {"gate": gates[1]}, {"text": DOCUMENT[6:]}
    )
    stays, leaves = await tab(alice, room), await tab(alice, room)
    answer = await stays.post(question)
    await leaves.until(lambda: answer in shown_by(leaves.received("rendered")).html)
    await leaves.cut()
    await upstream.open(gates[0])
    await stays.until(lambda: "</figure>" in shown_by(stays.received("rendered")).html[answer])
    await leaves.plug()
    await leaves.until(lambda: "</figure>" in shown_by(leaves.received("rendered")).html[answer])
    late = await tab(alice, room)
    await late.until(lambda: "</figure>" in shown_by(late.received("rendered")).html.get(answer, ""))
    await upstream.open(gates[1])
    whole = {await rendered_to_its_end(reader, answer) for reader in (stays, leaves, late)}
    assert len(whole) == 1
    fresh = await tab(alice, room)
    assert {await rendered_to_its_end(fresh, answer)} == whole


async def test_links_that_are_defined_at_the_end_are_there_at_the_end(upstream, server, alice, room, tab):
    gate = Question().gate()
    before, definition = "See [the docs].\n\nMore.\n\n", "[the docs]: https://example.org/\n"
    reader = await tab(alice, room)
    answer = await reader.post(
        Question({"text": [before, "And\n"]}, {"gate": gate}, {"text": [" more.\n\n", definition]})
    )
    await reader.until(lambda: shown_by(reader.received("rendered")).html.get(answer) is not None)
    await upstream.open(gate)
    assert 'href="https://example.org/"' in await rendered_to_its_end(reader, answer)
    assert shown_by(reader.received("rendered")).replaced == 1


# -- one reader --------------------------------------------------------------------------------------------------------


class Client(Screen):
    def __init__(self, room: RoomHub):
        super().__init__()
        self.subscription = subscribed(room, self)

    @property
    def reading(self) -> Reading:
        return shown_by(self.of("rendered"))


async def said(room: RoomHub, place: Place, *, pen, text: str, part: str = "text", lost: bool = False) -> None:
    before = await database.read(lambda: place.head)
    await actions.commit(pen.record(text, part=part))
    page = await database.read(log.page_after, place.room, before)
    frame = frames.deltas(page.items, page.cursor)
    if not lost:
        await hear(room, RoomEvent(place.room, before, page.cursor, frame, page.digests))


async def test_what_a_lost_delta_brought_is_read_from_the_log(place):
    pen = await in_thread(place.begin)
    client = Client(room := RoomHub(place.room))
    await client.subscription.open("")
    await said(room, place, pen=pen, text="one\n\n")
    await said(room, place, pen=pen, text="two\n\n", lost=True)
    await said(room, place, pen=pen, text="three\n\nfour\n\nfi")
    expected = render("one\n\ntwo\n\nthree\n\n")
    await eventually(lambda: client.reading.html.get(pen.job.message, "").startswith(expected))
    assert client.faults == []


async def test_a_socket_that_is_behind_is_sent_none_until_it_is_level(place, settings):
    settings.CHATLAB_WINDOW = 3_000
    pen = await in_thread(place.begin)
    room = RoomHub(place.room)
    slow, quick = Client(room), Client(room)
    for client in (slow, quick):
        await client.subscription.open("")
    while not slow.subscription.is_behind:
        await said(room, place, pen=pen, text="x" * 300 + "\n\n")
        await quick.subscription.sync(frames.Sync(quick.cursor))
    shown = len(slow.frames)
    await said(room, place, pen=pen, text="y" * 300 + "\n\nz\n\n")
    await eventually(lambda: "yyy" in quick.reading.html[pen.job.message])
    assert len(slow.frames) == shown
    while "yyy" not in slow.reading.html.get(pen.job.message, ""):
        assert await slow.subscription.sync(frames.Sync(slow.cursor)) or slow.subscription._tasks
        await settled(slow.subscription)
    assert slow.reading.html == quick.reading.html and slow.faults == []


async def test_a_text_that_cannot_be_rendered_costs_nobody_their_text(place, monkeypatch, caplog):
    def broken(self) -> None:
        raise ValueError("no")

    monkeypatch.setattr(message_html.rendering.Blocks, "advance_soon", broken)
    pen = await in_thread(place.begin)
    client = Client(room := RoomHub(place.room))
    await client.subscription.open("")
    for number in range(5):
        await said(room, place, pen=pen, text=f"{number}\n\n")
    await eventually(lambda: "could not be rendered" in caplog.text)
    assert client.text_of(pen.job.message) == "0\n\n1\n\n2\n\n3\n\n4\n\n"
    assert caplog.text.count("could not be rendered") == 1


async def test_a_room_that_nobody_reads_renders_nothing(place):
    hub, screen = Hub(), Screen()
    room = hub.room(place.room)
    subscription = subscribed(room, screen)
    pen = await in_thread(place.begin)
    await subscription.open("")
    assert room.rendering._task is not None
    await hub.detach(subscription)
    assert room.rendering._task is None
    await said(room, place, pen=pen, text="one\n\ntwo\n\n", lost=True)
    assert hub.subscriptions() == [] and hub.room(place.room) is not room
