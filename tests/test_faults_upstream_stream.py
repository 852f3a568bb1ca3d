"""The bytes of the stream: what is no stream of events (D4), what is no event (D5), and what is no text (D7)."""

from __future__ import annotations

import base64
import gzip
import json
import zlib

import pytest

from . import asking
from .asking import Answer, Desk
from .harness.upstream import words

desk = asking.desk

BROKEN = "The model provider sent something unreadable."


def events(*texts: str, final: bool = True) -> list[dict]:
    kinds = [{"type": "response.created", "response": {"id": "resp_1"}}]
    kinds += [{"type": "response.output_text.delta", "delta": text} for text in texts]
    kinds += [{"type": "response.completed", "response": {"id": "resp_1", "status": "completed"}}] if final else []
    return [{**event, "sequence_number": number} for number, event in enumerate(kinds)]


def encoded(*texts: str, end: str = "\n", final: bool = True) -> bytes:
    """A whole answer, as bytes."""
    lines = "".join(
        f"event: {event['type']}{end}data: {json.dumps(event, ensure_ascii=False)}{end}{end}"
        for event in events(*texts, final=final)
    )
    return lines.encode()


def send(desk: Desk, *chunks: bytes, headers: dict | None = None) -> Answer:
    """Exactly these bytes, each of them a chunk of its own."""
    head = [{"headers": headers}] if headers else []
    return desk.ask(*head, *({"base64": base64.b64encode(chunk).decode()} for chunk in chunks), {"eof": True})


def whole(answer: Answer, text: str = "Grüße, 世界 😀.") -> None:
    assert (answer.end, answer.text) == (("complete", ""), text)


TEXTS = ("Grüße, ", "世界 ", "😀.")


# -- D4 ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 100_000])
def test_d4_lines_may_end_and_chunks_may_be_cut_anywhere(desk, end, size) -> None:
    """Also inside a character, and between CR and LF."""
    data = encoded(*TEXTS, end=end)
    whole(send(desk, *(data[start : start + size] for start in range(0, len(data), size))))


def test_d4_line_ends_may_change_from_line_to_line(desk) -> None:
    ends = ["\n\n", "\n\r", "\n\r\n", "\r\n\n", "\r\n\r", "\r\r", "\r\r\n", "\r\n\r\n"]
    texts = [f"{number} " for number in range(2 * len(ends))]
    lines = [f"data: {json.dumps(event)}{ends[n % len(ends)]}" for n, event in enumerate(events(*texts))]
    whole(send(desk, "".join(lines).encode()), "".join(texts))


def test_d4_many_small_events_are_not_one_large_one(desk, settings) -> None:
    """Whatever their line ends."""
    settings.CHATLAB_EVENT_MAX, settings.CHATLAB_ANSWER_MAX = 1_000, 1_000
    for end in ("\n\n", "\r\n\r\n", "\r\r", "\n\r\n"):
        data = "".join(f"data: {json.dumps(event)}{end}" for event in events(*["x"] * 100)).encode()
        whole(send(desk, data), "x" * 100)
        piece = 4 if len(end) < 4 else 1
        whole(send(desk, *(data[start : start + piece] for start in range(0, len(data), piece))), "x" * 100)


@pytest.mark.parametrize("cut", [0, 1, 2])
def test_d4_a_byte_order_mark_is_not_a_part_of_the_first_event(desk, cut) -> None:
    data = b"\xef\xbb\xbf" + b"".join(b"data: " + json.dumps(event).encode() + b"\n\n" for event in events(*TEXTS)[1:])
    whole(send(desk, data[:cut], data[cut:]))


def test_d4_comments_and_fields_nobody_knows_are_passed_over(desk) -> None:
    """An event without data is none, whatever else it says."""
    noise = b": ping\n\n:\n\nretry: 10\n\nid: 7\n\nid\nfoo: bar\nbaz\n\nevent: ping\n\ndata:\n\ndata\n\ndata:  \n\n"
    whole(send(desk, noise + encoded(*TEXTS).replace(b"\n\n", b"\n\n" + noise)))


@pytest.mark.parametrize("size", [1, 100_000])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_d4_data_may_be_spread_over_many_lines(desk, end, size) -> None:
    """With other fields between them; and CR LF is one line end, also where it comes in two pieces."""
    between = f"id: 1{end}: or{end}data:{end}"
    blocks = []
    for event in events(*TEXTS):
        lines = json.dumps(event, indent=1).split("\n")
        blocks.append(between.join(f"data:{line}{end}" for line in lines) + end)
    data = "".join(blocks).encode()
    whole(send(desk, *(data[start : start + size] for start in range(0, len(data), size))))


