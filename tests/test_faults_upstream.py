"""The provider breaks off (D1), falls silent (D2), refuses (D3) or says when to come again (D12).

What readers are left with is one plain sentence; what the provider said is for staff.
"""

from __future__ import annotations

import asyncio
import time
from email.utils import formatdate

import pytest

from rooms import database
from rooms.worker import Worker

from . import asking
from .asking import Desk, provided
from .fakes import generation_of, in_thread
from .harness.upstream import Question, words
from .harness.waiting import eventually

desk = asking.desk


# -- D1: the connection breaks -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("accident", ["reset", "truncate", "eof"])
def test_d1_before_any_text_the_question_is_asked_once_more(desk, accident) -> None:
    question = Question(scripts=[[{"begin": True}, {accident: True}], [{"text": "second"}]])
    answer = desk.ask(question=question)
    assert (answer.end, answer.text) == (("complete", ""), "second")
    assert answer.row.attempts == len(desk.requests(answer)) == 2


@pytest.mark.parametrize(
    ("accident", "detail"),
    [
        ("reset", "The connection to the model provider broke."),
        ("truncate", "The connection to the model provider broke."),
        ("eof", "The model provider's stream ended without an end."),
    ],
)
def test_d1_after_text_nothing_is_asked_again_and_the_text_stays(desk, accident, detail) -> None:
    """Also where all of the text had come, and only the end was missing: nobody can know that it was all."""
    answer = desk.ask({"text": words(3)}, {accident: True})
    assert (answer.end, answer.text) == (("interrupted", "upstream"), "w0 w1 w2 ")
    assert answer.detail == detail
    assert len(desk.requests(answer)) == answer.row.attempts == 1


def test_d1_before_any_byte_there_are_two_attempts_and_no_third(desk) -> None:
    answer = desk.ask({"reset": True})
    assert answer.end == ("failed", "upstream") and answer.text == ""
    assert len(desk.requests(answer)) == answer.row.attempts == 2
    assert "RemoteProtocolError" in answer.error or "ReadError" in answer.error, "staff see what the SDK does not say"


def test_d1_reasoning_is_text_that_was_shown(desk) -> None:
    answer = desk.ask({"reasoning": ["Let me see."]}, {"reset": True})
    assert answer.end == ("interrupted", "upstream") and answer.reasoning == "Let me see."
    assert len(desk.requests(answer)) == 1


# -- D2: silence -------------------------------------------------------------------------------------------------------


def test_d2_a_first_event_that_never_comes(desk, settings) -> None:
    settings.CHATLAB_FIRST_EVENT_TIMEOUT = 0.1
    answer = desk.ask({"headers": {}}, {"wait": "forever"})
    assert (answer.end, answer.detail) == (
        ("failed", "timeout"),
        "The model provider did not begin to answer in time.",
    )
    assert answer.row.attempts == 2


def test_d2_not_even_a_head_comes(desk, settings) -> None:
    settings.CHATLAB_FIRST_EVENT_TIMEOUT = 0.1
    answer = desk.ask(question=Question(scripts=[[{"wait": "forever"}], [{"text": "at last"}]]))
    assert (answer.end, answer.text) == (("complete", ""), "at last")


@pytest.mark.parametrize("head", [[], [{"headers": {}}]])
def test_d2_a_slow_first_event_is_waited_for_longer_than_a_silence(desk, settings, head) -> None:
    """A local model may load for a minute, before its head or behind it. A silence is what follows the first bytes."""
    settings.CHATLAB_SILENCE_TIMEOUT, settings.CHATLAB_FIRST_EVENT_TIMEOUT = 0.05, 10.0
    answer = desk.ask(*head, {"wait": 0.3}, {"text": "loaded"})
    assert (answer.end, answer.text) == (("complete", ""), "loaded")
    assert answer.row.attempts == 1


@pytest.mark.parametrize("more", [[], [{"event": {"type": "response.output_text.done", "text": "w0 w1 "}}]])
def test_d2_a_silence_after_text_interrupts(desk, settings, more) -> None:
    """In the middle, or after the last of it."""
    settings.CHATLAB_SILENCE_TIMEOUT = 0.1
    answer = desk.ask({"text": words(2)}, *more, {"wait": "forever"})
    assert (answer.end, answer.text) == (("interrupted", "timeout"), "w0 w1 ")
    assert answer.detail == "The model provider fell silent."
    assert len(desk.requests(answer)) == 1


