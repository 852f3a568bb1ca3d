"""The providers by themselves: what they cost, that nothing an upstream says can break them, and their small parts."""

from __future__ import annotations

import asyncio
import gzip
import json
import re
from collections.abc import AsyncIterator

import httpx2
import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rooms.providers import Ended, Opened, ProviderError, Request, Resume, TextDelta, describe, errors, models
from rooms.providers.chat import ChatProvider
from rooms.providers.lines import Lines
from rooms.providers.numbers import Numbers
from rooms.providers.responses import ResponsesProvider
from rooms.providers.transport import Unpacked, make_client

from . import asking
from .canned import REQUEST, encoded, said
from .harness.upstream import words
from .profiles import examples

desk = asking.desk


# -- nothing that is said can break them -------------------------------------------------------------------------------

KINDS = [
    *("created", "in_progress", "completed", "incomplete", "failed", "cancelled", "output_text.delta"),
    *("reasoning_summary_text.delta", "reasoning_text.delta", "refusal.delta", "unheard_of"),
]
scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
)
numbers = st.integers(-1, 6) | values


def objects(**fields: st.SearchStrategy) -> st.SearchStrategy:
    """Objects with these fields, each there or not, and now and then something else entirely."""
    return st.fixed_dictionaries({}, optional={name: field | values for name, field in fields.items()}) | values


parts = objects(type=st.sampled_from(["output_text", "refusal"]), text=st.text(max_size=5), refusal=st.text(max_size=5))
responses = objects(
    id=st.text(max_size=5),
    output=st.lists(objects(content=st.lists(parts, max_size=3)), max_size=3),
    error=objects(code=st.text(max_size=5)),
    incomplete_details=objects(reason=st.sampled_from(["max_output_tokens", "content_filter"])),
    usage=objects(input_tokens=st.integers(), output_tokens_details=values),
)
response_events = objects(
    type=st.sampled_from([f"response.{kind}" for kind in KINDS] + ["error", "keepalive"]),
    sequence_number=numbers,
    delta=st.text(max_size=5),
    response=responses,
    code=values,
)
chunks = objects(
    id=values,
    object=st.sampled_from(["error", "chat.completion.chunk"]),
    code=values,
    choices=st.lists(
        objects(
            finish_reason=st.sampled_from(["stop", "length", "error", ""]),
            delta=objects(content=st.text(max_size=5), reasoning=st.text(max_size=5), refusal=st.text(max_size=5)),
        ),
        max_size=2,
    ),
    usage=objects(prompt_tokens=st.integers(), completion_tokens_details=values),
)


def is_well_formed(found: list) -> None:
    """Only what the contract knows, one end at most, and behind it nothing."""
    for number, event in enumerate(found):
        assert isinstance(event, Opened | TextDelta | Ended | ProviderError)
        assert number == len(found) - 1 or not isinstance(event, Ended | ProviderError)
        if isinstance(event, TextDelta):
            assert event.text and isinstance(event.text, str) and event.part in ("text", "reasoning")
            assert event.seq is None or 0 <= event.seq < 2**63
        if isinstance(event, Opened):
            assert len(event.response_id) <= 200 and (event.response_id == "" or event.response_id.isprintable())
        if isinstance(event, Ended):
            assert event.status in ("complete", "incomplete", "failed")
            assert event.error.encode() is not None and "\0" not in event.error
        if isinstance(event, ProviderError):
            assert event.error.encode() is not None and event.detail.endswith(".")


@pytest.mark.soak
@examples(60)
@given(st.lists(response_events, max_size=12), st.booleans(), st.none() | st.integers(0, 5))
def test_whatever_events_come(events: list, background: bool, after: int | None) -> None:
    request = REQUEST if after is None else Request("model", [], resume=Resume("resp_1", after))
    is_well_formed(said(ResponsesProvider, encoded(events), request, background=background))


@pytest.mark.soak
@examples(60)
@given(st.lists(chunks, max_size=12), st.booleans())
def test_whatever_chunks_come(chunks: list, done: bool) -> None:
    is_well_formed(said(ChatProvider, [*encoded(chunks), *([b"data: [DONE]\n\n"] if done else [])]))


@pytest.mark.soak
@examples(60)
@given(st.lists(st.binary(max_size=40) | st.sampled_from([b"data: ", b"\n\n", b"[DONE]", b'{"a": 1}']), max_size=12))
def test_whatever_bytes_come(pieces: list[bytes]) -> None:
    for provider in (ResponsesProvider, ChatProvider):
        is_well_formed(said(provider, pieces))