def test_d4_the_empty_line_behind_the_last_event_may_be_missing(desk) -> None:
    whole(send(desk, encoded(*TEXTS).removesuffix(b"\n")))
    whole(send(desk, encoded(*TEXTS).removesuffix(b"\n\n")))


def test_d4_another_charset_is_only_a_claim(desk) -> None:
    whole(send(desk, encoded(*TEXTS), headers={"content-type": "Text/Event-Stream; charset=iso-8859-1"}))


WRONG_ADDRESS = "The configured address of the model provider leads to no model."
KEY = asking.KEY.encode()  # what is quoted for staff has none in it: the desk looks
HOTEL = b"<!doctype html><title>Sign in to the hotel</title>" + KEY


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/json", b'{"id": "resp_1", "output": []}'),
        ("application/json", b"[]"),
        ("application/json", b""),
        ("application/octet-stream", b"\0\1\2"),
        ("text/plain", b"upstream is starting with " + KEY),
    ],
)
def test_d4_what_is_no_stream_of_events_is_not_read_as_one(desk, kind, body) -> None:
    answer = send(desk, body, headers={"content-type": kind})
    assert (answer.end, answer.text, answer.row.attempts) == (("failed", "upstream"), "", 1)
    assert answer.detail == "The model provider answered with something else than text."
    assert answer.error


@pytest.mark.parametrize("kind", ["text/html", "text/event-stream", "application/json"])
def test_d4_a_page_of_html_comes_from_a_wrong_address(desk, kind) -> None:
    """Whatever it claims to be, and although it answers 200."""
    answer = send(desk, b"\n " + HOTEL, headers={"content-type": kind})
    assert (answer.end, answer.detail, answer.row.attempts) == (("failed", "address"), WRONG_ADDRESS, 1)
    assert kind in answer.error and "hotel" in answer.error


@pytest.mark.parametrize("kind", ["text/plain", "application/json", "application/octet-stream", "application/x-ndjson"])
def test_d4_events_are_read_whatever_they_are_called(desk, kind) -> None:
    whole(send(desk, b"\n\n" + encoded(*TEXTS), headers={"content-type": kind}))


def test_d4_an_empty_body_has_no_end(desk) -> None:
    answer = desk.ask({"headers": {}}, {"eof": True})
    assert (answer.end, answer.row.attempts) == (("interrupted", "upstream"), 2)
    assert answer.detail == "The model provider's stream ended without an end."


@pytest.mark.parametrize("encoding", ["gzip", "GZIP", "x-gzip", "deflate", "gzip, identity"])
@pytest.mark.parametrize("size", [1, 100_000])
def test_d4_compressed_data_that_was_not_asked_for_is_unpacked(desk, encoding, size) -> None:
    pack = zlib.compress if encoding == "deflate" else gzip.compress
    data = pack(encoded(*TEXTS))
    chunks = (data[start : start + size] for start in range(0, len(data), size))
    answer = send(desk, *chunks, headers={"content-type": "text/event-stream", "content-encoding": encoding})
    whole(answer)
    assert desk.requests(answer)[0]["headers"]["accept-encoding"] == "identity"


@pytest.mark.parametrize(
    ("encoding", "detail"),
    [
        ("gzip", "The model provider sent more at once than it may."),
        ("br", "The model provider sent compressed data, which was not asked for."),
        ("gzip, gzip", "The model provider sent compressed data, which was not asked for."),
    ],
)
def test_d4_a_bomb_is_refused_before_it_is_unpacked(desk, encoding, detail) -> None:
    bomb = gzip.compress(encoded("x" * 10_000_000))
    answer = send(desk, bomb, headers={"content-type": "text/event-stream", "content-encoding": encoding})
    assert (answer.end, answer.text, answer.row.attempts) == (("failed", "upstream"), "", 1)
    assert answer.detail == detail


def test_d4_what_claims_to_be_compressed_and_is_not_is_unreadable(desk) -> None:
    headers = {"content-type": "text/event-stream", "content-encoding": "gzip"}
    answer = send(desk, encoded(*TEXTS), headers=headers)
    assert (answer.end, answer.detail) == (("failed", "upstream"), BROKEN)


def test_d4_identity_is_not_compressed(desk) -> None:
    headers = {"content-type": "text/event-stream", "content-encoding": "identity"}
    whole(send(desk, encoded(*TEXTS), headers=headers))