def test_d2_a_provider_that_says_it_is_alive_is_not_silent(desk, settings) -> None:
    settings.CHATLAB_SILENCE_TIMEOUT = 0.4
    alive = [{"raw": ": still here\n\n"}, {"wait": 0.2}, {"event": {"type": "keepalive"}}, {"wait": 0.2}]
    answer = desk.ask({"text": "a"}, *alive, *alive, {"text": "b"})
    assert (answer.end, answer.text) == (("complete", ""), "ab")


@pytest.mark.parametrize("api", ["responses", "chat"])
@pytest.mark.parametrize("sign", [": PROCESSING\n\n", "\n", ":", "event: ping\n\n", "data: null\n\n"])
def test_d2_bytes_before_the_first_event_are_signs_of_life(desk, settings, api, sign) -> None:
    """A gateway sends comments while a model loads, for longer than the first event may take."""
    settings.OPENAI_API = api
    settings.CHATLAB_FIRST_EVENT_TIMEOUT = settings.CHATLAB_SILENCE_TIMEOUT = 0.5
    loading = [{"raw": sign}, {"wait": 0.25}]
    answer = desk.ask(*loading * 4, {"raw": "\n\n"}, {"text": "loaded"})
    assert (answer.end, answer.text, answer.row.attempts) == (("complete", ""), "loaded", 1)


def test_d2_a_silence_behind_a_sign_of_life_is_a_silence(desk, settings) -> None:
    settings.CHATLAB_FIRST_EVENT_TIMEOUT, settings.CHATLAB_SILENCE_TIMEOUT = 30.0, 0.1
    answer = desk.ask({"raw": ": PROCESSING\n\n"}, {"wait": "forever"})
    assert (answer.end, answer.detail) == (("failed", "timeout"), "The model provider fell silent.")
    assert answer.row.attempts == 2


def test_d2_all_of_it_takes_too_long(desk, settings) -> None:
    settings.CHATLAB_TOTAL_TIMEOUT = 0.5
    answer = desk.ask({"text": [*words(1000)], "rate": 100})
    assert answer.end == ("failed", "timeout") and answer.text.startswith("w0 w1 ")
    assert answer.detail == "The answer took longer than it may."


# -- D3: refusals ------------------------------------------------------------------------------------------------------

NOT_UNDERSTOOD = "The model provider did not understand the request."
KEY_REJECTED = "The model provider rejected the key."
BUSY = "The model is busy."


@pytest.mark.parametrize(
    ("status", "code", "detail", "attempts"),
    [
        (400, "bad_request", NOT_UNDERSTOOD, 1),
        (401, "auth", KEY_REJECTED, 1),
        (402, "rate_limited", "The account at the model provider has no quota left.", 1),
        (403, "auth", "The model provider does not allow this request.", 1),
        (404, "bad_request", "The model provider does not know this model.", 1),
        (408, "timeout", "The model provider did not answer in time.", 2),
        (409, "upstream", "The model provider is busy with the same request.", 2),
        (413, "too_long", "This room is too long for the model.", 1),
        (418, "upstream", "The model provider failed (418).", 1),
        (422, "bad_request", NOT_UNDERSTOOD, 1),
        (429, "rate_limited", BUSY, 2),
        (500, "upstream", "The model provider failed (500).", 2),
        (502, "upstream", "The model provider failed (502).", 2),
        (503, "upstream", "The model provider failed (503).", 2),
        (529, "upstream", "The model provider failed (529).", 2),
    ],
)
def test_d3_every_refusal_has_its_sentence_and_its_number_of_attempts(desk, status, code, detail, attempts) -> None:
    body = {"error": {"message": "raw words of the provider", "type": "x", "code": None}}
    answer = desk.ask({"status": status, "body": body})
    assert (answer.end, answer.detail, answer.text) == (("failed", code), detail, "")
    assert len(desk.requests(answer)) == answer.row.attempts == attempts
    assert "raw words of the provider" in answer.error and "raw words" not in answer.detail


