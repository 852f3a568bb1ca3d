"""Answers of the scripted provider, asked by the real SDK and written to the database in this very process."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, nullcontext
from dataclasses import dataclass

import pytest

from rooms import actions, database, generation, log
from rooms.generation import asking
from rooms.models import Delta, Generation
from rooms.providers import Provider, open_provider

from .fakes import Place, generation_of, new_place
from .harness.upstream import Question, UpstreamProcess

KEY = "canary-key-5f0c9a1e7d"


@dataclass
class Answer:
    """How a question ended."""

    question: Question
    row: Generation

    @property
    def text(self) -> str:
        return self.row.message.text

    @property
    def reasoning(self) -> str:
        return self.row.message.reasoning

    @property
    def end(self) -> tuple[str, str]:
        return self.row.status, self.row.failure_code

    @property
    def detail(self) -> str:
        return self.row.failure_detail

    @property
    def error(self) -> str:
        return self.row.error


class Desk:
    """Asks, lets things happen meanwhile, and looks at what became of it."""

    def __init__(self, upstream: UpstreamProcess, place: Place):
        self.upstream, self.place = upstream, place

    def ask(
        self,
        *steps: dict,
        question: Question | None = None,
        meanwhile: Callable | None = None,
        inside: Callable[[], AbstractAsyncContextManager] = nullcontext,
    ) -> Answer:
        """`meanwhile(answer, question)` runs beside the generation, and is awaited; all of it happens `inside`."""
        question = question or Question(*steps)
        return self.write(self.place.post(question).answer, question, meanwhile, inside)

    def write(self, answer: str, question: Question, meanwhile: Callable | None = None, inside=nullcontext) -> Answer:
        """A worker takes the answer, now."""
        asyncio.run(self._write(answer, question, meanwhile, inside))
        found = Answer(question, Generation.objects.select_related("message").get(message=answer))
        self._check(found)
        return found

    async def _write(self, answer: str, question: Question, meanwhile: Callable | None, inside: Callable) -> None:
        async with inside(), provided() as provider:
            running = asyncio.create_task(
                generation.run(self.place.room, await database.read(generation_of, answer), "worker", provider)
            )
            try:
                if meanwhile is not None:
                    await meanwhile(answer, question)
                await running
            finally:
                running.cancel()
                await asyncio.wait([running])

    def _check(self, answer: Answer) -> None:
        """Whatever happened: one end, a log in order, one plain sentence, and no key."""
        row = answer.row
        closed = Delta.objects.filter(message=row.message_id, kind="closed")
        assert closed.count() == (row.status not in Generation.OPEN)
        assert log.verify(self.place.room) == []
        assert bool(row.failure_detail) == bool(row.failure_code)
        if row.failure_detail:
            assert row.failure_detail.endswith(".") and "\n" not in row.failure_detail and len(row.failure_detail) < 100
            failure = json.loads(closed.get().payload)["failure"]
            assert failure == {"code": row.failure_code, "detail": row.failure_detail}
        assert KEY not in row.error + json.dumps(log.snapshot(self.place.room))

    def stop(self, answer: str) -> str | None:
        return actions.commit_now(actions.stop(self.place.member, self.place.room, answer))

    def requests(self, answer: Answer) -> list[dict]:
        return asyncio.run(self.upstream.requests(answer.question))

    def until_shown(self, text: str, then: Callable[[str, Question], Awaitable[None]]) -> Callable:
        """For `meanwhile`: once readers see this text."""

        async def meanwhile(answer: str, question: Question) -> None:
            while await database.read(shown, self.place.room, answer) != text:
                await asyncio.sleep(0.005)
            await then(answer, question)

        return meanwhile


def shown(room: str, answer: str) -> str:
    """What a reader who comes now is shown of an answer."""
    return next(body["text"] for body in log.snapshot(room)["messages"] if body["id"] == answer)


@asynccontextmanager
async def provided() -> AsyncIterator[Provider]:
    provider = open_provider()
    try:
        yield provider
    finally:
        await provider.close()


@contextmanager
def configured(settings, upstream: UpstreamProcess) -> Iterator[None]:
    """This process asks the scripted provider, and is not patient."""
    settings.CHATLAB_PROVIDER, settings.CHATLAB_MODEL, settings.CHATLAB_MODELS = "openai", "scripted", []
    settings.OPENAI_API_KEY, settings.OPENAI_BASE_URL = KEY, upstream.base_url
    settings.OPENAI_API, settings.OPENAI_BACKGROUND = "responses", False
    settings.CHATLAB_TOTAL_TIMEOUT = 20.0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(asking, "BACK_OFF", (0.01, 0.05))
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            patch.delenv(name, raising=False)
            patch.delenv(name.lower(), raising=False)
        yield


@pytest.fixture
def desk(upstream: UpstreamProcess, alone: None, settings) -> Iterator[Desk]:
    """A room whose questions reach the scripted provider."""
    with configured(settings, upstream):
        yield Desk(upstream, new_place())
