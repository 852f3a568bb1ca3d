"""What must stay cheap, counted: statements of a commit, statements of a heartbeat, encodings of a frame."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from rooms import actions, frames, log
from rooms.delivery.hub import RoomHub
from rooms.delivery.subscription import Subscription
from rooms.frames import Sync
from rooms.log import Writer

from .fakes import Pen, Screen, busy, new_place, serving, statements
from .harness.waiting import eventually

pytestmark = pytest.mark.usefixtures("alone")


@pytest.fixture
def log_writer() -> Iterator[Writer]:
    made = Writer(lambda batch: None)
    yield made
    made.close()


# -- a commit ----------------------------------------------------------------------------------------------------------


def cost(log_writer: Writer, pens: list[Pen], changes: int) -> int:
    """How many statements it takes to commit so many changes of these answers, which have gathered."""
    with statements() as sent:
        with busy(log_writer):
            futures = [log_writer.submit(pen.record("word ")) for _ in range(changes) for pen in pens]
        for future in futures:
            future.result(10)
    return len(sent)
    for future in futures:
        future.result(10)
    return len(sent)


def test_a_commit_for_many_rooms_costs_as_many_statements_as_one_for_a_single_delta(log_writer) -> None:
    """Rooms locked, fences read, rows inserted, heads moved: each once, whatever has gathered."""
    pens, pen = [new_place().begin() for _ in range(20)], new_place().begin()
    assert cost(log_writer, pens, 10) == cost(log_writer, [pen], 1) <= 6
    assert all(log.verify(pen.job.room) == [] for pen in pens)


# -- a heartbeat -------------------------------------------------------------------------------------------------------


def test_a_sync_that_finds_nothing_new_costs_no_statement(place) -> None:
    place.begin().write("one ", "two ")

    async def scenario() -> None:
        screen = Screen()
        reader = Subscription(RoomHub(place.room), screen)
        await reader.open("")
        with statements() as sent:
            for _ in range(3):
                await reader.sync(Sync(screen.cursor))
        assert sent == []
        assert len(screen.of("synced")) == 4

    asyncio.run(scenario())


# -- a frame -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def encoded(monkeypatch) -> list[str]:
    """Each `deltas` frame that is put together."""
    made: list[str] = []
    encode = frames.deltas

    def noting(*arguments: object) -> str:
        made.append(encode(*arguments))
        return made[-1]

    monkeypatch.setattr(frames, "deltas", noting)
    return made


def test_a_frame_is_encoded_once_for_all_readers_of_a_process(place, encoded) -> None:
    """The live one by who publishes it, a page of the log by the room's feed."""
    pen = place.begin()

    async def scenario() -> None:
        async with serving():
            feed, screens = RoomHub(place.room), [Screen() for _ in range(5)]
            readers = [Subscription(feed, screen) for screen in screens]
            for reader in readers:
                await reader.open("")
            await actions.commit(pen.record("one ", "two "))
            await asyncio.gather(*(reader.catch_up() for reader in readers))
            await eventually(lambda: len(encoded) >= 2)
        assert [len(screen.of("deltas")) for screen in screens] == [1] * 5

    asyncio.run(scenario())
    assert len(encoded) == 2, "one for the channel layer, one for five readers that read the log"
