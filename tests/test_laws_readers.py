"""I2, I5: whatever the channel layer loses, repeats or reorders, every tab ends with what the database holds, once."""

from __future__ import annotations

import asyncio
import json
import random
import time
from contextlib import asynccontextmanager

import pytest
from channels.testing import WebsocketCommunicator
from hypothesis import given
from hypothesis import strategies as st

from chatlab.asgi import application
from rooms import actions, database, frames, log
from rooms.access import new_token
from rooms.actions import Outcome
from rooms.broadcast.memory import MemoryLayer
from rooms.log import Writer
from rooms.models import Member

from .fakes import BESIDE, LossyLayer, Pen, Place, Screen, client_id, generation_of, new_place, serving
from .harness.waiting import eventually
from .profiles import examples

pytestmark = pytest.mark.soak


@pytest.fixture(autouse=True)
def _looks_often(alone, settings):
    settings.CHATLAB_LIMITS = False
    settings.CHATLAB_HEAD_CHECK = 0.02


class Tab:
    """A real socket of the real application, in this process, on which a `Screen` follows the room."""

    def __init__(self, place: Place, token: str):
        self.screen = Screen()
        self._path = f"/ws/rooms/{place.room}/"
        self._headers = [(b"host", b"localhost"), (b"authorization", f"Bearer {token}".encode())]
        self._socket: WebsocketCommunicator | None = None
        self._pump: asyncio.Task | None = None
        self.closed: int | None = None

    async def plug(self) -> None:
        path = f"{self._path}?cursor={self.screen.cursor}"
        self._socket = WebsocketCommunicator(application, path, headers=self._headers, subprotocols=["chatlab.v1"])
        self.screen.level = False
        connected, protocol = await self._socket.connect(timeout=10)
        assert connected and protocol == "chatlab.v1"
        self._pump = asyncio.create_task(self._listen())

    async def cut(self) -> None:
        self._pump.cancel()
        await self._socket.send_input({"type": "websocket.disconnect", "code": 1006})
        await self._socket.wait(timeout=10)

    async def say(self, **frame: object) -> None:
        await self._socket.send_input({"type": "websocket.receive", "text": json.dumps(frame)})

    async def _listen(self) -> None:
        while True:
            output = await self._socket.output_queue.get()
            if output["type"] == "websocket.close":
                self.closed = output["code"]
                return
            self.screen.take(output["text"])
            while self.screen.says:
                await self.say(**self.screen.says.pop(0))


@asynccontextmanager
async def tabs(place: Place, token: str, number: int):
    opened = [Tab(place, token) for _ in range(number)]
    for tab in opened:
        await tab.plug()
    try:
        yield opened
    finally:
        for tab in opened:
            await tab.cut()


def token_of(place: Place) -> str:
    return new_token(Member.objects.get(pk=place.member))


async def check(place: Place, opened: list[Tab], within: float = 10.0) -> None:
    """All of them reach the head, show what the database holds, and were never sent a gap or anything twice."""
    head = await database.read(log.head_of, place.room)
    truth = await database.read(log.snapshot, place.room)
    for tab in opened:
        await eventually(lambda tab=tab: tab.screen.cursor == str(head), within, "the tab is level with the database")
        assert tab.screen.state["messages"] == truth["messages"]
        assert tab.screen.state["members"] == truth["members"]
        assert tab.screen.state["room"]["title"] == truth["room"]["title"]
        assert tab.screen.faults == [] and tab.closed is None
        applied = tab.screen.applied
        assert applied == list(range(head.seq - len(applied) + 1, head.seq + 1))


