"""I9: the text of a closed message is what its deltas add up to, and what the provider said, cleaned."""

from __future__ import annotations

import asyncio
import json

import pytest
from django.test import override_settings
from hypothesis import event, example, given
from hypothesis import strategies as st

from rooms import database, generation, log
from rooms.frames import TERMINAL
from rooms.models import Delta, Message
from rooms.providers import Ended, ProviderError
from rooms.text import clean, digest

from .fakes import ScriptedProvider, generation_of
from .profiles import examples
from .strategies import complete, pieces, raw_texts

pytestmark = pytest.mark.soak


@pytest.fixture(autouse=True)
def _one_attempt(alone, settings):
    settings.CHATLAB_ATTEMPTS = 1


def write(place, script: list) -> Message:
    """The answer that becomes of what a provider yields."""
    answer = place.post().answer
    provider = ScriptedProvider(script)
    asyncio.run(generation.run(place.room, generation_of(answer), "worker", provider))
    assert provider.closed == len(provider.asked)
    return Message.objects.select_related("generation").get(pk=answer)


def check(message: Message, text: str, reasoning: str = "") -> None:
    """In the row, in the deltas and in a snapshot: the same text and the same digest."""
    rows = Delta.objects.filter(message=message.pk).order_by("seq").values_list("kind", "payload", "digest")
    said: dict[str, list[str]] = {"text": [], "reasoning": []}
    running = ""
    for kind, payload, row_digest in rows:
        body = json.loads(payload)
        if kind == "appended":
            assert body["text"], "an empty delta"
            said[body["part"]].append(body["text"])
            if body["part"] == "text":
                running = digest("".join(said["text"]))
                assert row_digest == running
            else:
                assert row_digest == ""
        elif kind == "closed":
            assert body["digest"] == (running or digest("")) and body["status"] == message.generation.status
    assert message.text == "".join(said["text"]) == text
    assert message.reasoning == "".join(said["reasoning"]) == reasoning
    assert message.digest == digest(text)
    held = next(body for body in log.snapshot(message.room_id)["messages"] if body["id"] == message.pk)
    assert (held["text"], held["digest"], held.get("reasoning", "")) == (text, digest(text), reasoning)
    assert [kind for kind, *_ in rows].count("closed") == 1 and rows.last()[0] == "closed"
    assert log.verify(message.room_id) == []


parts = st.lists(st.tuples(st.sampled_from(["text", "text", "reasoning"]), raw_texts), max_size=12)


@examples(25)
@given(parts, st.sampled_from(["", "same", "none"]))
@example([("text", "a\ud83d"), ("reasoning", "\ude00"), ("text", "\ude00b")], "same")
@example([("text", "\ud83d"), ("text", ""), ("text", "")], "none")
def test_what_was_said_is_what_is_kept(place, said: list[tuple[str, str]], final: str) -> None:
    whole = {part: "".join(text for name, text in said if name == part) for part in ("text", "reasoning")}
    end = Ended("complete", text=whole["text"] if final == "same" else None)
    message = write(place, [*said, end] if final else list(said))
    assert message.generation.status == (complete(whole["text"]) if final else "interrupted")
    check(message, clean(whole["text"]), clean(whole["reasoning"]))


@examples(25)
@given(pieces(), raw_texts)
@example(["a\ud83d"], "\ude00")
@example(["a\ud83d", ""], "")
def test_a_final_text_that_goes_on_is_followed(place, cut: list[str], more: str) -> None:
    """What the provider says it said, and did not stream, is appended before the end: also the other half of a pair."""
    streamed = "".join(cut)
    message = write(place, [*cut, Ended("complete", text=streamed + more)])
    assert message.generation.status == complete(streamed + more)
    check(message, clean(streamed + more))


@examples(25)
@given(pieces(), raw_texts)
@example(["abc"], "abd")
@example(["abc"], "ab")
@example(["abc"], "")
def test_a_final_text_that_differs_fails_and_keeps_what_was_shown(place, cut: list[str], final: str) -> None:
    streamed, whole = clean("".join(cut)), clean(final)
    message = write(place, [*cut, Ended("complete", text=final, usage={"output": 1})])
    if whole.startswith(streamed) or final.startswith("".join(cut)):
        event("it does not differ")
        check(message, whole)
    else:
        assert (message.generation.status, message.generation.failure_code) == ("failed", "mismatch")
        check(message, streamed)


@examples(15)
@given(pieces(), st.sampled_from([ProviderError("rate_limited", "Busy."), Ended("failed", "upstream", "No."), None]))
def test_an_answer_that_breaks_keeps_its_text(place, cut: list[str], breaks) -> None:
    message = write(place, [*cut, breaks] if breaks else cut)
    assert message.generation.status in TERMINAL and message.generation.status != "complete"
    check(message, clean("".join(cut)))


@examples(10)
@given(pieces(st.lists(raw_texts, min_size=1, max_size=4).map("".join)), st.integers(1, 40))
def test_checkpoints_do_not_show(place, cut: list[str], every: int) -> None:
    """However often the text is saved in between, it is the same, and a snapshot in the middle is a beginning of it."""
    seen: list[str] = []
    answer = place.post().answer

    class Watching(ScriptedProvider):
        async def stream(self, request):
            async for said in super().stream(request):
                yield said
                body = await database.read(log.snapshot, place.room)
                seen.append(next(held["text"] for held in body["messages"] if held["id"] == answer))

    with override_settings(CHATLAB_CHECKPOINT=every):
        asyncio.run(generation.run(place.room, generation_of(answer), "worker", Watching([*cut, Ended("complete")])))
    message = Message.objects.get(pk=answer)
    check(message, clean("".join(cut)))
    assert all(message.text.startswith(text) for text in seen)
    assert seen == sorted(seen, key=len)
