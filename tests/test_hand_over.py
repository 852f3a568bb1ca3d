"""What a worker has in its hands when it is told to go is in the log before the answer is somebody else's."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator

import pytest

from rooms import actions, database, frames, log
from rooms.log import Change
from rooms.models import Delta, Generation, Message
from rooms.providers import Ended, Opened, Request, Resume, TextDelta
from rooms.text import digest
from rooms.worker import Worker

from .fakes import Place, generation_of
from .harness.waiting import eventually

pytestmark = pytest.mark.usefixtures("alone")


class Talking:
    """A provider that says what it is told to say, event by event; its responses can be resumed."""

    def __init__(self, background: bool = True):
        self.background = background
        self.said: asyncio.Queue = asyncio.Queue()
        self.asked: list[Request] = []
        self.cancelled: list[str] = []

    async def stream(self, request: Request) -> AsyncIterator:
        self.asked.append(request)
        while True:
            yield await self.said.get()

    def say(self, *texts: str, after: int = 0) -> None:
        for number, text in enumerate(texts, start=after + 1):
            self.said.put_nowait(TextDelta("text", text, number))

    async def cancel(self, response_id: str) -> None:
        self.cancelled.append(response_id)

    async def close(self) -> None:
        pass


class Busy:
    """The log's writer with something long to do: whatever comes now waits behind it."""

    def __init__(self, room: str):
        self._over = threading.Event()
        self._task = asyncio.ensure_future(actions.commit(Change(room, lambda log: self._over.wait(10))))

    async def over(self) -> None:
        self._over.set()
        await self._task


async def begun(worker: Worker, provider: Talking, room: str, generation: int) -> None:
    worker._provider = provider
    worker.start(room, generation)
    await eventually(lambda: provider.asked)
    provider.said.put_nowait(Opened("resp_1", 0))


def written(answer: str) -> str:
    rows = Delta.objects.filter(message=answer, kind="appended").order_by("seq")
    return "".join(frames.appended_text(payload)[1] for payload in rows.values_list("payload", flat=True))


def run_until_told(place: Place, provider: Talking) -> str:
    """One word is in the log, the next ones wait behind a long commit, and the worker has to go."""
    answer = place.post().answer
    generation = generation_of(answer)

    async def scene() -> None:
        worker = Worker()
        await begun(worker, provider, place.room, generation)
        provider.say("one ")
        await eventually(lambda: database.read(lambda: written(answer) == "one "))
        busy = Busy(place.room)
        provider.say("two ", "three ", after=1)
        await eventually(provider.said.empty)
        going = asyncio.create_task(worker.drain(0.01))
        await asyncio.sleep(0.05)  # its tasks are cancelled by now, and the writer is still busy
        await busy.over()
        await going

    asyncio.run(scene())
    return answer


def test_what_waits_to_be_committed_is_handed_over_with_the_rest(place) -> None:
    answer = run_until_told(place, Talking())
    row = Generation.objects.get(message=answer)
    assert (row.status, row.upstream_seq) == ("streaming", 3)
    assert written(answer) == "one two three ", "text was lost that the place says is there"
    job = actions.commit_now(actions.claim(place.room, row.pk, "another"))
    assert job.resume == Resume("resp_1", 3)
    assert log.answer_so_far(answer) == ("one two three ", digest("one two three "))
    actions.commit_now(actions.finish(job, [], actions.Outcome("complete")))
    assert log.verify(place.room) == []


def test_what_waits_to_be_committed_is_kept_where_the_answer_ends(place) -> None:
    answer = run_until_told(place, Talking(background=False))
    message = Message.objects.select_related("generation").get(pk=answer)
    assert (message.generation.status, message.text) == ("interrupted", "one two three ")
    assert message.digest == digest(message.text)
    assert log.verify(place.room) == []


def test_a_worker_that_is_told_to_go_starts_nothing(place) -> None:
    first, second = place.post().answer, place.post().answer
    ids = [generation_of(first), generation_of(second)]

    async def scene() -> None:
        provider, worker = Talking(), Worker()
        await begun(worker, provider, place.room, ids[0])
        going = asyncio.create_task(worker.drain(5))
        await asyncio.sleep(0)
        worker.start(place.room, ids[1])
        provider.said.put_nowait(TextDelta("text", "all"))
        provider.said.put_nowait(Ended("complete"))
        await going
        assert len(provider.asked) == 1

    asyncio.run(scene())
    assert Generation.objects.get(message=first).status == "complete"
    assert Generation.objects.get(message=second).status == "queued"


def test_an_event_that_comes_while_its_answer_is_being_claimed_is_not_lost(place) -> None:
    """The claim finds the answer before it open. It ends behind that, and the event that says so meets the claim's
    task, which has not heard yet that it won nothing.
    """
    first, second = place.post().answer, place.post().answer
    waiting = generation_of(second)

    async def scene() -> None:
        provider, worker = Talking(), Worker()
        worker._provider = provider
        busy = Busy(place.room)
        worker.start(place.room, waiting)
        await asyncio.sleep(0)  # its claim is in the writer's queue
        stopping = asyncio.ensure_future(actions.commit(actions.stop(place.member, place.room, first)))
        await asyncio.sleep(0)
        worker.start(place.room, waiting)
        await busy.over()
        await stopping
        await eventually(lambda: provider.asked, 2.0)
        await worker.drain(0.0)

    asyncio.run(scene())
