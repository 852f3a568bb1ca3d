"""The dialects of Chat Completions: what each server puts its text, its thoughts, its errors and its end into. An
answer is complete when a word that means so was read and everything that could have been text.

The real SDK reads the bytes; what becomes of such an answer in a room is shown by tests/test_chat_api.py.
"""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rooms.providers import Ended, ProviderError, TextDelta
from rooms.providers.chat import ChatProvider
from rooms.providers.responses import ResponsesProvider

from .canned import encoded, part, said
from .profiles import examples

DONE = b"data: [DONE]\n\n"


def chunk(delta: object = None, finish: object = None, **choice: object) -> dict:
    return {"choices": [{"index": 0, "delta": {} if delta is None else delta, "finish_reason": finish, **choice}]}


def content(text: object, finish: object = None) -> dict:
    return chunk({"content": text}, finish)


def alone(**choice: object) -> dict:
    """A choice without a delta."""
    return {"choices": [{"index": 0, "finish_reason": None, **choice}]}


STOP = chunk(finish="stop")


def asked(*chunks: object, done: bool = True) -> tuple[str, str, str]:
    """(text, reasoning, how it ended) of a stream."""
    return outcome(said(ChatProvider, [*encoded(chunks), *([DONE] if done else [])]))


def outcome(found: list) -> tuple[str, str, str]:
    last = found[-1] if found else None
    if isinstance(last, ProviderError):
        ended = f"raised {last.code}"
    elif isinstance(last, Ended):
        ended = " ".join(filter(None, [last.status, last.failure_code]))
    else:
        ended = "no end"
    return part(found, "text"), part(found, "reasoning"), ended


# -- where the text is -------------------------------------------------------------------------------------------------