@pytest.mark.soak
@examples(60)
@given(st.lists(st.text(max_size=6), max_size=6), st.data())
def test_it_does_not_matter_where_the_bytes_are_cut(texts: list[str], data) -> None:
    """And whatever the line ends, and whatever stands between the events."""
    events = [
        {"type": "response.output_text.delta", "delta": text, "sequence_number": n} for n, text in enumerate(texts)
    ]
    end = data.draw(st.sampled_from(["\n", "\r\n", "\r"]))
    noise = data.draw(st.sampled_from(["", ": ping", "retry: 5", "id: 7", "event: x"]))
    lines = "".join(f"{noise}{end}{end}data: {json.dumps(event, ensure_ascii=False)}{end}{end}" for event in events)
    whole = lines.encode("utf-8", "surrogatepass") if lines.isprintable() else lines.encode("utf-8", "replace")
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=6)))
    pieces = [whole[start:stop] for start, stop in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    found = said(ResponsesProvider, [piece for piece in pieces if piece])
    assert "".join(event.text for event in found if isinstance(event, TextDelta)) == "".join(texts)


# -- what they cost ----------------------------------------------------------------------------------------------------


def test_events_are_plain_dicts_and_no_model_is_built(monkeypatch) -> None:
    """`python -m bench upstream` measures what a model for each event would cost."""

    def built(*_: object, **__: object) -> None:
        raise AssertionError("a typed event was built")

    monkeypatch.setattr("openai._models.construct_type", built)
    monkeypatch.setattr("openai._models.validate_type", built)
    text = {"type": "response.output_text.delta", "delta": "a"}
    found = said(ResponsesProvider, encoded([text, text, {"type": "response.completed", "response": {}}]))
    assert [type(event) for event in found] == [TextDelta, TextDelta, Ended]
    chunk = {"choices": [{"delta": {"content": "a"}, "finish_reason": "stop"}]}
    assert [type(event) for event in said(ChatProvider, encoded([chunk]))] == [Opened, TextDelta, Ended]


@pytest.mark.parametrize("api", ["responses", "chat"])
def test_a_connection_is_used_again(desk, settings, api) -> None:
    """Each answer would wait for a handshake with the provider otherwise."""
    settings.OPENAI_API = api
    questions = [asking.Question({"text": words(3)}) for _ in range(3)]

    async def run() -> None:
        async with asking.provided() as provider:
            for question in questions:
                request = Request("m", [("user", question)])
                assert isinstance([event async for event in provider.stream(request)][-1], Ended)

    asyncio.run(run())
    connections = {asyncio.run(desk.upstream.requests(question))[0]["connection"] for question in questions}
    assert len(connections) == 1


def test_the_sdk_asks_once_and_follows_nothing() -> None:
    client = make_client(api_key="key", base_url="http://canned.invalid/v1")
    assert client.max_retries == 0 and client._client.follow_redirects is False
    asyncio.run(client.close())


def test_a_proxy_of_the_environment_is_used(monkeypatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.invalid:3128")
    client = make_client(api_key="key", base_url="https://api.example/v1")
    used = client._client._transport_for_url(httpx2.URL("https://api.example/v1"))
    assert used is not client._client._transport, "the SDK's own way through a proxy"
    asyncio.run(client.close())


@pytest.mark.soak
@examples(60)
@given(st.lists(st.sampled_from([b"\n", b"\r", b"\r\n", b"data: x", b"event: y", b"\xef\xbb\xbf", b""]), max_size=20))
def test_only_what_is_no_data_is_taken_out(pieces: list[bytes]) -> None:
    lines = Lines(1_000)
    events = [event for found in [*map(lines.feed, pieces), lines.end()] for event in found]
    whole = re.split(rb"\r\n|\r|\n", b"".join(pieces).removeprefix(b"\xef\xbb\xbf"))
    assert {name for name, _ in events} <= {None}
    assert [line for _, data in events for line in data.split(b"\n")] == [
        line[5:].strip() for line in whole if line.startswith(b"data:")
    ]


def test_an_answer_in_lines_of_json_is_bounded_by_its_lines() -> None:
    lines = Lines(1_000)
    line = b'{"text": "%b"}\n' % (b"x" * 100)
    assert sum(len(lines.feed(line)) for _ in range(100)) == 100
    with pytest.raises(ProviderError):
        lines.feed(b'{"text": "' + b"x" * 1_001)


@pytest.mark.parametrize("cut", [1, 7, 30, 10_000])
@pytest.mark.parametrize("behind", [b"", b"\0" * 5_000])
async def test_what_is_packed_in_several_members_is_unpacked_to_the_end(cut: int, behind: bytes) -> None:
    packed = gzip.compress(b"one ") + gzip.compress(b"two ") + gzip.compress(b"three") + behind

    class Sent(httpx2.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            for start in range(0, len(packed), cut):
                yield packed[start : start + cut]

    assert b"".join([piece async for piece in Unpacked(Sent())]) == b"one two three"


def test_only_the_beginning_of_a_refusal_is_read() -> None:
    """It may have no end, and all of it would be kept in memory."""
    sent: list[int] = []

    class Endless(httpx2.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            for number in range(1_000):
                sent.append(number)
                yield b"No. \n\n" * 1_000

    class Refusing(httpx2.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
            return httpx2.Response(500, stream=Endless(), request=request)

    async def run() -> None:
        client = make_client(Refusing(), api_key="key", base_url="http://canned.invalid/v1")
        with pytest.raises(ProviderError) as refused:
            await anext(ResponsesProvider(client).stream(REQUEST))
        await client.close()
        assert len(refused.value.error) <= 2_000

    asyncio.run(run())
    assert len(sent) < 20


# -- small parts -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "text", "left"),
    [
        (
            "sk-proj-abcdefghijkl",
            "Incorrect API key provided: sk-proj-********ijkl.",
            "Incorrect API key provided: [key].",
        ),
        ("canary-key-1234567", "Bearer canary-key-1234567!", "Bearer [key]!"),
        ("canary-key-1234567", "The key canary-k*****67, which you sent", "The key [key], which you sent"),
        ("canary-key-1234567", '{"k": "canary-key-1234567"}', '{"k": "[key]"}'),
        ("", "sk-live-of-somebody-else", "[key]"),
        ("short", "a short key", "a [key] key"),
        ("key", "a\0b\ud800c", "a\ufffdb\ufffdc"),
    ],
)
def test_what_staff_read_has_no_key_in_it(settings, key, text, left) -> None:
    settings.OPENAI_API_KEY = key
    assert errors.staff_only(text) == left


def test_what_staff_read_is_not_endless(settings) -> None:
    settings.OPENAI_API_KEY = "canary-key-1234567"
    assert len(errors.staff_only("x" * 10_000)) == 2_000
    assert "canary" not in errors.staff_only("x" * 1_990 + "canary-key-1234567"), "cut after the key was taken out"


def test_every_failure_has_a_code_that_the_protocol_knows() -> None:
    known = ["rate_limited", "auth", "bad_request", "too_long", "filtered", "max_tokens", "timeout", "upstream"]
    told = [*errors._STATUS.values(), *errors._CODES.values(), errors.FAILED, errors.ELSEWHERE]
    assert {code for code, _ in told} <= set(known)
    assert all(detail.endswith(".") and detail[0].isupper() for _, detail in told)


def test_numbers_of_a_server_that_counts() -> None:
    counted = Numbers(None, resumable=True)
    events = [({"type": "response.created", "sequence_number": 0}, None)]
    events += [({"type": "d", "sequence_number": number}, "x") for number in (1, 2, 2, 1, 3)]
    assert [counted.is_new(*event) for event in events] == [True, True, True, False, False, True]
    assert counted.last == 3 and not counted.doubtful
    with pytest.raises(ProviderError) as hole:
        counted.is_new({"type": "d", "sequence_number": 5}, "y")
    assert hole.value.passing and hole.value.code == "upstream"


def test_the_models_of_a_server_are_each_named_once_and_the_default_comes_first(settings) -> None:
    settings.CHATLAB_PROVIDER, settings.CHATLAB_MODEL, settings.CHATLAB_MODELS = "openai", "b", ["a", "b", "c"]
    assert models() == ["b", "a", "c"] == describe()["choices"] and describe()["name"] == "b"


async def test_an_error_names_what_the_sdk_hides() -> None:
    client = make_client(api_key="key", base_url="http://127.0.0.1:1/v1")
    with pytest.raises(openai.APIConnectionError) as raised:
        await client.models.list()
    await client.close()
    told = errors.refusal(raised.value)
    assert told.detail == "The model provider could not be reached." and "ConnectError" in told.error
