"""The scripted provider itself, asked by the real SDK: what the other tests rely on."""

from __future__ import annotations

import openai
import pytest

from .harness.upstream import Question, words


@pytest.fixture
async def sdk(upstream):
    async with openai.AsyncOpenAI(api_key="test-key", base_url=upstream.base_url, max_retries=0) as client:
        yield client


async def events(sdk, question: str, **options) -> list:
    """All events of one answer, and as the last entry the exception that ended it, if one did."""
    found = []
    try:
        async with await sdk.responses.create(model="m", input=question, stream=True, **options) as stream:
            async for event in stream:
                found.append(event)
    except openai.OpenAIError as error:
        found.append(error)
    return found


def text(found: list) -> str:
    return "".join(event.delta for event in found if getattr(event, "type", "") == "response.output_text.delta")


async def test_a_normal_answer_has_every_event_in_order_and_numbered(sdk):
    found = await events(sdk, Question({"text": words(3)}))
    assert [event.type.removeprefix("response.") for event in found] == [
        "created",
        "in_progress",
        "output_item.added",
        "content_part.added",
        *["output_text.delta"] * 3,
        "output_text.done",
        "content_part.done",
        "output_item.done",
        "completed",
    ]
    assert [event.sequence_number for event in found] == list(range(11))
    assert found[-1].response.output_text == "w0 w1 w2 " and found[-1].response.usage.output_tokens == 34


async def test_a_question_without_a_script_is_echoed(sdk):
    assert text(await events(sdk, "hello")) == "You said: hello"


async def test_a_queue_of_scripts_goes_before_the_question(upstream, sdk):
    await upstream.control("script", {"model": "queued", "script": [{"text": "scripted"}]})
    stream = await sdk.responses.create(model="queued", input="hello", stream=True)
    assert text([event async for event in stream]) == "scripted"
    assert text(await events(sdk, "hello")) == "You said: hello"


async def test_surrogates_are_split_and_null_is_null(sdk):
    found = await events(sdk, Question({"text": ["a\ud83d", "\ude00"]}, {"delta": None}))
    assert [event.delta for event in found if event.type.endswith("text.delta")] == ["a\ud83d", "\ude00", None]


@pytest.mark.parametrize("accident", ["reset", "truncate"])
async def test_an_accident_is_an_error_of_the_connection(accident, sdk):
    found = await events(sdk, Question({"text": "abc"}, {accident: True}))
    assert isinstance(found.pop(), openai.APIConnectionError) and text(found) == "abc"


async def test_an_end_without_an_end_is_silent(sdk):
    assert (await events(sdk, Question({"text": "abc"}, {"eof": True})))[-1].type == "response.output_text.delta"


@pytest.mark.parametrize(
    ("step", "kind"),
    [
        ({"failed": {"code": "server_error"}}, "response.failed"),
        ({"incomplete": "max_output_tokens"}, "response.incomplete"),
        ({"error": {"message": "no"}}, "error"),
        ({"final": "another text"}, "response.completed"),
        ({"refusal": ["no"]}, "response.completed"),
        ({"event": {"type": "response.unheard_of"}}, "response.completed"),
    ],
)
async def test_every_end_can_be_told(step, kind, sdk):
    assert (await events(sdk, Question({"text": "abc"}, step)))[-1].type == kind


async def test_a_status_comes_with_its_headers_and_body(sdk):
    (error,) = await events(sdk, Question({"status": 429, "headers": {"retry-after": "7"}}))
    assert error.status_code == 429 and error.response.headers["retry-after"] == "7"


async def test_the_second_call_gets_the_second_script(sdk):
    question = Question(scripts=[[{"status": 503}], [{"text": "second"}]])
    assert (await events(sdk, question))[0].status_code == 503
    assert text(await events(sdk, question)) == "second"


async def test_sequence_numbers_can_be_wrong(sdk):
    question = Question({"text": ["a", "b"]}, {"again": True}, {"skip": 5}, {"text": "c"}, {"skip": -9}, {"text": "d"})
    found = await events(sdk, question)
    numbers = [event.sequence_number for event in found if event.type.endswith("text.delta")]
    assert numbers == [4, 5, 5, 11, 3]


async def test_a_background_answer_goes_on_without_its_connection_and_is_resumed_exactly(upstream, sdk):
    gate = Question().gate()
    question = Question({"text": words(3)}, {"reset": True}, {"gate": gate}, {"text": words(3, 3)})
    first = await events(sdk, question, background=True, store=True)
    assert isinstance(first.pop(), openai.APIConnectionError) and text(first) == "w0 w1 w2 "
    await upstream.open(gate)
    answer, last = first[0].response.id, first[-1].sequence_number
    rest = [event async for event in await sdk.responses.retrieve(answer, stream=True, starting_after=last)]
    assert text(rest) == "w3 w4 w5 " and rest[0].sequence_number == last + 1
    assert (await sdk.responses.retrieve(answer)).status == "completed"


async def test_a_background_answer_can_be_cancelled(sdk):
    question = Question({"text": "a"}, {"wait": "forever"})
    found = []
    async for event in await sdk.responses.create(model="m", input=question, stream=True, background=True):
        found.append(event)
        if event.type == "response.output_text.delta":
            assert (await sdk.responses.cancel(found[0].response.id)).status == "cancelled"
    assert text(found) == "a"


async def test_the_log_says_when_the_client_closed(upstream, sdk):
    question = Question({"text": "a"}, {"wait": "forever"})
    stream = await sdk.responses.create(model="m", input=question, stream=True)
    async for event in stream:
        if event.type == "response.output_text.delta":
            break
    assert (await upstream.requests(question))[0]["closed_at"] is None
    await stream.close()
    entry = await upstream.closed(question, within=2)
    assert entry["closed_at"] is not None and entry["authorized"] and "test-key" not in str(entry)


async def test_chat_completions_stream_with_usage_and_an_end(sdk):
    question = Question({"text": ["h", "i"]}, {"usage": {"output": 2}})
    asked = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": question}]
    options = {"stream": True, "stream_options": {"include_usage": True}}
    chunks = [chunk async for chunk in await sdk.chat.completions.create(model="m", messages=asked, **options)]
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == "hi"
    assert chunks[-2].choices[0].finish_reason == "stop" and chunks[-1].usage.completion_tokens == 2