TEXT = {"type": "text", "text": "Hi."}
THINKING = {"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]}


@pytest.mark.parametrize(
    ("chunks", "text", "reasoning"),
    [
        ([content([TEXT])], "Hi.", ""),
        ([content(["H", "i."])], "Hi.", ""),
        ([content([{"type": "output_text", "text": "Hi."}])], "Hi.", ""),
        ([content([{"type": "text", "text": {"value": "Hi."}}])], "Hi.", ""),
        ([content({"text": "Hi."})], "Hi.", ""),
        ([content([THINKING]), content("Hi.")], "Hi.", "Hm."),
        ([content([THINKING, TEXT])], "Hi.", "Hm."),
        ([content([{"type": "reasoning", "text": "Hm."}, TEXT])], "Hi.", "Hm."),
        ([content([{"text": "Hm.", "thought": True}, {"text": "Hi."}])], "Hi.", "Hm."),
        ([content([{"type": "image_url", "image_url": {"url": "data:"}}, TEXT])], "Hi.", ""),
        ([content([{"type": "reference", "reference_ids": [1]}, TEXT])], "Hi.", ""),
        ([alone(message={"role": "assistant", "content": "H"}), alone(message={"content": "i."})], "Hi.", ""),
        ([alone(delta=None, message={"content": "Hi."})], "Hi.", ""),
        ([alone(delta={}, message={"content": "Hi.", "reasoning_content": "Hm."})], "Hi.", "Hm."),
        ([alone(text="H"), alone(text="i.")], "Hi.", ""),
        ([chunk("H"), chunk("i.")], "Hi.", ""),
        ([chunk({"refusal": "Hi."})], "Hi.", ""),
        ([{"choices": {"delta": {"content": "Hi."}}}], "Hi.", ""),
        ([[content("H")], [content("i.")]], "Hi.", ""),
        ([{"choices": [{"delta": {"content": "Hi."}}]}], "Hi.", ""),
    ],
)
def test_text_is_read_wherever_it_stands(chunks, text, reasoning) -> None:
    assert asked(*chunks, STOP) == (text, reasoning, "complete")


@pytest.mark.parametrize(
    "delta",
    [
        *(
            {name: "Hm."}
            for name in (
                "reasoning_content",
                "reasoning",
                "reasoning_text",
                "thinking",
                "thinking_content",
                "thought",
                "thoughts",
            )
        ),
        {"reasoning_details": [{"type": "reasoning.text", "text": "Hm.", "signature": "x"}]},
        {"reasoning_details": [{"type": "reasoning.summary", "summary": "Hm."}]},
        {"reasoning": "Hm.", "reasoning_details": [{"type": "reasoning.text", "text": "Hm."}]},
        {"reasoning": "", "reasoning_content": "Hm."},
        {"reasoning": None, "reasoning_details": [{"type": "reasoning.text", "text": "Hm."}]},
        {"reasoning": {"content": "Hm."}},
        {"thinking_blocks": [{"type": "thinking", "thinking": "Hm.", "signature": "x"}]},
        {"content": "Hm.", "extra_content": {"google": {"thought": True}}},
        {"content": "", "reasoning_details": [{"type": "reasoning.text", "text": "Hm."}]},
    ],
    ids=lambda delta: "+".join(delta),
)
def test_thoughts_are_read_under_every_name_and_once(delta) -> None:
    assert asked(chunk(delta), content("Hi."), STOP) == ("Hi.", "Hm.", "complete")


def test_thoughts_that_nobody_can_read_are_none() -> None:
    secret = [{"type": "reasoning.encrypted", "data": "xyz"}, {"type": "redacted_thinking", "data": "xyz"}]
    assert asked(chunk({"reasoning_details": secret}), content("Hi."), STOP) == ("Hi.", "", "complete")


def test_a_message_that_repeats_the_deltas_is_no_text_but_a_proof() -> None:
    """Perplexity sends with each delta all that was said so far."""

    def both(delta: str, message: str, finish: str | None = None) -> dict:
        return chunk({"content": delta}, finish, message={"role": "assistant", "content": message})

    found = said(ChatProvider, [*encoded([both("H", "H"), both("i.", "Hi."), both("", "Hi.", "stop")]), DONE])
    assert outcome(found) == ("Hi.", "", "complete") and found[-1].text == "Hi."
    found = said(ChatProvider, [*encoded([both("H", "H"), both("i.", "i."), STOP]), DONE])
    assert outcome(found) == ("Hi.", "", "complete") and found[-1].text is None, "it repeats each delta only"
    found = said(ChatProvider, [*encoded([both("H", "H"), both("!", "Hi!", "stop")]), DONE])
    assert found[-1].text == "Hi!", "which differs from what was streamed: the answer will fail for it"


def test_a_message_at_the_end_of_messages_is_the_whole_of_them() -> None:
    pieces = [alone(message={"content": text}) for text in ("One ", "two")]
    whole = alone(message={"content": "One two three"}, finish_reason="stop")
    assert asked(*pieces, whole) == ("One two three", "", "complete")


# -- what can't be read ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "odd",
    [
        content(7),
        content(True),
        content([7]),
        content({"unheard": "of"}),
        chunk(7),
        {"choices": ["text"]},
        {"choices": "text"},
        {"choices": [{"delta": {}}, {"delta": {"content": "text"}}]},
        {"content": "text"},
        {"response": "text"},
        {"message": {"role": "assistant", "content": "text"}, "done": False},
        {"type": "response.output_text.delta", "delta": "text"},
        {"data": {"choices": [content("text")]}},
        {"result": "text"},
        "text",
    ],
    ids=str,
)
def test_what_could_be_text_and_cannot_be_read_is_never_passed_over(odd) -> None:
    assert asked(content("Hi."), odd, STOP) == ("Hi.", "", "incomplete upstream")
    assert asked(odd, STOP) == ("", "", "failed upstream")


def test_what_cannot_be_read_is_kept_for_staff_and_bounded() -> None:
    found = said(ChatProvider, encoded([content({"unheard": "of" * 500})] * 1_000 + [STOP]))
    assert "unheard" in found[-1].error and len(found[-1].error) < 2_000


@pytest.mark.parametrize(
    "harmless",
    [
        chunk({"role": "assistant", "content": None}),
        chunk({"content": "", "annotations": [{"url": "x"}], "provider_specific_fields": {"x": "y"}}),
        chunk({"content": "", "context": {"citations": [{"content": "a page"}]}}),
        chunk({"content": ""}, logprobs={"content": [{"token": "x"}]}, content_filter_results={"hate": {}}),
        {"choices": [], "prompt_filter_results": [{"prompt_index": 0}]},
        {"choices": [], "usage": {"prompt_tokens": 3}},
        {"choices": None, "base_resp": {"status_code": 0, "status_msg": "success"}},
        {"type": "ping"},
        {"code": 0, "msg": "success"},
        {"code": 200, "message": "ok"},
        {"status": "processing", "message": "The model is loading"},
        {"id": "gen-1", "object": "chat.completion.chunk", "model": "m"},
    ],
    ids=str,
)
def test_what_is_no_text_harms_nothing(harmless) -> None:
    assert asked(harmless, content("Hi."), harmless, STOP) == ("Hi.", "", "complete")


