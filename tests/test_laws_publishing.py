"""I2: publishing tells what is committed, in order and nothing else; a layer that is slow or away holds nobody up."""

from __future__ import annotations

import asyncio
import json
import logging

import pytest
from channels.layers import channel_layers

from rooms import broadcast
from rooms.broadcast import RoomEvent
from rooms.broadcast.memory import MemoryLayer
from rooms.delivery import publisher
from rooms.delivery.publisher import Publisher
from rooms.frames import Cursor
from rooms.log import Batch, Segment

from .harness.waiting import eventually


class SlowLayer(MemoryLayer):
    """Takes an event only when the gate is open; may be told to fail instead."""

    def __init__(self) -> None:
        super().__init__()
        self.gate, self.failing, self.taken, self.waiting = asyncio.Event(), False, [], 0

    async def _pass(self, event: dict) -> None:
        self.waiting += 1
        await self.gate.wait()
        if self.failing:
            raise OSError("the layer is away")
        self.taken.append(event)

    async def group_send(self, group: str, event: dict) -> None:
        await self._pass(event)

    async def send(self, channel: str, event: dict) -> None:
        await self._pass(event)


def segment(first: int, last: int, *, room: str = "room", size: int = 1) -> Segment:
    items = [json.dumps({"seq": seq, "text": "x" * size}) for seq in range(first, last + 1)]
    return Segment(room, first, last, items, f"{first - 1:016x}", f"{last:016x}", {"m": f"{last:08x}"})


def batch(*segments: Segment, starts=(), stops=()) -> Batch:
    return Batch(list(segments), list(starts), list(stops))


def publishing(scenario) -> None:
    async def run() -> None:
        layer, made = SlowLayer(), Publisher()
        channel_layers.set("default", layer)
        made.start()
        try:
            await asyncio.wait_for(scenario(made, layer), 10)
        finally:
            layer.gate.set()
            await made.stop()

    try:
        asyncio.run(run())
    finally:
        channel_layers.backends.clear()


async def held_up(made: Publisher, layer: SlowLayer) -> None:
    """The layer has an event in hand: what is published from now on waits."""
    made.publish(batch(segment(1, 1, room="another")))
    await eventually(lambda: layer.waiting == 1)


def places(events: list[dict]) -> list[tuple]:
    return [(event["room"], event["first"], event["last"]) for event in events if event["type"] == "room.deltas"]


def sequences(event: dict) -> list[int]:
    return [item["seq"] for item in json.loads(event["frame"])["items"]]


def test_what_waits_for_a_room_is_one_event() -> None:
    async def scenario(made: Publisher, layer: SlowLayer) -> None:
        await held_up(made, layer)
        for first in (5, 7, 9):
            made.publish(batch(segment(first, first + 1), segment(first, first + 1, room="beside")))
        layer.gate.set()
        await eventually(lambda: len(layer.taken) == 3)
        assert places(layer.taken) == [("another", 1, 1), ("room", 5, 10), ("beside", 5, 10)]
        event = layer.taken[1]
        assert sequences(event) == list(range(5, 11)) and event["chain"] == f"{10:016x}"
        assert json.loads(event["digests"]) == {"m": f"{10:08x}"}
        assert json.loads(event["frame"])["cursor"] == f"10.{10:016x}"

    publishing(scenario)


def test_what_another_process_wrote_in_between_is_read_from_the_log() -> None:
    """An event is a part of the log without a hole, or readers would take a hole for the whole."""

    async def scenario(made: Publisher, layer: SlowLayer) -> None:
        await held_up(made, layer)
        for first in (5, 7, 8):
            made.publish(batch(segment(first, first)))
        layer.gate.set()
        await eventually(lambda: len(layer.taken) == 2)
        event = layer.taken[1]
        assert (event["first"], event["last"], event["frame"], event["chain"]) == (7, 8, "", f"{8:016x}")
        assert json.loads(event["digests"]) == {"m": f"{8:08x}"}

    publishing(scenario)