async def talk(place: Place, rng: random.Random, rounds: int, elsewhere: float = 0.0) -> None:
    """Two answers at once in one room, in commits of random sizes, some of them close together. `elsewhere`: how many
    are made by another process, of which this one hears nothing.
    """
    other = Writer(lambda batch: None)
    pens = []
    for _ in range(2):
        question = frames.Post(client_id(), "Why?", **BESIDE)
        receipt = await actions.commit(actions.post(place.member, place.room, question))
        job = await actions.commit(actions.claim(place.room, await database.read(generation_of, receipt.answer), "w"))
        pens.append(Pen(job))
    for number in range(rounds):
        pen = rng.choice(pens)
        parts = rng.choices(["text", "text", "reasoning"], k=rng.randint(1, 4))
        changes = [pen.record(f"{number} 😀", part=part) for part in parts]
        if rng.random() < elsewhere:
            await asyncio.gather(*(asyncio.wrap_future(other.submit(change)) for change in changes))
        else:
            await asyncio.gather(*map(actions.commit, changes))
        if rng.random() < 0.3:
            await asyncio.sleep(0)
    for pen in pens:
        await actions.commit(actions.finish(pen.job, [pen.piece("end")], Outcome("complete")))
    await asyncio.to_thread(other.close)


faults = st.fixed_dictionaries(
    {
        "every": st.sampled_from([0, 1, 2, 3, 5]),
        "repeat": st.sampled_from([0.0, 0.4]),
        "hold": st.sampled_from([0.0, 0.3]),
        "seed": st.integers(0, 2**16),
    }
)


@examples(10)
@given(faults, st.sampled_from([0.0, 0.3]))
def test_tabs_converge_over_a_lossy_layer(faults: dict, elsewhere: float) -> None:
    place = new_place()
    token = token_of(place)

    async def scenario() -> None:
        async with serving(LossyLayer(**faults)), tabs(place, token, 3) as opened:
            rng = random.Random(faults["seed"])
            await talk(place, rng, 25, elsewhere)
            await opened[0].cut()
            await talk(place, rng, 5)
            await opened[0].plug()
            await talk(place, rng, 5)
            await check(place, opened)

    asyncio.run(scenario())


def test_every_fault_happens_and_does_no_harm() -> None:
    """The property test above would pass over a layer that loses nothing: this one counts."""
    place = new_place()
    token = token_of(place)

    async def scenario() -> None:
        layer = LossyLayer(every=3, repeat=0.3, hold=0.3, seed=7)
        async with serving(layer), tabs(place, token, 3) as opened:
            await talk(place, random.Random(7), 60)
            await check(place, opened)
        assert min(layer.lost, layer.repeated, layer.late) >= 5

    asyncio.run(scenario())


def test_without_any_event_the_tabs_follow_within_five_seconds(settings) -> None:
    """Nothing tells a reader that the last event was lost, or all of them: the watch over the heads looks."""
    settings.CHATLAB_HEAD_CHECK = 1.0
    place = new_place()
    token = token_of(place)

    async def scenario() -> None:
        layer = LossyLayer(every=1)
        async with serving(layer), tabs(place, token, 2) as opened:
            for tab in opened:
                await eventually(lambda tab=tab: tab.screen.level)
            await talk(place, random.Random(1), 10)
            ended = time.monotonic()
            await check(place, opened, within=5.0)
            assert time.monotonic() - ended < 5.0
        assert layer.lost > 0

    asyncio.run(scenario())


def test_with_a_sound_layer_nothing_is_read_twice(settings, monkeypatch) -> None:
    """What comes by events is not looked up again: the log is read when a tab comes, and not for each delta."""
    settings.CHATLAB_HEAD_CHECK = 1.0  # an event that is on its way this long does not count as lost
    place = new_place()
    token = token_of(place)

    async def scenario() -> None:
        async with serving(MemoryLayer()), tabs(place, token, 3) as opened:
            for tab in opened:
                await eventually(lambda tab=tab: tab.screen.level)
            reads = []
            original = log.page_after
            monkeypatch.setattr(log, "page_after", lambda *args: reads.append(args) or original(*args))
            await talk(place, random.Random(2), 20)
            await check(place, opened)
        assert reads == []

    asyncio.run(scenario())