# -- the end -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("word", "ended"),
    [
        *((word, "complete") for word in ("stop", "STOP", "eos", "end_turn", "stop_sequence", "COMPLETE", " stop ")),
        *((word, "incomplete max_tokens") for word in ("length", "max_tokens", "MAX_TOKENS", "model_length")),
        *((word, "incomplete filtered") for word in ("content_filter", "SAFETY", "sensitive", "RECITATION")),
        *((word, "failed upstream") for word in ("error", "insufficient_system_resource", "network_error")),
        *((word, "incomplete upstream") for word in ("abort", "cancelled", "something_new", "time_limit")),
        *((word, "complete") for word in ("", "null", "NULL", "None", None, 0, {}, [])),
        ({"type": "stop"}, "complete"),
        ({"type": "length"}, "incomplete max_tokens"),
    ],
)
def test_every_word_on_the_end_means_what_it_says(word, ended) -> None:
    """One that is not known is no word for complete; one that is none leaves it to `[DONE]`."""
    assert asked(content("Hi."), chunk(finish=word)) == ("Hi.", "", ended)
    assert asked(content("Hi.", word)) == ("Hi.", "", ended)


@pytest.mark.parametrize("word", ["", "null", None])
def test_an_empty_word_is_no_end(word) -> None:
    assert asked(content("Hi.", word), done=False) == ("Hi.", "", "no end")


USAGE = {"prompt_tokens": 3, "completion_tokens": 4}


@pytest.mark.parametrize("usage", [{}, {"usage": USAGE}])
@pytest.mark.parametrize("word", ["stop", "something_new"])
def test_a_word_with_every_chunk_ends_nothing(word, usage) -> None:
    """All the text is read, and only `[DONE]` proves that it was all."""
    chunks = [chunk({"role": "assistant", "content": ""}, word) | usage]
    chunks += [content(text, word) | usage for text in ("One ", "two ", "three.")]
    whole = "One two three."
    assert asked(*chunks, chunk(finish="stop")) == (whole, "", "complete" if word == "stop" else "incomplete upstream")
    assert asked(*chunks, done=False) == (whole, "", "no end" if word == "stop" else "incomplete upstream")


def test_a_word_with_every_chunk_does_not_end_a_connection_that_breaks() -> None:
    chunks = encoded([content("One ", "stop"), content("two ", "stop")])
    assert outcome(said(ChatProvider, [*chunks, b"data: {"])) == ("One two ", "", "raised upstream")


def test_text_behind_the_end_is_text() -> None:
    late = [content("One "), STOP | {"usage": USAGE}, content("two.")]
    assert asked(*late) == ("One two.", "", "complete")
    assert asked(*late, done=False) == ("One two.", "", "no end")
    assert asked(*late, chunk(finish="length"), done=False) == ("One two.", "", "incomplete max_tokens")


def test_of_several_choices_one_is_the_answer() -> None:
    def choice(index: int, text: str, finish: str | None = None) -> dict:
        return {"index": index, "delta": {"content": text}, "finish_reason": finish}

    both = [{"choices": [choice(1, "Other "), choice(0, "One ")]}, {"choices": [choice(0, "two.", "stop")]}]
    both += [{"choices": [choice(1, "answer.", "length")]}]
    assert asked(*both) == ("One two.", "", "complete")
    counting = [{"choices": [choice(number, f"{number} ")]} for number in range(4)]
    assert asked(*counting) == ("0 ", "", "incomplete upstream"), "or was it the same one under another number?"


def test_a_stream_of_nothing_has_its_end_and_no_text() -> None:
    assert asked() == ("", "", "complete") and asked(done=False) == ("", "", "no end")
    assert asked(chunk({"tool_calls": [{"function": {"name": "f"}}]}), chunk(finish="tool_calls")) == (
        "",
        "",
        "complete",
    )


@pytest.mark.parametrize(
    ("chunks", "wants"),
    [
        ([chunk({"tool_calls": [{"index": 0}]}), STOP], True),
        ([chunk({"function_call": {"name": "f"}}), STOP], True),
        ([chunk(finish="tool_calls")], True),
        ([STOP], False),
    ],
)
def test_a_call_of_a_tool_is_noticed(chunks, wants) -> None:
    assert said(ChatProvider, encoded(chunks))[-1].wants_tool is wants


# -- errors ------------------------------------------------------------------------------------------------------------