def test_what_grows_too_large_keeps_only_its_place() -> None:
    async def scenario(made: Publisher, layer: SlowLayer) -> None:
        await held_up(made, layer)
        for first in range(5, 10):
            made.publish(batch(segment(first, first, size=publisher.MERGE_BYTES // 4)))
        made.publish(batch(segment(10, 10)))
        layer.gate.set()
        await eventually(lambda: len(layer.taken) == 2)
        event = layer.taken[1]
        assert (event["first"], event["last"], event["frame"], event["chain"]) == (5, 10, "", f"{10:016x}")

    publishing(scenario)


def test_wake_ups_follow_what_they_are_about() -> None:
    async def scenario(made: Publisher, layer: SlowLayer) -> None:
        layer.gate.set()
        made.publish(batch(segment(1, 2), starts=[("room", 7)], stops=[6]))
        await eventually(lambda: len(layer.taken) == 3)
        assert [event["type"] for event in layer.taken] == ["room.deltas", "generation.start", "generation.stop"]
        assert layer.taken[1] == {"type": "generation.start", "room": "room", "generation": 7}
        assert layer.taken[2]["generation"] == 6

    publishing(scenario)


def test_a_layer_that_hangs_costs_its_time_and_no_more(settings, caplog) -> None:
    settings.CHATLAB_PUBLISH_TIMEOUT = 0.05

    async def scenario(made: Publisher, layer: SlowLayer) -> None:
        made.publish(batch(segment(1, 1)))
        await eventually(lambda: any("does not take events" in record.message for record in caplog.records))
        layer.gate.set()
        made.publish(batch(segment(2, 2)))
        await eventually(lambda: layer.taken)
        assert places(layer.taken) == [("room", 2, 2)], "what was lost is in the log"

    with caplog.at_level(logging.WARNING, "rooms.delivery.publisher"):
        publishing(scenario)


def test_a_layer_that_is_away_is_said_once_and_its_return_too(caplog) -> None:
    async def scenario(made: Publisher, layer: SlowLayer) -> None:
        layer.failing = True
        layer.gate.set()
        for number in range(1, 6):
            made.publish(batch(segment(number, number)))
            await eventually(lambda number=number: layer.waiting == number)
        layer.failing = False
        made.publish(batch(segment(6, 6)))
        await eventually(lambda: layer.taken)

    with caplog.at_level(logging.WARNING, "rooms.delivery.publisher"):
        publishing(scenario)
    assert len([record for record in caplog.records if record.name == "rooms.delivery.publisher"]) == 2


def test_what_waits_is_never_older_than_the_time_that_the_layer_gets(settings) -> None:
    """Hundreds of rooms stream into a layer that hangs. When it is back, each has one event, and none is an old one."""
    settings.CHATLAB_PUBLISH_TIMEOUT = 0.05
    rooms = [f"room-{number}" for number in range(300)]

    async def scenario(made: Publisher, layer: SlowLayer) -> None:
        for seq in range(1, 41):
            made.publish(batch(*(segment(seq, seq, room=room) for room in rooms), starts=[("room", seq)]))
            await asyncio.sleep(0.02)
        layer.gate.set()
        made.publish(batch(*(segment(41, 41, room=room) for room in rooms)))
        await eventually(lambda: ("room-299", 41) in [(room, last) for room, _, last in places(layer.taken)])
        assert len(places(layer.taken)) <= 600, "for each room what is under way, and what has gathered meanwhile"
        assert min(first for _, first, _ in places(layer.taken)) > 1

    publishing(scenario)


def test_the_end_publishes_what_waits() -> None:
    async def run() -> None:
        layer, made = SlowLayer(), Publisher()
        channel_layers.set("default", layer)
        made.start()
        await held_up(made, layer)
        made.publish(batch(segment(5, 6)))
        await eventually(lambda: made._rooms)
        layer.gate.set()
        await made.stop()
        assert places(layer.taken)[-1] == ("room", 5, 6)
        made.publish(batch(segment(7, 7)))  # nobody listens any more: no harm

    try:
        asyncio.run(run())
    finally:
        channel_layers.backends.clear()


# -- the layer of a single process -------------------------------------------------------------------------------------


def test_events_reach_every_channel_of_a_group_in_order() -> None:
    async def run() -> None:
        layer = MemoryLayer(capacity=5)
        names = [await layer.new_channel() for _ in range(3)]
        for name in names[:2]:
            await layer.group_add("group", name)
            await layer.group_add("group", name)
        for number in range(4):
            await layer.group_send("group", {"type": "x", "number": number})
        for name in names[:2]:
            assert [(await layer.receive(name))["number"] for _ in range(4)] == [0, 1, 2, 3], "once each"
        await layer.group_discard("group", names[0])
        for number in range(9):
            await layer.group_send("group", {"type": "x", "number": number})
        assert [(await layer.receive(names[1]))["number"] for _ in range(5)] == [0, 1, 2, 3, 4]
        assert layer.dropped == 4, "a full channel loses what is new, and counts it"

    asyncio.run(run())


def test_a_mailbox_leaves_nothing_behind() -> None:
    async def run() -> None:
        layer = channel_layers.set("default", MemoryLayer()) or channel_layers["default"]
        mailbox = await broadcast.Mailbox.open()
        await mailbox.join("group")
        await broadcast.send_to_room(RoomEvent("nobody-here", Cursor(0, ""), Cursor(1, ""), "", {}))
        await layer.group_send("group", {"type": "x"})
        assert await mailbox.receive() == {"type": "x"}
        await mailbox.close()
        assert not layer._queues and not layer._groups

    try:
        asyncio.run(run())
    finally:
        channel_layers.backends.clear()


@pytest.mark.parametrize("value", [1, "text", ""])
def test_an_event_is_flat(value) -> None:
    """msgpack, the format of the Redis layers, refuses more than strings and integers."""
    before, last = Cursor(0, "0" * 16), Cursor(2, "2" * 16)
    event = RoomEvent("room", before, last, f"{value}", {"m": None, "n": "0" * 8})
    assert all(type(part) in (str, int) for part in event.pack().values())
    assert RoomEvent.unpack(event.pack()) == event
