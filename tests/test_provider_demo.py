"""The offline demo model, asked through the real SDK: the same words for the same question, each way to go wrong."""

from __future__ import annotations

import asyncio
import time
from types import SimpleNamespace

import pytest

from rooms import generation
from rooms.models import Generation
from rooms.providers import Ended, Opened, ProviderError, Request, Resume, TextDelta, demo, demo_text, open_provider

from .fakes import generation_of

COMMANDS = ("long", "slow", "stall", "fail", "die")


@pytest.fixture(autouse=True)
def pauses(settings, monkeypatch) -> list[float]:
    """The demo model's pauses are noted instead of waited for."""
    settings.CHATLAB_PROVIDER, settings.CHATLAB_MODEL = "demo", ""
    taken: list[float] = []

    async def pause(seconds: float) -> None:
        taken.append(seconds)
        await asyncio.sleep(0)

    monkeypatch.setattr(demo, "asyncio", SimpleNamespace(**{**vars(asyncio), "sleep": pause}))
    return taken


def ask(question: str, *before: tuple[str, str], enough: int | None = None) -> list:
    """Everything the provider yields; or no more than `enough` of it."""

    async def listen() -> list:
        provider, events = open_provider(), []
        stream = provider.stream(Request("demo-model", [*before, ("user", question)]))
        try:
            async for event in stream:
                events.append(event)
                if len(events) == enough:
                    break
        finally:
            await stream.aclose()
            await provider.close()
        return events

    return asyncio.run(asyncio.wait_for(listen(), 20))


def text_of(events: list) -> str:
    return "".join(event.text for event in events if isinstance(event, TextDelta))


def test_an_answer_is_opened_streamed_and_ended() -> None:
    opened, *deltas, ended = ask("Why?")
    assert isinstance(opened, Opened) and opened.response_id.startswith("resp_demo_")
    assert len(deltas) > 50 and all(isinstance(event, TextDelta) and event.part == "text" for event in deltas)
    assert isinstance(ended, Ended) and ended.status == "complete" and ended.text == text_of(deltas)
    assert ended.usage["output"] == len(deltas)


def test_it_speaks_markdown_and_many_scripts() -> None:
    whole = "".join(text_of(ask(f"Question {number}")) for number in range(12))
    for mark in ("## ", "1. ", "- ", "```", "| ", "**", "漢字", "עברית", "👩‍🚀"):
        assert mark in whole


def test_the_same_question_has_the_same_answer(settings) -> None:
    assert (
        text_of(ask("Why?"))
        == text_of(ask("Why?"))
        == text_of(ask("  Why?  ", ("user", "Before"), ("assistant", "Yes.")))
    )
    answers = {text_of(ask(f"Why {number}?")) for number in range(5)}
    assert len(answers) == 5
    before = text_of(ask("Why?"))
    settings.CHATLAB_DEMO_SEED = 2
    seeded = {text_of(ask(f"Why {number}?")) for number in range(5)}
    assert seeded != answers and (text_of(ask("Why?")) != before or not seeded & answers)


def test_the_pieces_are_the_text_at_about_a_word() -> None:
    for question in ("Why?", "/long", "x" * 500, "😀 * {question} {0}", ""):
        _, pieces, _ = demo_text.answer(question, 1)
        assert all(0 < len(piece.strip()) <= 12 for piece in pieces[:-1])
        assert "Try `/long`" in "".join(pieces)


def test_the_pace_is_a_setting_and_unsteady_as_a_person_types(pauses, settings) -> None:
    settings.CHATLAB_DEMO_RATE = 100.0
    deltas = len(ask("Why?")) - 2
    assert 0.2 <= pauses[0] <= 0.5 and len(pauses) == deltas + 1
    assert all(0.004 <= pause <= 0.016 for pause in pauses[1:]) and len(set(pauses)) > deltas / 2
    assert sum(pauses[1:]) == pytest.approx(deltas / 100.0, rel=0.2)


def test_long_is_long() -> None:
    assert len(text_of(ask("/long"))) > 16_000 > 4 * len(text_of(ask("short")))


def test_slow_is_slow(pauses, settings) -> None:
    settings.CHATLAB_DEMO_RATE = 100.0
    events = ask("/slow Why?")
    assert events[-1].status == "complete" and min(pauses[1:]) >= 0.1


def test_fail_fails_in_the_middle() -> None:
    events = ask("/fail Why?")
    assert len(events) > 20 and text_of(events)
    assert (events[-1].status, events[-1].failure_code) == ("failed", "upstream")