FLAT = [
    ({"code": 1301, "msg": "raw words"}, "upstream"),
    ({"code": "429", "message": "raw words"}, "rate_limited"),
    ({"code": "invalid_api_key", "message": "raw words", "request_id": "x"}, "auth"),
    ({"detail": "raw words"}, "upstream"),
    ({"detail": [{"loc": ["body"], "msg": "raw words"}]}, "upstream"),
    ({"error_code": 336, "error_msg": "raw words"}, "upstream"),
    ({"message": "raw words"}, "upstream"),
    ({"object": "error", "message": "raw words", "code": 400}, "bad_request"),
    ({"type": "error", "error": {"type": "overloaded_error", "message": "raw words"}}, "rate_limited"),
    ({"type": "error", "code": "insufficient_quota", "message": "raw words"}, "rate_limited"),
    ({"status": "error", "message": "raw words"}, "upstream"),
    ({"status": 401, "title": "raw words"}, "auth"),
    ({"errors": [{"message": "raw words"}]}, "upstream"),
    ({"error": "raw words"}, "upstream"),
    ({"error": {"message": "raw words", "code": 429}}, "rate_limited"),
    ({"base_resp": {"status_code": 1004, "status_msg": "raw words"}, "choices": None}, "upstream"),
    ({"choices": [], "code": 500, "msg": "raw words"}, "upstream"),
    ({"choices": [{"index": 0, "delta": {"content": ""}, "error": {"message": "raw words", "code": 502}}]}, "upstream"),
]


@pytest.mark.parametrize(("error", "code"), FLAT, ids=[str(error)[:60] for error, _ in FLAT])
def test_an_error_is_an_error_in_whatever_form(error, code) -> None:
    """Before or behind text and words on the end; `[DONE]` ends nothing well any more."""
    found = said(ChatProvider, [*encoded([content("Hi."), error, STOP]), DONE])
    assert outcome(found) == ("Hi.", "", f"failed {code}")
    assert "raw words" in found[-1].error and "raw words" not in found[-1].failure_detail
    assert asked(error) == ("", "", f"failed {code}")
    assert asked(content("Hi."), STOP, error) == ("Hi.", "", f"failed {code}")


@pytest.mark.parametrize(
    "event",
    [
        b'event: error\ndata: {"message": "raw words"}\n\n',
        b'event:error\r\ndata:{"code":"Throttling","message":"raw words"}\r\n\r\n',
        b"event: error\ndata: raw words\n\n",
        b"event: error\ndata: raw\ndata: words\n\n",
        b'event: error\ndata: "raw words"\n\n',
        b'event: Error\ndata: {"choices": [{"delta": {"content": "raw words"}}]}\n\n',
        b"event: server_error\ndata: raw words\n\n",
        b'error: {"code": 500, "message": "raw words"}\n\n',
        b"error: raw words\n",
        b"event: error\n\n",
    ],
)
@pytest.mark.parametrize("provider", [ChatProvider, ResponsesProvider])
def test_an_event_whose_name_says_error_is_an_error_whatever_it_says(event, provider) -> None:
    """`error:` is a field of llama.cpp's."""
    for size in (1, 10_000):
        pieces = [event[start : start + size] for start in range(0, len(event), size)]
        found = said(provider, [*pieces, b"\n\n", DONE])
        assert outcome(found) == ("", "", "failed upstream") or outcome(found)[2] == "failed rate_limited"
        assert event == b"event: error\n\n" or ("raw" in found[-1].error and "words" in found[-1].error)


def test_the_name_of_an_event_holds_for_that_event_only() -> None:
    named = b"event: message\n" + b"".join(encoded([content("Hi.")])) + b"event: ping\n\n: error\n\n"
    assert outcome(said(ChatProvider, [named, *encoded([STOP])])) == ("Hi.", "", "complete")


@pytest.mark.parametrize("size", [1, 10_000])
def test_json_without_its_field_is_read_all_the_same(size) -> None:
    """Behind a line break inside it, or altogether."""
    first = b"data: " + json.dumps(content("H"), indent=1).encode() + b"\n\n"
    whole = first + json.dumps(content("i.")).encode() + b"\n\n" + b"".join(encoded([STOP]))
    pieces = [whole[start : start + size] for start in range(0, len(whole), size)]
    assert outcome(said(ChatProvider, pieces)) == ("Hi.", "", "complete")


# -- no stream ---------------------------------------------------------------------------------------------------------

