"""Fixtures of the faults of the channel layer: two web processes and a worker, each with a wire of its own to Redis."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest

from .harness.people import Person
from .harness.postgres import Cluster
from .harness.redis import Redis
from .harness.server import Server
from .harness.stage import Stage
from .harness.tab import Tab
from .harness.upstream import Question, UpstreamProcess, words
from .harness.waiting import eventually
from .harness.wire import Wire
from .stages import cluster, layer

__all__ = ["Scene", "cluster", "house", "house_settings", "layer", "scene"]

HEAD_CHECK = 2.0  # seconds; so what comes within one came as an event, and what comes after was looked for
LIVE = 1.9  # seconds: less than the shortest time in which a lost event can be noticed
LATE = 5.0  # seconds: promised


@dataclass
class House:
    """The processes: `here` and `there` serve tabs, the worker writes."""

    redis: Redis
    stage: Stage
    there: Server
    wires: dict[str, Wire]

    @property
    def here(self) -> Server:
        return self.stage.server

    def heal(self) -> None:
        if not self.redis.running:
            self.redis.start()
        self.redis.thaw()
        for wire in self.wires.values():
            wire.delay(0)
            wire.thaw()
            wire.plug()


def build(folder: Path, upstream: UpstreamProcess, cluster: Cluster, layer: Redis, **settings: str) -> House:
    wires = {name: Wire(layer.url) for name in ("here", "there", "worker")}
    for wire in wires.values():
        wire.start()
    database = cluster.new_database()
    settings = {"CHATLAB_HEAD_CHECK": str(HEAD_CHECK), **settings}
    (folder / "there").mkdir()
    shared = {"DATABASE_URL": database, "REDIS_PREFIX": folder.name, **settings}
    own = {"CHATLAB_WORKER": "external", "REDIS_URL": wires["there"].url}
    there = Server(folder / "there", upstream.base_url, "uvicorn", **own, **shared)
    there.migrate()
    stage = Stage(folder, upstream.base_url, REDIS_URL=wires["here"].url, **shared)
    for process in (stage.server, there):
        process.start()
    asyncio.run(stage.worker(REDIS_URL=wires["worker"].url))
    return House(layer, stage, there, wires)


def clear(house: House) -> None:
    house.heal()
    alarms = house.stage.clear() + house.here.alarms() + house.there.alarms()
    for process in (house.here, house.there):
        process.stop()
    for wire in house.wires.values():
        wire.stop()
    assert not alarms, alarms[0]


@pytest.fixture(scope="module")
def house_settings() -> dict[str, str]:
    return {}


@pytest.fixture(scope="module")
def house(house_settings, tmp_path_factory, upstream, cluster, layer) -> Iterator[House]:
    built = build(tmp_path_factory.mktemp("house"), upstream, cluster, layer, **house_settings)
    yield built
    clear(built)


class Scene:
    """A room with a tab in each web process, and an answer that streams in it."""

    def __init__(self, house: House, upstream: UpstreamProcess, alice: Person, room: str, here: Tab, there: Tab):
        self.house, self.upstream, self.alice, self.room = house, upstream, alice, room
        self.here, self.there = here, there
        self.answer, self.expected, self._gate = "", "", ""

    async def streams(self, *, count: int = 150, rate: int = 75) -> None:
        """An answer is under way; what is still to come, `go_on` lets come at this rate."""
        self._gate = Question().gate()
        rest = {"text": words(count, 20), "rate": rate}
        self.expected = "".join(words(20 + count))
        self.answer = await self.here.post(Question({"text": words(20)}, {"gate": self._gate}, rest))
        for tab in (self.here, self.there):
            await tab.until(lambda tab=tab: tab.text(self.answer).endswith("w19 "), 15)

    async def go_on(self) -> None:
        await self.upstream.open(self._gate)

    async def is_written(self, within: float = 15.0) -> float:
        """Seconds until the answer is in the database."""
        started = time.monotonic()
        database = self.house.stage.database
        await eventually(lambda: database.status(self.answer) == "complete", within, "the answer is written")
        return time.monotonic() - started

    async def is_equal(self) -> None:
        """Both tabs show what is stored, which is what was said."""
        database = self.house.stage.database
        for tab in (self.here, self.there):
            await tab.finished(self.answer, LATE + 5)
            assert tab.text(self.answer) == self.expected and tab.faults == []
        assert database.text(self.answer) == self.expected
        database.check_room(self.room)

    async def is_live(self, within: float = 10.0) -> None:
        """New answers come to both tabs by events again."""

        async def live() -> bool:
            answer = await self.here.post(Question({"text": words(5)}))
            for tab in (self.here, self.there):
                await tab.finished(answer)
            return max(lateness(tab, answer) for tab in (self.here, self.there)) < LIVE

        await eventually(live, within, "events come again")


@pytest.fixture
async def scene(house, upstream, visitor, tab) -> AsyncIterator[Scene]:
    alice = visitor(house.here)
    room = await alice.create_room()
    here = await tab(alice, room)
    there = Tab(house.there.url, room, {**alice.socket_headers, "Origin": house.there.url})
    await there.open()
    yield Scene(house, upstream, alice, room, here, there)
    house.heal()
    await there.close()


def lateness(tab: Tab, answer: str) -> float:
    """The longest time, in seconds, from a text's commit to its arrival in a `deltas` frame."""
    offset = time.time() - time.monotonic()
    return max(
        arrived + offset - datetime.fromisoformat(item["at"]).timestamp()
        for arrived, frame in tab.frames
        if frame["type"] == "deltas"
        for item in frame["items"]
        if item["kind"] == "appended" and item["message"] == answer
    )
