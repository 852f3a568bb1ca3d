"""One reader of a room: its window, its repairs, and what it is never sent."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable

import pytest
from django.db import OperationalError

from rooms import actions, database, frames, log
from rooms.broadcast import RoomEvent
from rooms.consumers.sender import BoundedSender
from rooms.delivery.hub import Hub, RoomHub
from rooms.delivery.subscription import Subscription
from rooms.delivery.window import Window
from rooms.frames import Cursor, Sync
from rooms.text import EMPTY_DIGEST

from .fakes import BESIDE, Pen, Place, Screen, hear, in_thread, items_after, settled, start_of, subscribed

pytestmark = pytest.mark.usefixtures("alone")


FRAME_MAX = 80_000  # of a `deltas` frame: one page of the log


def reading(place: Place, scenario: Callable[[Subscription, Screen], Awaitable[None]], link: str = "") -> None:
    """`link`: the reader of a read-only link."""

    async def run() -> None:
        screen = Screen()
        await scenario(subscribed(RoomHub(place.room), screen, link), screen)

    asyncio.run(run())


async def open_at(reader: Subscription, screen: Screen, cursor: Cursor | str) -> None:
    screen.cursor = str(cursor)
    await reader.open(str(cursor))


def stand_at(reader: Subscription, screen: Screen, cursor: Cursor) -> None:
    """As if everything up to this cursor had been sent, and nothing behind it were known."""
    reader.sent, screen.cursor = cursor, str(cursor)


def bytes_of(screen: Screen) -> int:
    return sum(len(frames.dump(frame).encode()) for frame in screen.frames if frame["type"] in ("deltas", "snapshot"))


def event_of(place: Place, after: Cursor, *, frame: bool = True) -> RoomEvent:
    """The event that was published for everything after a cursor."""
    page = log.page_after(place.room, after)
    text = frames.deltas(page.items, page.cursor) if frame else ""
    return RoomEvent(place.room, after, page.cursor, text, page.digests)


def events_of(place: Place, pen: Pen, count: int) -> list[RoomEvent]:
    """Of so many words, each published by itself."""
    events = []
    for number in range(count):
        before = place.head
        pen.write(f"{number} ")
        events.append(event_of(place, before))
    return events


# -- the window --------------------------------------------------------------------------------------------------------


def test_the_window_counts_what_is_not_confirmed() -> None:
    window = Window(100)
    window.add(1, 60)
    assert not window.full
    window.add(2, 60)
    assert window.full, "one frame may exceed it"
    assert not window.confirm(0) and window.full
    assert window.confirm(1) and not window.full
    assert not window.confirm(1), "nothing new"
    window.add(3, 60)
    assert window.full
    assert window.confirm(9) and not window.full
    window.add(4, 300)
    window.forgive()
    assert not window.full and not window.confirm(4)


def test_a_reader_that_confirms_nothing_is_sent_a_window_and_no_more(place, settings) -> None:
    """It is simply behind then: the log keeps the rest, and it goes on from where it confirmed."""
    place.begin().write(*["x" * 30_000] * 30)
    start = Cursor.parse(str(log.cursor_at(place.room, 1)))

    async def scenario(reader: Subscription, screen: Screen) -> None:
        await open_at(reader, screen, start)
        assert settings.CHATLAB_WINDOW <= bytes_of(screen) < settings.CHATLAB_WINDOW + FRAME_MAX
        assert screen.of("synced") == [] and reader.is_behind
        behind, sent = screen.cursor, bytes_of(screen)
        await reader.catch_up()
        assert not await reader.sync(Sync(str(start))), "nothing is confirmed by that"
        assert bytes_of(screen) == sent
        assert await reader.sync(Sync(behind))
        assert screen.seq > int(behind.partition(".")[0])
        while not screen.of("synced"):
            assert await reader.sync(Sync(screen.cursor))
        assert not reader.is_behind

    reading(place, scenario)


def test_a_confirmation_of_a_part_frees_that_part(place, settings) -> None:
    place.begin().write(*["x" * 30_000] * 30)

    async def scenario(reader: Subscription, screen: Screen) -> None:
        await open_at(reader, screen, log_start)
        first, sent = screen.of("deltas")[0]["cursor"], bytes_of(screen)
        await reader.sync(Sync(first))
        assert sent < bytes_of(screen) < settings.CHATLAB_WINDOW + 2 * FRAME_MAX

    log_start = log.cursor_at(place.room, 1)
    reading(place, scenario)


def test_live_events_wait_for_a_full_window_too(place, settings) -> None:
    settings.CHATLAB_WINDOW = 1_000
    pen = place.begin()

    async def scenario(reader: Subscription, screen: Screen) -> None:
        await open_at(reader, screen, await database.read(lambda: place.head))
        while not reader.is_behind:
            before = await database.read(lambda: place.head)
            await actions.commit(pen.record("y" * 300))
            await hear(reader.room, await database.read(event_of, place, before))
        shown = screen.cursor
        before = await database.read(lambda: place.head)
        await actions.commit(pen.record("later"))
        await hear(reader.room, await database.read(event_of, place, before))
        assert screen.cursor == shown, "the window is full: it is behind now"
        await reader.sync(Sync(shown))
        assert screen.cursor == str(await database.read(lambda: place.head)) and screen.faults == []

    reading(place, scenario)


def test_an_event_costs_a_reader_whose_window_is_full_no_turn_and_is_not_forgotten(place, settings) -> None:
    settings.CHATLAB_WINDOW = 1_000
    pen = place.begin()

    async def scenario(reader: Subscription, screen: Screen) -> None:
        async def event(text: str) -> RoomEvent:
            before = await database.read(lambda: place.head)
            await actions.commit(pen.record(text))
            return await database.read(event_of, place, before)

        reader.room.hear(await event("before it is open"))
        await open_at(reader, screen, await database.read(lambda: place.head))
        while not reader.is_behind:
            reader.room.hear(await event("y" * 300))
        sent = bytes_of(screen)
        reader.room.hear(await event("passes"))
        reader.room.hear(await event("passes too"))
        assert reader._tasks == {} and bytes_of(screen) == sent
        await reader.sync(Sync(screen.cursor))
        assert screen.cursor == str(await database.read(lambda: place.head)) and screen.faults == []
        reader.room.hear(await event("taken again"))
        assert screen.cursor == str(reader.room.head) and reader._tasks == {}

    reading(place, scenario)


def test_a_repair_forgets_what_was_on_its_way(place) -> None:
    """Who asks for a repair has said where it is: what it never got does not fill its window for ever."""
    place.begin().write(*["x" * 30_000] * 12)

    async def scenario(reader: Subscription, screen: Screen) -> None:
        await open_at(reader, screen, start)
        assert reader.is_behind
        screen.__init__(cursor=start)
        await reader.sync(Sync(start, repair=True))
        assert screen.of("deltas")[0]["items"][0]["seq"] == 2

    start = str(log.cursor_at(place.room, 1))
    reading(place, scenario)


# -- events ------------------------------------------------------------------------------------------------------------


def test_what_follows_is_passed_on_as_it_came(place, monkeypatch) -> None:
    pen, before = place.begin(), place.head
    pen.write("a", "b")
    event = event_of(place, before)
    reads = []

    async def scenario(reader: Subscription, screen: Screen) -> None:
        stand_at(reader, screen, before)
        monkeypatch.setattr(log, "page_after", lambda *args: reads.append(args))
        await hear(reader.room, event)
        assert screen.kinds() == ["deltas"] and screen.cursor == str(reader.sent)

    reading(place, scenario)
    assert reads == [], "the log is not read for it"


@pytest.mark.parametrize("frame", [True, False])
def test_a_gap_is_read_from_the_log_before_anything_later_is_sent(place, frame) -> None:
    pen, start = place.begin(), place.head
    pen.write("a", "b")
    middle = place.head
    pen.write("c", "d")

    async def scenario(reader: Subscription, screen: Screen) -> None:
        stand_at(reader, screen, start)
        await hear(reader.room, await database.read(lambda: event_of(place, middle, frame=frame)))
        assert [item["seq"] for got in screen.of("deltas") for item in got["items"]] == list(
            range(start.seq + 1, start.seq + 5)
        )
        assert screen.faults == []

    reading(place, scenario)


def test_an_event_without_its_frame_says_read_the_log(place) -> None:
    pen, start = place.begin(), place.head
    pen.write("a")

    async def scenario(reader: Subscription, screen: Screen) -> None:
        stand_at(reader, screen, start)
        await hear(reader.room, await database.read(lambda: event_of(place, start, frame=False)))
        assert screen.seq == start.seq + 1 and screen.faults == []

    reading(place, scenario)


def test_what_is_known_already_is_not_sent_again(place) -> None:
    pen, start = place.begin(), place.head
    pen.write("a", "b")
    event = event_of(place, start)

    async def scenario(reader: Subscription, screen: Screen) -> None:
        await reader.open("")
        screen.frames.clear()
        for _ in range(3):
            await hear(reader.room, event)
        assert screen.kinds() == []

    reading(place, scenario)


def test_an_event_that_comes_before_the_reader_is_open_is_no_beginning(place) -> None:
    pen, start = place.begin(), place.head
    pen.write("a")
    event = event_of(place, start)

    async def scenario(reader: Subscription, screen: Screen) -> None:
        await hear(reader.room, event)
        assert screen.kinds() == []
        await reader.open("")
        assert screen.kinds() == ["snapshot", "synced"]

    reading(place, scenario)


def test_events_syncs_and_repairs_at_once_keep_the_order(place) -> None:
    """All of them move the same place: one after the other, or something would come twice or be passed over."""
    pen, start = place.begin(), place.head
    events = events_of(place, pen, 30)

    async def scenario(reader: Subscription, screen: Screen) -> None:
        stand_at(reader, screen, start)
        await asyncio.gather(
            hear(reader.room, *events[:10]),
            reader.catch_up(),
            hear(reader.room, *events[15:]),
            reader.sync(Sync(str(start))),
            hear(reader.room, *reversed(events[10:15])),
            reader.catch_up(),
        )
        await settled(reader)
        assert screen.faults == [] and screen.applied == list(range(start.seq + 1, start.seq + 31))

    reading(place, scenario)


def test_no_event_is_kept_for_a_client_whose_transport_is_full(place) -> None:
    """They are read from the log when it takes something again, like any event that was lost."""
    pen, start = place.begin(), place.head
    events = events_of(place, pen, 30)
    taken = asyncio.Event()

    class Full(Screen):
        async def send(self, text: str) -> None:
            await taken.wait()
            self.take(text)

    async def run() -> None:
        screen = Full()
        reader = subscribed(RoomHub(place.room), screen)
        stand_at(reader, screen, start)
        screen.busy_since = 0.0
        for event in events:
            reader.room.hear(event)
            await asyncio.sleep(0)
        assert screen.frames == [] and len(reader._tasks) == 1
        screen.busy_since = None
        taken.set()
        await settled(reader)
        assert screen.faults == [] and screen.cursor == str(events[-1].head)
        assert len(screen.of("deltas")) < 5, "together, and not one by one"

    asyncio.run(run())


# -- level -------------------------------------------------------------------------------------------------------------


def test_synced_names_the_digests_of_what_streams(place) -> None:
    first, second = place.begin(), place.begin(**BESIDE)
    first.write("one ", "two 😀")
    second.write("three")
    place.answered("done", **BESIDE)

    async def scenario(reader: Subscription, screen: Screen) -> None:
        for token in ("", str(log_start)):
            screen.__init__(cursor=token)
            await reader.sync(Sync(token, repair=True))
            (synced,) = screen.of("synced")
            assert synced["cursor"] == str(reader.sent)
            assert synced["digests"] == {first.job.message: first.digest, second.job.message: second.digest}
        await actions.commit(actions.finish(first.job, [], actions.Outcome("complete")))
        await reader.catch_up()
        await reader.sync(Sync(str(reader.sent)))
        assert screen.of("synced")[-1]["digests"] == {second.job.message: second.digest}
        assert screen.faults == []

    log_start = log.cursor_at(place.room, 1)
    reading(place, scenario)


def test_digests_follow_the_events(place) -> None:
    pen, start = place.begin(), place.head

    async def scenario(reader: Subscription, screen: Screen) -> None:
        await reader.open("")
        cursor = start
        for text in ("a", "b", "c"):
            await actions.commit(pen.record(text))
            event = await database.read(event_of, place, cursor)
            cursor = event.head
            await hear(reader.room, event)
            await reader.sync(Sync(str(cursor)))
            assert screen.of("synced")[-1]["digests"] == {pen.job.message: pen.digest}

    reading(place, scenario)


@pytest.mark.parametrize("link", ["", "a-link"])
def test_synced_names_what_streams_and_has_no_text_yet(place, link) -> None:
    """As soon as it has left the queue, with reasoning alone, and no more when it has ended; whether the start came as
    an event, in a page or in a snapshot. What is still queued is not named.
    """
    before = place.head
    asked = place.post()

    async def scenario(reader: Subscription, screen: Screen) -> None:
        async def named_after(change: Callable[[], object], *, live: bool) -> dict:
            cursor = await database.read(lambda: place.head)
            await in_thread(change)
            if live:
                await hear(reader.room, await database.read(event_of, place, cursor))
            else:
                await reader.catch_up()
            await reader.sync(Sync(screen.cursor))
            return screen.of("synced")[-1]["digests"]

        await open_at(reader, screen, before)
        assert screen.of("synced")[-1]["digests"] == {}, "it is queued"
        pens: list[Pen] = []
        empty = {asked.answer: EMPTY_DIGEST}
        assert await named_after(lambda: pens.append(Pen.claim(place.room, asked.answer)), live=True) == empty
        thinks = await named_after(lambda: pens[0].write("Hm.", part="reasoning"), live=True)
        assert thinks == empty
        assert await named_after(lambda: pens[0].end(), live=True) == {}
        last = await in_thread(place.post)
        begun = await named_after(lambda: pens.append(Pen.claim(place.room, last.answer)), live=False)
        assert begun == {last.answer: EMPTY_DIGEST}
        for token in ("", str(before)):
            assert screen.faults == []
            screen.__init__(cursor=token)
            await reader.sync(Sync(token, repair=True))
            assert screen.of("synced")[-1]["digests"] == {last.answer: EMPTY_DIGEST}
        assert await named_after(lambda: pens[1].end(), live=False) == {}
        assert screen.faults == []

    reading(place, scenario, link)


def test_a_heartbeat_that_finds_nothing_costs_no_query(place, monkeypatch) -> None:
    async def scenario(reader: Subscription, screen: Screen) -> None:
        await reader.open("")
        reads = []
        monkeypatch.setattr(database, "read", lambda *args: reads.append(args))
        await reader.sync(Sync(screen.cursor))
        assert reads == [] and screen.kinds() == ["snapshot", "synced", "synced"]

    reading(place, scenario)


def test_readers_that_come_at_once_share_one_snapshot(place, monkeypatch) -> None:
    place.answered("a", "b")
    built = []
    original = log.snapshot
    monkeypatch.setattr(log, "snapshot", lambda room: built.append(room) or original(room))

    async def run() -> None:
        feed, screens = RoomHub(place.room), [Screen() for _ in range(50)]
        await asyncio.gather(*(Subscription(feed, screen).open("") for screen in screens))
        assert all(screen.state == screens[0].state and screen.level for screen in screens)

    asyncio.run(run())
    assert len(built) == 1


def test_a_long_answer_is_joined_by_a_snapshot_and_not_by_a_replay(place, settings) -> None:
    settings.CHATLAB_REPLAY_MAX = 20
    pen, start = place.begin(), place.head
    pen.write(*["word "] * 21)

    async def scenario(reader: Subscription, screen: Screen) -> None:
        await open_at(reader, screen, start)
        assert screen.kinds() == ["snapshot", "synced"]
        assert screen.text_of(pen.job.message) == "word " * 21

    reading(place, scenario)


def test_many_deltas_come_in_few_frames(place) -> None:
    pen, start = place.begin(), place.head
    asyncio.run(write_at_once(pen, 300))

    async def scenario(reader: Subscription, screen: Screen) -> None:
        await open_at(reader, screen, start)
        assert len(screen.of("deltas")) == 1 and len(screen.applied) == 300

    reading(place, scenario)


async def write_at_once(pen: Pen, number: int) -> None:
    await asyncio.gather(*(actions.commit(pen.record(f"{n} ")) for n in range(number)))


# -- the watch over the heads ------------------------------------------------------------------------------------------


def test_a_subscription_is_behind_when_a_head_was_there_a_look_ago() -> None:
    class Counting(Subscription):
        behind = 0

        def fell_behind(self) -> None:
            self.behind += 1

    hub = Hub()
    room = hub.room("room")
    hub.attach(reader := Counting(room, Screen()))
    room.head = reader.sent = Cursor(5, "5")
    hub._compare(["room"], {"room": 6})
    assert reader.behind == 0, "what was committed just now is on its way"
    hub._compare(["room"], {"room": 6})
    assert reader.behind == 1
    room.head = reader.sent = Cursor(6, "6")
    hub._compare(["room"], {"room": 6})
    assert reader.behind == 1
    asyncio.run(hub.detach(reader))
    assert hub.subscriptions() == [] and hub.room("room") is not room


def test_pages_follow_each_other_without_a_gap(place) -> None:
    pen = place.begin()
    asyncio.run(write_at_once(pen, 1_100))
    pen.write("x" * 70_000, "y")
    items = [json.loads(item)["seq"] for item in items_after(place.room, start_of(place.room))]
    assert items == list(range(1, place.head.seq + 1))
    page = log.page_after(place.room, start_of(place.room))
    assert len(page.items) == log.read.PAGE_ROWS and not page.up_to_date
    last = log.page_after(place.room, log.cursor_at(place.room, place.head.seq - 1))
    assert last.up_to_date and len(last.items) == 1


def test_a_server_that_ends_while_somebody_is_let_in_takes_no_frame_and_is_not_complained_of() -> None:
    """As uvicorn does: it was told to end, dropped the `accept`, and takes what follows for a mistake."""
    asked: list[str] = []

    async def ending(message: dict) -> None:
        asked.append(message["type"])
        raise RuntimeError("Expected ASGI message 'websocket.accept', but got 'websocket.send'.")

    async def scenario() -> None:
        sender = BoundedSender(ending)
        await sender.send("welcome")
        sender.write("snapshot")
        await sender.close(1012)

    asyncio.run(scenario())
    assert asked == ["websocket.send"]


# -- the way to one client ---------------------------------------------------------------------------------------------


class Transport:
    """A server's `send` that waits while it is full, as uvicorn's does; `taken` is what has gone through."""

    def __init__(self) -> None:
        self.room = asyncio.Event()
        self.room.set()
        self.taken: list[str] = []

    async def send(self, message: dict) -> None:
        await self.room.wait()
        self.taken.append(message.get("text") or message["type"])


async def test_a_frame_is_written_at_once_and_waits_only_where_the_transport_is_full():
    transport = Transport()
    sender = BoundedSender(transport.send)
    sender.write("one")
    assert transport.taken == ["one"] and sender.busy_since is None, "without a turn of the event loop"
    transport.room.clear()
    sender.write("two")
    assert sender.busy_since is not None
    sends = [asyncio.ensure_future(sender.send(frame)) for frame in ("three", "four")]
    for frame in ("who is here", "who is here now"):
        sender.write_latest(frame)
    await asyncio.sleep(0)
    assert transport.taken == ["one"]
    transport.room.set()
    await asyncio.gather(*sends)
    assert transport.taken[:2] == ["one", "two"] and sender.busy_since is None
    assert sorted(transport.taken[2:]) == ["four", "three", "who is here now"]


async def test_a_client_that_goes_while_a_frame_waits_is_no_error(caplog):
    transport = Transport()
    sender = BoundedSender(transport.send)
    transport.room.clear()

    async def gone(message: dict) -> None:
        await transport.room.wait()
        raise OSError

    sender._send = gone
    sender.write("one")
    transport.room.set()
    await sender.send("two")
    await asyncio.sleep(0)
    assert sender.busy_since is None and caplog.records == []


async def test_a_frame_that_waits_can_be_cancelled():
    transport = Transport()
    sender = BoundedSender(transport.send)
    transport.room.clear()
    sender.write("one")
    await asyncio.sleep(0)
    sender._waiting.cancel()
    await asyncio.wait([sender._waiting])
    assert transport.taken == [] and sender.busy_since is None


async def test_a_client_that_the_server_has_said_goodbye_to_is_cut():
    """Of one that answers no ping uvicorn takes no frame any more, and does not cut it while it takes nothing."""
    cut = asyncio.Event()

    class Server:
        class transport:
            abort = cut.set

        async def send(self, message: dict) -> None:
            raise RuntimeError("Unexpected ASGI message 'websocket.send', after sending 'websocket.close'")

    loop = asyncio.get_running_loop()
    soon, loop.call_later = loop.call_later, lambda seconds, work, *more: soon(0, work, *more)
    try:
        BoundedSender(Server().send).write("one")
        await asyncio.wait_for(cut.wait(), 2)
    finally:
        del loop.call_later


# -- what comes while something else is under way ----------------------------------------------------------------------


class Wire(Screen):
    """A screen behind a transport that can be full."""

    def __init__(self) -> None:
        super().__init__()
        self.transport = Transport()
        self.sender = BoundedSender(self._send)
        self.write, self.send, self.write_latest = self.sender.write, self.sender.send, self.sender.write_latest

    @property
    def busy_since(self) -> float | None:
        return self.sender.busy_since

    @busy_since.setter
    def busy_since(self, _: None) -> None:
        pass

    async def _send(self, message: dict) -> None:
        await self.transport.send(message)
        self.take(message["text"])


class Rendering:
    """HTML that is there when the test says so."""

    def __init__(self) -> None:
        self.due: dict[str, list[str]] = {"a": [], "b": []}

    def want(self, messages) -> None:
        pass

    def after(self, message: str, mark: object, seq: int) -> tuple[str | None, object, bool]:
        due = self.due.get(message)
        return (frames.rendered(message, 0, 1, due.pop(0)) if due else None), mark, False


async def test_html_that_comes_while_other_html_waits_for_the_transport_is_sent(place):
    room, wire = RoomHub(place.room), Wire()
    client = subscribed(room, wire)
    await client.open("")
    rendering = client._html._rendering = Rendering()
    client._html.add(["a", "b"])
    wire.transport.room.clear()
    for message, html in (("a", "1"), ("b", "2"), ("a", "3"), ("b", "4")):
        rendering.due[message].append(html)
        client.more_is_rendered()
        for _ in range(5):
            await asyncio.sleep(0)
    wire.transport.room.set()
    await settled(client)
    assert sorted(frame["html"] for frame in wire.of("rendered")) == ["1", "2", "3", "4"]


async def test_a_room_whose_events_come_faster_than_a_read_is_level_all_the_same(place, monkeypatch):
    """What is read of the digests is old when it is there; what has come meanwhile is put on top of it."""
    pen, reads = await in_thread(place.begin), []
    room, screen = RoomHub(place.room), Screen()
    client = subscribed(room, screen)
    start = await database.read(lambda: place.head)
    original = database.read

    async def slow(work: Callable, *arguments: object) -> object:
        found = await original(work, *arguments)
        if work is log.streaming:
            reads.append(found)
            for number in range(3):
                before = await original(lambda: place.head)
                await actions.commit(pen.record(f"{len(reads)}-{number} "))
                room.hear(await original(event_of, place, before))
        return found

    monkeypatch.setattr(database, "read", slow)
    await asyncio.wait_for(open_at(client, screen, start), 10)
    assert len(reads) == 1 and screen.faults == [] and screen.cursor == str(room.head)
    assert screen.of("synced")[-1]["digests"] == {pen.job.message: pen.digest}


async def test_what_a_failed_turn_owed_is_said_at_the_next_look(place, monkeypatch):
    pen = await in_thread(place.begin)
    room, screen = RoomHub(place.room), Screen()
    client = subscribed(room, screen)
    await client.open("")
    fails = asyncio.Event()

    async def broken(after: Cursor) -> None:
        await fails.wait()
        raise OperationalError("away")

    with monkeypatch.context() as away:
        away.setattr(room, "read", broken)
        await actions.commit(pen.record("lost "))
        before = await database.read(lambda: place.head)
        await actions.commit(pen.record("seen"))
        room.hear(await database.read(event_of, place, before))
        await asyncio.sleep(0)
        await client.sync(Sync(screen.cursor))
        fails.set()
        await settled(client)
    assert screen.cursor != str(room.head)
    screen.heard = now = asyncio.get_running_loop().time()
    client.check(now)
    await settled(client)
    assert screen.cursor == str(room.head) and len(screen.of("synced")) == 2 and screen.faults == []


async def test_what_goes_wrong_with_one_client_is_no_others_business(place, caplog):
    class Broken(Screen):
        def take(self, text: str) -> None:
            if '"deltas"' in text:
                raise ValueError("no")
            super().take(text)

    pen = await in_thread(place.begin)
    room, broken, screens = RoomHub(place.room), Broken(), [Screen() for _ in range(5)]
    for screen in (*screens, broken):
        await subscribed(room, screen).open("")
    before = await database.read(lambda: place.head)
    await actions.commit(pen.record("all the same"))
    await hear(room, await database.read(event_of, place, before))
    assert all(screen.cursor == str(room.head) for screen in screens)
    assert broken.dismissed and "a subscription failed" in caplog.text
