"""What the provider says twice, leaves out or says in another order (D8), and a final text that differs (D9).

Without background mode nothing can be asked for again: a hole in the numbers is suspicious, and the end decides.
"""

from __future__ import annotations

import json

import pytest

from . import asking

desk = asking.desk

LOST = "A part of the answer was lost on its way here."
MISMATCH = "The provider's final text differs from what it streamed."


def delta(text: str, number: object = None) -> dict:
    event = {"type": "response.output_text.delta", "delta": text}
    return {"event": event if number is None else {**event, "sequence_number": number}}


WITHOUT_TEXT = {"completed": {"response": {"output": []}}}


# -- D8 ----------------------------------------------------------------------------------------------------------------


def test_d8_what_comes_twice_is_said_once(desk) -> None:
    answer = desk.ask({"text": "a"}, {"again": True}, {"again": True}, {"text": "b"}, {"again": True})
    assert (answer.end, answer.text) == (("complete", ""), "ab")


def test_d8_a_piece_that_is_replayed_is_said_once(desk) -> None:
    replay = [delta("a", 4), delta("b", 5)]
    answer = desk.ask({"text": ["a", "b", "c"]}, *replay, {"text": "d"}, {"completed": {}})
    assert (answer.end, answer.text) == (("complete", ""), "abcd")


def test_d8_the_same_word_twice_is_said_twice(desk) -> None:
    answer = desk.ask({"text": ["ha", "ha", "ha"]})
    assert (answer.end, answer.text) == (("complete", ""), "hahaha")


def test_d8_a_hole_is_harmless_where_the_final_text_proves_it(desk) -> None:
    """Gateways take events out of a stream, and leave the numbers as they were."""
    answer = desk.ask({"text": "a"}, {"skip": 20}, {"text": "b"})
    assert (answer.end, answer.text) == (("complete", ""), "ab")


def test_d8_a_hole_where_text_was_lost_fails(desk) -> None:
    answer = desk.ask({"text": "a"}, {"skip": 1}, {"text": "c"}, {"final": "abc"})
    assert (answer.end, answer.text, answer.detail) == (("failed", "mismatch"), "ac", MISMATCH)


def test_d8_a_hole_that_nothing_proves_harmless_is_never_complete(desk) -> None:
    answer = desk.ask({"text": "a"}, {"skip": 1}, {"text": "c"}, WITHOUT_TEXT)
    assert (answer.end, answer.text, answer.detail) == (("interrupted", "upstream"), "ac", LOST)


def test_d8_without_a_hole_an_end_needs_no_proof(desk) -> None:
    answer = desk.ask({"text": "ab"}, WITHOUT_TEXT)
    assert (answer.end, answer.text) == (("complete", ""), "ab")


def test_d8_what_is_out_of_order_is_not_complete(desk) -> None:
    answer = desk.ask({"text": "a"}, delta("c", 6), delta("b", 5), {"skip": 2}, {"final": "abc"})
    assert (answer.end, answer.text) == (("failed", "mismatch"), "acb")


def test_d8_numbers_out_of_order_on_text_in_order_are_believed_less_than_the_final_text(desk) -> None:
    answer = desk.ask({"text": "a"}, delta("b", 6), delta("c", 5), {"skip": 2}, {"final": "abc"})
    assert (answer.end, answer.text) == (("complete", ""), "abc")


@pytest.mark.parametrize(
    "number", [None, 0, -1, 7, "5", 1.5, True, [], {}, 2**63, -(2**63), 10**30], ids=lambda number: repr(number)[:12]
)
def test_d8_a_server_that_does_not_count_is_read_as_it_comes(desk, number) -> None:
    """No number at all, or the same with every event."""

    def sent(kind: str, **fields: object) -> dict:
        event = {"type": kind, **fields} | ({} if number is None else {"sequence_number": number})
        if number is None:
            return {"raw": f"data: {json.dumps(event)}\n\n"}
        return {"event": event}

    created = [sent("response.created", response={"id": "r"}), sent("response.in_progress", response={"id": "r"})]
    texts = [sent("response.output_text.delta", delta=text) for text in ("ha", "ha", "!", "ha")]
    end = [sent("response.completed", response={"id": "r"}), {"eof": True}]
    for begin in (created, []):
        answer = desk.ask(*begin, *texts, *end)
        assert (answer.end, answer.text) == (("complete", ""), "haha!ha")