@pytest.mark.parametrize(
    ("status", "word", "code", "detail"),
    [
        (400, "context_length_exceeded", "too_long", "This room is too long for the model."),
        (400, "content_filter", "filtered", "The provider declined to answer this."),
        (400, "invalid_prompt", "filtered", "The provider declined to answer this."),
        (403, "model_not_found", "bad_request", "The model provider does not know this model."),
        (429, "insufficient_quota", "rate_limited", "The account at the model provider has no quota left."),
    ],
)
def test_d3_the_providers_own_code_says_more_than_the_status(desk, status, word, code, detail) -> None:
    answer = desk.ask({"status": status, "body": {"error": {"message": "No.", "code": word}}})
    assert (answer.end, answer.detail, answer.row.attempts) == (("failed", code), detail, 1)


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_d3_a_redirect_is_not_followed(desk, upstream, status) -> None:
    """It would carry the key and the conversation to wherever somebody says."""
    there = {"location": f"{upstream.base_url}/chat/completions", "x-request-id": "req_17"}
    answer = desk.ask({"status": status, "headers": there, "body": "<html>Moved</html>"})
    assert (answer.end, answer.row.attempts) == (("failed", "upstream"), 1)
    assert answer.detail == "The model provider's address leads elsewhere, which is not followed."
    assert answer.error == f"HTTP {status}: {there['location']}: req_17: <html>Moved</html>"
    assert len(desk.requests(answer)) == 1


@pytest.mark.parametrize("body", ["", "<html><h1>Bad gateway</h1></html>", "[]", '{"error": "busy"}', "\0\ud800"])
def test_d3_a_body_of_any_kind_is_only_for_staff(desk, body) -> None:
    headers = {"content-type": "application/json"}
    answer = desk.ask({"status": 400, "body": body.encode("utf-8", "replace").decode(), "headers": headers})
    assert (answer.end, answer.detail) == (("failed", "bad_request"), NOT_UNDERSTOOD)


def test_d3_a_refusal_without_an_end_is_not_read_to_its_end(desk) -> None:
    answer = desk.ask({"status": 500, "body": "not interesting\n\n", "repeat": 1_000_000})
    assert answer.end == ("failed", "upstream") and len(answer.error) <= 2000


def test_d3_a_compressed_refusal_is_a_refusal(desk) -> None:
    answer = desk.ask({"status": 401, "body": "not gzip at all", "headers": {"content-encoding": "gzip"}})
    assert (answer.end, answer.detail) == (("failed", "auth"), KEY_REJECTED)


def waits(desk: Desk, monkeypatch, header: str | None, status: int = 429) -> float:
    """How long the second attempt is waited for."""
    slept: list[float] = []

    class Clock:
        """asyncio for the one who asks, without its waiting."""

        def __getattr__(self, name: str) -> object:
            return getattr(asyncio, name)

        async def sleep(self, seconds: float) -> None:
            slept.append(seconds)

    monkeypatch.setattr("rooms.generation.asking.asyncio", Clock())
    refusal = {"status": status, "headers": {"retry-after": header} if header is not None else {}}
    answer = desk.ask(question=Question(scripts=[[refusal], [{"text": "second"}]]))
    assert (answer.end, answer.text, answer.row.attempts) == (("complete", ""), "second", 2)
    (seconds,) = slept
    return seconds


@pytest.mark.parametrize(
    ("header", "least", "most"),
    [
        ("7", 7, 7),
        ("1.5", 1.5, 1.5),
        ("0", 0, 0),
        ("-5", 0, 0),
        ("100000000", 60, 60),
        ("inf", 60, 60),
        (30, 20, 30),
        (-3600, 0, 0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 60, 60),
        ("nan", 0.005, 0.05),
        ("soon", 0.005, 0.05),
        ("Fri, 99 Foo 2026", 0.005, 0.05),
        (None, 0.005, 0.05),
    ],
)
def test_d12_retry_after_is_honoured_up_to_a_minute(desk, monkeypatch, header, least, most) -> None:
    """What makes no sense is as good as nothing: the second attempt backs off by itself."""
    if isinstance(header, int):  # from now on, as a date
        header = formatdate(time.time() + header, usegmt=True)
    assert least <= waits(desk, monkeypatch, header) <= most


def test_d12_also_where_the_provider_is_down(desk, monkeypatch) -> None:
    assert waits(desk, monkeypatch, "3", status=503) == 3


def test_d12_somebody_who_stops_does_not_wait_for_it(desk) -> None:
    async def stop(answer: str, question: Question) -> None:
        await eventually(lambda: asked(question))
        await in_thread(desk.stop, answer)
        worker.release(await database.read(generation_of, answer))

    async def asked(question: Question) -> bool:
        return bool(await desk.upstream.requests(question))

    async def run() -> None:
        async with provided() as provider:
            worker._provider = provider
            worker.start(desk.place.room, await database.read(generation_of, answer))
            await stop(answer, question)
            await eventually(lambda: not worker.busy, 2)

    worker, question = Worker(), Question({"status": 429, "headers": {"retry-after": "60"}})
    answer = desk.place.post(question).answer
    asyncio.run(run())