def test_die_just_stops() -> None:
    events = ask("/die Why?")
    assert len(events) > 20 and not any(isinstance(event, Ended) for event in events)


def test_stall_says_something_and_then_nothing_more(settings) -> None:
    pieces = demo_text.answer("/stall Why?", settings.CHATLAB_DEMO_SEED)[1]

    async def listen() -> None:
        provider = open_provider()
        stream = provider.stream(Request("demo-model", [("user", "/stall Why?")]))
        for _ in range(1 + len(pieces) // 3):
            await asyncio.wait_for(anext(stream), 5)
        silent = asyncio.ensure_future(anext(stream))
        done, _ = await asyncio.wait([silent], timeout=0.2)
        assert not done
        silent.cancel()
        await asyncio.wait([silent])
        await provider.close()

    asyncio.run(listen())


@pytest.mark.parametrize("question", ["/unknown", "/", "long", "/longer", "not /fail", " / die"])
def test_only_a_command_at_the_start_is_one(question) -> None:
    assert demo_text.answer(question, 1)[0] == ""


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_may_be_followed_by_a_question(command) -> None:
    for question in (f"/{command}", f"  /{command.upper()}  Why?", f"/{command}\tWhy?", f"/{command}\nWhy?"):
        assert demo_text.answer(question, 1)[0] == command, question


def test_a_reader_that_comes_back_reads_on_behind_what_it_has() -> None:
    """The model writes on while nobody reads, as a provider with a background mode does."""

    async def listen() -> tuple[list, list]:
        provider = open_provider()
        first = provider.stream(Request("demo-model", [("user", "Why?")]))
        before = [await anext(first) for _ in range(10)]
        await first.aclose()
        resume = Resume(before[0].response_id, before[-1].seq)
        after = [event async for event in provider.stream(Request("demo-model", [("user", "Why?")], False, resume))]
        await provider.close()
        return before, after

    before, after = asyncio.run(asyncio.wait_for(listen(), 20))
    assert text_of(before) + text_of(after) == text_of(ask("Why?")) == after[-1].text
    assert [event.seq for event in after[:3]] == [10, 11, 12]


def test_an_answer_goes_on_however_many_others_are_asked_for_meanwhile(settings) -> None:
    settings.CHATLAB_DEMO_RATE = 40.0

    async def listen() -> list:
        provider = open_provider()
        first = provider.stream(Request("demo-model", [("user", "Why?")]))
        before = [await anext(first) for _ in range(3)]
        settings.CHATLAB_DEMO_RATE = 100_000.0
        others = [provider.stream(Request("demo-model", [("user", f"And {n}?")])) for n in range(demo.KEPT + 1)]
        for other in others:
            await anext(other)
        events = before + [event async for event in first]
        for other in others:
            await other.aclose()
        await provider.close()
        return events

    events = asyncio.run(asyncio.wait_for(listen(), 20))
    assert text_of(events) == events[-1].text


def test_what_was_cancelled_can_not_be_read_on() -> None:
    async def listen() -> None:
        provider = open_provider()
        stream = provider.stream(Request("demo-model", [("user", "Why?")]))
        opened = await anext(stream)
        await stream.aclose()
        await provider.cancel(opened.response_id)
        async for _ in provider.stream(Request("demo-model", [("user", "Why?")], False, Resume(opened.response_id, 0))):
            raise AssertionError("it goes on")

    with pytest.raises(ProviderError, match="does not have this answer"):
        asyncio.run(asyncio.wait_for(listen(), 20))


def test_asking_less_closes_the_answer() -> None:
    """A reader that has had enough does not leave the model talking."""
    assert len(ask("/long", enough=5)) == 5


# -- as a generation ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("question", "status", "code"),
    [
        ("Why?", "complete", ""),
        ("/fail Why?", "failed", "upstream"),
        ("/die Why?", "interrupted", "upstream"),
        ("/stall Why?", None, "timeout"),
    ],
)
def test_every_state_can_be_seen(place, settings, question, status, code) -> None:
    settings.CHATLAB_SILENCE_TIMEOUT, settings.CHATLAB_TOTAL_TIMEOUT = 0.2, 60.0

    async def run(id: int) -> None:
        provider = open_provider()
        await asyncio.wait_for(generation.run(place.room, id, "worker", provider), 5)
        await provider.close()

    answer = place.post(question).answer
    started = time.monotonic()
    asyncio.run(run(generation_of(answer)))
    done = Generation.objects.select_related("message").get(message=answer)
    assert done.failure_code == code and done.status == (status or done.status) and time.monotonic() - started < 5
    assert len(done.message.text) > 100, "what was said is kept"
