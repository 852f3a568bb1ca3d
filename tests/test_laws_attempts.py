"""I7, I9 over broken calls: text comes once, however often a response is resumed and whoever resumes it; without a true
resume nothing is asked again once there is text.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest
from django.test import override_settings
from hypothesis import example, given
from hypothesis import strategies as st

from rooms import actions, database, generation, log
from rooms.actions import commit_now
from rooms.generation import asking
from rooms.log import Batch, Writer
from rooms.models import Generation
from rooms.providers import Ended, Opened, ProviderError, Request, TextDelta
from rooms.text import Cleaner, clean, digest

from .fakes import BESIDE, Pen, ScriptedProvider, generation_of, new_place
from .harness.waiting import eventually
from .profiles import examples
from .strategies import complete, pieces

BROKEN = ProviderError("upstream", "The connection to the model provider broke.", passing=True)


@pytest.fixture(autouse=True)
def _no_pauses(alone, monkeypatch):
    monkeypatch.setattr(asking, "BACK_OFF", (0.0, 0.0))


@dataclass
class BackgroundProvider:
    """A provider whose response goes on without its reader. Each call breaks after so many events, the last one does
    not.
    """

    text: list[str]
    breaks: list[int]
    asked: list[Request] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)
    background = True

    async def stream(self, request: Request) -> AsyncIterator:
        self.asked.append(request)
        left = self.breaks.pop(0) if self.breaks else None
        events = [Opened("resp_1", 0), *(TextDelta("text", text, seq) for seq, text in enumerate(self.text, 1))]
        events.append(Ended("complete", text="".join(self.text)))
        first = 0 if request.resume is None or request.resume.after is None else request.resume.after + 1
        for event in events[first:]:
            if left == 0:
                raise BROKEN
            left = None if left is None else left - 1
            yield event
            await asyncio.sleep(0)

    async def cancel(self, response_id: str) -> None:
        self.cancelled.append(response_id)

    async def close(self) -> None:
        pass


def row(answer: str) -> Generation:
    return Generation.objects.select_related("message").get(message=answer)


def run(place, answer: str, provider, *, worker: str = "worker", leaving: bool = False) -> None:
    work = generation.run(place.room, generation_of(answer), worker, provider, leaving=lambda: leaving)
    asyncio.run(asyncio.wait_for(work, 20))


@pytest.mark.soak
@examples(25)
@given(pieces(), st.lists(st.integers(0, 4), max_size=5))
@example(["a\ud83d", "\ude00b"], [2, 1, 0])
@override_settings(CHATLAB_ATTEMPTS=10, CHATLAB_RESUMES=10)
def test_a_response_that_is_resumed_comes_once(cut: list[str], breaks: list[int]) -> None:
    place, provider = new_place(), BackgroundProvider(list(cut), list(breaks))
    answer = place.post().answer
    run(place, answer, provider)
    done = row(answer)
    assert (done.status, done.message.text) == (complete("".join(cut)), clean("".join(cut)))
    assert done.message.digest == digest(done.message.text) and log.verify(place.room) == []
    fresh = [request for request in provider.asked if request.resume is None]
    assert len(fresh) == 1 or breaks[: len(fresh) - 1] == [0] * (len(fresh) - 1), "it is asked for once"
    assert done.attempts == len(fresh)


@pytest.mark.soak
@examples(15)
@given(pieces(), st.lists(st.integers(1, 4), min_size=1, max_size=4))
@example(["a\ud83d", "\ude00b"], [2])
@example(["a" * 5_000 + "\ud83d", "\ude00b"], [2])
@override_settings(CHATLAB_RESUMES=0)
def test_a_response_goes_on_with_another_worker(cut: list[str], breaks: list[int]) -> None:
    """Each worker dies where the call breaks, and the next one takes over when the lease has run out."""
    place, provider = new_place(), BackgroundProvider(list(cut), list(breaks))
    answer = place.post().answer
    for number in range(len(breaks) + 1):
        if row(answer).status not in ("queued", "streaming"):
            break
        Generation.objects.filter(message=answer, status="streaming").update(
            lease_until=datetime(2020, 1, 1, tzinfo=UTC)
        )
        asyncio.run(dying(place, answer, provider, f"worker {number}"))
    done = row(answer)
    assert (done.status, done.message.text) == (complete("".join(cut)), clean("".join(cut)))
    assert log.verify(place.room) == [] and done.attempts == 1


async def dying(place, answer: str, provider: BackgroundProvider, worker: str) -> None:
    """A worker that is killed, without a word, when its call has broken and all that had come is in the log."""
    stream, broke, newest = provider.stream, asyncio.Event(), 0

    def recorded() -> bool:
        cleaner = Cleaner()
        come = "".join(map(cleaner.feed, provider.text[:newest]))
        return bool(row(answer).response_id) and len(log.answer_so_far(answer)[0]) >= len(come)

    class Killed:
        background = True
        cancel = provider.cancel

        async def stream(self, request: Request) -> AsyncIterator:
            nonlocal newest
            try:
                async for event in stream(request):
                    newest = getattr(event, "seq", None) or newest
                    yield event
            except ProviderError:
                await eventually(lambda: database.read(recorded))
                broke.set()
                await asyncio.Event().wait()

    id = await database.read(generation_of, answer)
    task = asyncio.create_task(generation.run(place.room, id, worker, Killed()))
    breaking = asyncio.create_task(broke.wait())
    await asyncio.wait([task, breaking], timeout=10, return_when=asyncio.FIRST_COMPLETED)
    for one in (task, breaking):
        one.cancel()
    await asyncio.wait([task, breaking])


# -- asking again ------------------------------------------------------------------------------------------------------


@dataclass
class Failing(ScriptedProvider):
    """Every call but the last one follows its own script."""

    scripts: list[list] = field(default_factory=list)

    async def stream(self, request: Request) -> AsyncIterator:
        self.script = self.scripts.pop(0)
        async for event in super().stream(request):
            yield event


@pytest.mark.parametrize(
    ("scripts", "asked", "status", "text"),
    [
        ([[BROKEN], ["fine", Ended("complete")]], 2, "complete", "fine"),
        ([[], ["fine", Ended("complete")]], 2, "complete", "fine"),
        ([[BROKEN], [BROKEN], ["never"]], 2, "failed", ""),
        ([[ProviderError("auth", "The key.")], ["never"]], 1, "failed", ""),
        ([["some", BROKEN], ["never"]], 1, "interrupted", "some"),
        ([["some"], ["never"]], 1, "interrupted", "some"),
        ([["", BROKEN], ["fine", Ended("complete")]], 2, "complete", "fine"),
    ],
)
def test_only_what_has_no_text_is_asked_again(settings, scripts, asked, status, text) -> None:
    settings.CHATLAB_ATTEMPTS = 2
    place, provider = new_place(), Failing([], scripts=list(scripts))
    answer = place.post().answer
    run(place, answer, provider)
    done = row(answer)
    assert (len(provider.asked), done.attempts, done.status, done.message.text) == (asked, asked, status, text)
    assert provider.closed == asked and log.verify(place.room) == []


def test_a_request_is_counted_before_it_is_made() -> None:
    """Whoever dies in the middle of it has been seen to ask."""
    place, counted = new_place(), []
    answer = place.post().answer

    async def count() -> None:
        counted.append(await database.read(lambda: row(answer).attempts))

    run(place, answer, ScriptedProvider([count, "fine", Ended("complete")]))
    assert counted == [1]


@pytest.mark.parametrize(("attempts", "begins_again"), [(1, True), (2, False)])
def test_what_has_no_text_is_begun_again_by_the_next_worker(settings, attempts, begins_again) -> None:
    settings.CHATLAB_ATTEMPTS = 2
    place = new_place()
    pen = place.begin()
    for _ in range(attempts):
        commit_now(actions.attempt(pen.job))
    Generation.objects.update(lease_until=datetime(2020, 1, 1, tzinfo=UTC))
    again = Pen.claim(place.room, pen.job.message, "another")
    assert (again is not None) == begins_again
    if again is not None:
        again.end("complete", "all of it")
        assert row(pen.job.message).message.text == "all of it"
    else:
        assert row(pen.job.message).status == "interrupted"


# -- how many at once --------------------------------------------------------------------------------------------------


def test_a_room_writes_so_many_answers_at_once_and_the_next_one_then(settings) -> None:
    settings.CHATLAB_ROOM_ANSWERS = 2
    place, elsewhere, batches = new_place(), new_place(), []
    pens = [place.begin(**BESIDE), place.begin(**BESIDE)]
    waiting = [place.post(**BESIDE).answer, place.post(**BESIDE).answer]
    assert Pen.claim(place.room, waiting[0]) is None
    assert elsewhere.begin() is not None, "another room is another matter"
    writer: Writer = Writer(batches.append)
    try:
        writer.submit(actions.finish(pens[0].job, [], actions.Outcome("complete"))).result(10)
    finally:
        writer.close()
    (batch,) = (batch for batch in batches if isinstance(batch, Batch))
    assert batch.starts == [(place.room, generation_of(waiting[0]))]
    assert Pen.claim(place.room, waiting[0]) is not None and Pen.claim(place.room, waiting[1]) is None