@pytest.mark.parametrize("number", [0, None, -1, 3])
def test_d8_a_server_that_counts_only_some_events_loses_no_text(desk, number) -> None:
    if number is None:
        odd = {"raw": 'data: {"type": "response.output_text.delta", "delta": "b"}\n\n'}
    else:
        odd = delta("b", number)
    answer = desk.ask({"text": "a"}, odd, {"text": "c"}, {"final": "abc"})
    assert (answer.end, answer.text) == (("complete", ""), "abc")


def test_d8_numbers_that_start_again_lose_no_text(desk) -> None:
    answer = desk.ask({"text": ["a", "b"]}, {"skip": -6}, {"text": ["c", "d"]})
    assert (answer.end, answer.text) == (("complete", ""), "abcd")


@pytest.mark.parametrize("counts", [True, False])
def test_d8_a_keepalive_may_have_a_place_of_its_own_or_not(desk, counts) -> None:
    number = {"sequence_number": 5}
    steps = [{"text": "a"}, {"event": {"type": "keepalive", **number}}, {"skip": 1 if counts else 0}]
    answer = desk.ask(*steps, {"text": "b"}, WITHOUT_TEXT)
    assert (answer.end, answer.text) == (("complete", ""), "ab")


# -- D9 ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("final", ["another", "a", "", "AB", " ab"])
def test_d9_a_final_text_that_differs_fails_and_what_was_read_stays(desk, final) -> None:
    answer = desk.ask({"text": ["a", "b"]}, {"final": final})
    assert (answer.end, answer.text, answer.detail) == (("failed", "mismatch"), "ab", MISMATCH)
    assert answer.row.attempts == 1


@pytest.mark.parametrize(
    ("deltas", "final", "text"),
    [
        (["a", "b"], "abc", "abc"),
        ([], "all of it", "all of it"),
        (["a\ud83d"], "a\U0001f600 and more", "a\U0001f600 and more"),
        (["a\0"], "a\0b", "a\ufffdb"),
    ],
)
def test_d9_what_the_final_text_has_more_is_appended(desk, deltas, final, text) -> None:
    answer = desk.ask({"begin": True}, {"text": deltas}, {"final": final})
    assert (answer.end, answer.text) == (("complete", ""), text)


def test_d9_the_text_of_an_incomplete_answer_is_completed_too(desk) -> None:
    item = {"type": "message", "content": [{"type": "output_text", "text": "as far as it"}]}
    response = {"output": [item], "incomplete_details": {"reason": "max_output_tokens"}}
    end = {"event": {"type": "response.incomplete", "response": response}}
    answer = desk.ask({"text": "as far"}, end, {"eof": True})
    assert (answer.end, answer.text) == (("incomplete", "max_tokens"), "as far as it")


def test_d9_a_filter_that_takes_the_text_back_is_a_filter(desk) -> None:
    item = {"type": "message", "content": [{"type": "output_text", "text": ""}]}
    response = {"output": [item], "incomplete_details": {"reason": "content_filter"}}
    end = {"event": {"type": "response.incomplete", "response": response}}
    answer = desk.ask({"text": "shown"}, end, {"eof": True})
    assert (answer.end, answer.text) == (("incomplete", "filtered"), "shown")


def test_d9_the_end_of_a_part_is_not_the_end_of_the_answer(desk) -> None:
    done = {"event": {"type": "response.output_text.done", "text": "something else"}}
    answer = desk.ask({"text": "ab"}, done)
    assert (answer.end, answer.text) == (("complete", ""), "ab")