JSON = {"content-type": "application/json"}
WHOLE = {
    "id": "x",
    "object": "chat.completion",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi.", "reasoning": "Hm."}}],
    "usage": USAGE,
}
RESPONSE = {
    "id": "resp_1",
    "object": "response",
    "status": "completed",
    "output": [
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm."}]},
        {"type": "message", "content": [{"type": "output_text", "text": "Hi."}]},
    ],
}


@pytest.mark.parametrize("headers", [JSON, {"content-type": "text/event-stream"}, {}])
@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("finish", [{}, {"finish_reason": "stop"}, {"finish_reason": "length"}])
def test_a_whole_answer_is_read_where_a_stream_was_asked_for(headers, indent, finish) -> None:
    body = WHOLE | {"choices": [WHOLE["choices"][0] | finish]}
    data = b"\xef\xbb\xbf \r\n" + json.dumps(body, indent=indent).replace("\n", "\r\n").encode()
    for size in (7, 10_000):
        pieces = [data[start : start + size] for start in range(0, len(data), size)]
        ended = "incomplete max_tokens" if "length" in finish.values() else "complete"
        assert outcome(said(ChatProvider, pieces, headers=headers)) == ("Hi.", "Hm.", ended)


@pytest.mark.parametrize(("status", "ended"), [("completed", "complete"), ("incomplete", "incomplete")])
def test_a_whole_response_is_read_where_a_stream_was_asked_for(status, ended) -> None:
    data = json.dumps(RESPONSE | {"status": status}, indent=1).encode()
    found = said(ResponsesProvider, [data], headers=JSON)
    assert (found[-1].status, part(found, "reasoning"), found[-1].text) == (ended, "Hm.", "Hi.")
    failed = said(ResponsesProvider, [json.dumps(RESPONSE | {"status": "failed"}).encode()], headers=JSON)
    assert outcome(failed) == ("", "", "failed upstream")


def test_a_whole_answer_that_is_cut_is_none() -> None:
    data = json.dumps(WHOLE, indent=1).encode()
    assert outcome(said(ChatProvider, [data[:-5]], headers=JSON)) == ("", "", "raised upstream")
    assert outcome(said(ChatProvider, encoded([alone(message={"content": "Hi."})]))) == ("Hi.", "", "no end")
    first = json.dumps(content("Hi.")).encode()
    assert outcome(said(ChatProvider, [first, b"\n"], headers=JSON))[2] == "raised upstream", "a delta is not the whole"


@pytest.mark.parametrize("kind", ["application/x-ndjson", "application/json", "text/plain"])
def test_a_document_in_each_line_is_read(kind) -> None:
    lines = [json.dumps(one).encode() + b"\n" for one in (content("H"), content("i."), STOP)]
    for pieces in (lines, [b"".join(lines)]):
        assert outcome(said(ChatProvider, pieces, headers={"content-type": kind})) == ("Hi.", "", "complete")
    assert outcome(said(ChatProvider, lines[:2], headers=JSON)) == ("Hi.", "", "no end")


@pytest.mark.parametrize("body", [{"error": {"message": "x"}}, {"detail": "Not Found"}, {"code": 1, "msg": "x"}])
@pytest.mark.parametrize("provider", [ChatProvider, ResponsesProvider])
def test_an_error_that_answers_200_is_an_error(body, provider) -> None:
    assert outcome(said(provider, [json.dumps(body).encode()], headers=JSON)) == ("", "", "failed upstream")


# -- all of it, cut anywhere -------------------------------------------------------------------------------------------

steps = st.sampled_from(
    [
        content("One "),
        content([TEXT]),
        chunk({"reasoning": "Hm."}),
        alone(message={"content": "two "}),
        content("<think>"),
        STOP,
        {"usage": USAGE, "choices": []},
        {"type": "ping"},
    ]
)


@pytest.mark.soak
@examples(60)
@given(st.lists(steps, max_size=6), st.booleans(), st.sampled_from(["\n", "\r\n", "\r"]), st.data())
def test_it_does_not_matter_where_a_stream_is_cut(chunks, done, end, data) -> None:
    whole = b"".join([*encoded(chunks), *([DONE] if done else [])]).replace(b"\n", end.encode())
    at = data.draw(st.lists(st.integers(0, len(whole)), max_size=4).map(sorted))
    pieces = [whole[start:stop] for start, stop in zip([0, *at], [*at, len(whole)], strict=True)]
    first, second = said(ChatProvider, [whole]), said(ChatProvider, [piece for piece in pieces if piece])
    assert outcome(first) == outcome(second)
    assert all(isinstance(event, TextDelta) and event.text for event in second[1:-1])