# -- D5 ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [
        '{"type": "response.output_text.delta", "del',
        "not json",
        "9" * 5_000,
        '{"type": "response.in_progress", "x": ' + "[" * 100_000 + "]" * 100_000 + "}",
    ],
    ids=["truncated", "no JSON", "a number of 5,000 digits", "too deep"],
)
@pytest.mark.parametrize("text", ["", "some "])
def test_d5_what_cannot_be_read_breaks_the_answer(desk, data, text) -> None:
    """Before any text it is asked for once more; after that the text stays."""
    steps = [{"text": text}] if text else [{"begin": True}]
    answer = desk.ask(*steps, {"raw": f"data: {data}\n\n"}, {"text": "never"})
    assert answer.end == ("interrupted" if text else "failed", "upstream")
    assert (answer.text, answer.detail, answer.row.attempts) == (text, BROKEN, 1 if text else 2)


@pytest.mark.parametrize(
    "data",
    [
        "null",
        "[]",
        '"text"',
        "1e400",
        "{}",
        '{"type": null}',
        '{"type": []}',
        '{"type": {"a": 1}}',
        '{"type": "response.unheard_of", "delta": "not taken"}',
        '{"type": "response.unheard_of", "response": {"id": 1}}',
        '{"type": "response.output_text.delta"}',
        '{"type": "response.output_text.delta", "delta": null}',
        '{"type": "response.output_text.delta", "delta": 7}',
        '{"type": "response.output_text.delta", "delta": ["x"]}',
        '{"type": "response.output_text.delta", "delta": {"text": "x"}}',
        '{"type": "response.created"}',
        '{"type": "response.created", "response": null}',
        '{"type": "response.created", "response": {"id": null}}',
        '{"type": "response.created", "response": {"id": {"a": 1}}}',
        '{"type": "response.in_progress", "error": null, "sequence_number": 1e400}',
        '{"type": "keepalive", "sequence_number": 3}',
        '{"type": "response.unheard_of", "type": "response.in_progress"}',
    ],
)
def test_d5_what_is_not_known_is_passed_over(desk, data) -> None:
    answer = desk.ask({"text": "a"}, {"raw": f"data: {data}\n\n"}, {"text": "b"})
    assert (answer.end, answer.text) == (("complete", ""), "ab")


@pytest.mark.parametrize(
    "response",
    [
        None,
        [],
        {},
        {"output": None},
        {"output": [], "usage": []},
        {"output": [None, 1, {}, {"content": None}, {"content": [None, {}]}]},
        {"output": "ab", "usage": {"input_tokens": float("inf"), "output_tokens_details": 3}},
    ],
)
def test_d5_an_end_that_says_nothing_is_an_end(desk, response) -> None:
    """Of a content without text the text is empty, and nothing that was streamed may be missing from a final text."""
    answer = desk.ask({"text": "ab"}, {"event": {"type": "response.completed", "response": response}}, {"eof": True})
    says = response == {"output": [None, 1, {}, {"content": None}, {"content": [None, {}]}]}
    assert answer.end == (("failed", "mismatch") if says else ("complete", ""))
    assert (answer.text, answer.row.usage) == ("ab", None)


# -- D7 ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("deltas", "text"),
    [
        (["a\0b"], "a\ufffdb"),
        (["a\ud800", "b"], "a\ufffdb"),
        (["\udc00a"], "\ufffda"),
        (["a\ud83d", "\ude00b"], "a\U0001f600b"),
        (["\ud83d"], "\ufffd"),
        (["\ud83d", "\ud83d", "\ude00"], "\ufffd\U0001f600"),
        (["\ufffe\uffff"], "\ufffe\uffff"),
        (["\u202eabc\u2066", "\u200b\u200d"], "\u202eabc\u2066\u200b\u200d"),
        (["e" + "\u0301" * 10_000], "e" + "\u0301" * 10_000),
        (["👩", "\u200d", "🚀"], "👩\u200d🚀"),
        (["\u2028\u2029\x85\x0b\x0c"], "\u2028\u2029\x85\x0b\x0c"),
    ],
)
@pytest.mark.parametrize("final", ["same", "none"])
def test_d7_text_of_any_kind_arrives_or_is_replaced(desk, deltas, text, final) -> None:
    end = {"completed": {} if final == "same" else {"response": {"output": []}}}
    answer = desk.ask({"text": deltas}, end)
    assert (answer.end, answer.text) == (("complete", ""), text)


def test_d7_bytes_that_are_no_utf8_break_the_answer(desk) -> None:
    answer = desk.ask(
        {"text": "good "},
        {"base64": base64.b64encode(b'data: {"type": "x", "y": "\xff\xfe"}\n\n').decode()},
        {"text": words(2)},
    )
    assert (answer.end, answer.text, answer.detail) == (("interrupted", "upstream"), "good ", BROKEN)
