"""OPENAI_API=chat: the habits of the servers that speak Chat Completions, each with its outcome. And who may choose
which model.
"""

from __future__ import annotations

import json

import pytest

from rooms import actions, frames
from rooms.actions import commit_now
from rooms.errors import RoomError
from rooms.models import Message

from . import asking
from .asking import Answer, Desk
from .fakes import client_id, new_place
from .harness.upstream import Question, words

FAILED = "The model provider failed."
NO_END = "The model provider's stream ended without an end."


@pytest.fixture
def desk(upstream, alone, settings):
    with asking.configured(settings, upstream):
        settings.OPENAI_API = "chat"
        yield Desk(upstream, new_place())


def chunk(content: object = None, finish: object = None, **more: object) -> dict:
    """One chunk, exactly as it is given."""
    delta = {} if content is None else {"content": content}
    choices = [{"index": 0, "delta": delta, "finish_reason": finish}]
    return {"raw": f"data: {json.dumps({'object': 'chat.completion.chunk', 'choices': choices, **more})}\n\n"}


DONE = {"raw": "data: [DONE]\n\n"}
EOF = {"eof": True}
USAGE = {"prompt_tokens": 3, "completion_tokens": 4, "completion_tokens_details": {"reasoning_tokens": 1}}


def whole(answer: Answer, text: str, usage: dict | None = None) -> None:
    assert (answer.end, answer.text, answer.row.usage) == (("complete", ""), text, usage)


def test_the_request_is_what_such_servers_know(desk) -> None:
    answer = desk.ask({"text": words(3)})
    assert (answer.end, answer.text, answer.row.usage) == (("complete", ""), "w0 w1 w2 ", {"input": 12, "output": 34})
    (request,) = desk.requests(answer)
    assert request["path"] == "/v1/chat/completions"
    body = request["body"]
    assert (body["model"], body["stream"], body["stream_options"]) == ("scripted", True, {"include_usage": True})
    assert [message["role"] for message in body["messages"]] == ["system", "user"]
    assert body["max_tokens"] == 8_192, "the answer is bounded"
    assert set(body) == {"model", "messages", "stream", "stream_options", "max_tokens"}, (
        "servers refuse what they do not know"
    )


# -- the end -----------------------------------------------------------------------------------------------------------


def test_a_finish_reason_is_the_end_also_without_done(desk) -> None:
    whole(desk.ask(chunk("text"), chunk(finish="stop"), EOF), "text")


def test_done_is_the_end_also_without_a_finish_reason(desk) -> None:
    """Ollama and others leave it null on a complete answer. `[DONE]` is what ends a stream of this API."""
    whole(desk.ask(chunk("text"), chunk(""), DONE, EOF), "text")
    whole(desk.ask(chunk("text", finish=""), DONE, EOF), "text")
    whole(desk.ask(chunk("text"), {"raw": "data:[DONE]\r\n\r\n"}, EOF), "text")


def test_neither_is_no_end(desk) -> None:
    answer = desk.ask(chunk("text"), EOF)
    assert (answer.end, answer.text, answer.detail) == (("interrupted", "upstream"), "text", NO_END)


def test_a_text_about_done_is_not_done(desk) -> None:
    answer = desk.ask(chunk("data: [DONE]"), chunk("\ndata: [DONE]\n"), {"raw": ": data: [DONE]\n\n"}, EOF)
    assert (answer.end, answer.text) == (("interrupted", "upstream"), "data: [DONE]\ndata: [DONE]\n")


@pytest.mark.parametrize("accident", ["reset", "truncate"])
def test_what_breaks_behind_the_end_does_not_matter(desk, accident) -> None:
    whole(desk.ask(chunk("text"), chunk(finish="stop"), {accident: True}), "text")


def test_a_server_that_never_closes_has_ended_all_the_same(desk, settings) -> None:
    settings.CHATLAB_SILENCE_TIMEOUT = 30.0
    usage = {"raw": f"data: {json.dumps({'choices': [], 'usage': USAGE})}\n\n"}
    answer = desk.ask(chunk("text"), chunk(finish="stop"), usage, {"wait": "forever"})
    whole(answer, "text", {"input": 3, "output": 4, "reasoning": 1})


def test_one_that_does_not_even_send_its_usage_is_waited_for_as_long_as_a_silence(desk, settings) -> None:
    settings.CHATLAB_SILENCE_TIMEOUT = 0.1
    whole(desk.ask(chunk("text"), chunk(finish="stop"), {"wait": "forever"}), "text")


@pytest.mark.parametrize(
    ("reason", "end", "detail"),
    [
        ("stop", ("complete", ""), ""),
        ("eos", ("complete", ""), ""),
        ("tool_calls", ("complete", ""), ""),
        ("length", ("incomplete", "max_tokens"), "The model reached the longest answer it may give."),
        ("content_filter", ("incomplete", "filtered"), "The provider stopped this answer: its content filter."),
        ("abort", ("incomplete", "upstream"), "The model provider cancelled this answer."),
        ("error", ("failed", "upstream"), FAILED),
        ("failed", ("failed", "upstream"), FAILED),
    ],
)
def test_every_finish_reason_has_its_end(desk, reason, end, detail) -> None:
    answer = desk.ask(chunk("text"), chunk(finish=reason), DONE, EOF)
    assert (answer.end, answer.text, answer.detail) == (end, "text", detail)


def test_the_first_word_on_the_end_counts(desk) -> None:
    answer = desk.ask(chunk("text", finish="length"), chunk(finish="stop"), DONE, EOF)
    assert answer.end == ("incomplete", "max_tokens")


# -- chunks ------------------------------------------------------------------------------------------------------------


def test_usage_comes_with_empty_choices_or_with_every_chunk(desk) -> None:
    last = {"raw": f"data: {json.dumps({'choices': [], 'usage': USAGE})}\n\n"}
    whole(desk.ask(chunk("a"), chunk(finish="stop"), last, DONE, EOF), "a", {"input": 3, "output": 4, "reasoning": 1})
    every = {"usage": {"prompt_tokens": 3, "completion_tokens": 1}}
    counted = chunk("b", usage={"prompt_tokens": 3, "completion_tokens": 2})
    answer = desk.ask(chunk("a", **every), counted, chunk(finish="stop", usage=None), DONE, EOF)
    whole(answer, "ab", {"input": 3, "output": 2})


def test_a_role_comes_first_and_without_text(desk) -> None:
    role = {"index": 0, "delta": {"role": "assistant", "content": None}, "finish_reason": None}
    whole(desk.ask({"event": {"choices": [role]}}, chunk(""), chunk("a"), chunk(finish="stop"), DONE, EOF), "a")


@pytest.mark.parametrize("id", [None, "", 7, {"a": 1}])
def test_an_id_is_not_needed(desk, id) -> None:
    whole(desk.ask(chunk("a", id=id), chunk("b"), chunk(finish="stop", id="other"), DONE, EOF), "ab")


def test_a_first_chunk_without_anything_is_a_beginning(desk, settings) -> None:
    """The time for the first event is over once anything was said."""
    settings.CHATLAB_FIRST_EVENT_TIMEOUT = 0.3
    whole(desk.ask(chunk(), {"wait": 0.5}, chunk("a"), chunk(finish="stop"), DONE, EOF), "a")


@pytest.mark.parametrize("names", [["reasoning_content"], ["reasoning"], ["reasoning_content", "reasoning"]])
def test_what_a_model_thinks_is_reasoning_and_comes_once(desk, names) -> None:
    thoughts = [{"choices": [{"index": 0, "delta": dict.fromkeys(names, text)}]} for text in ("Hm. ", "So.")]
    answer = desk.ask(*({"event": thought} for thought in thoughts), chunk("text"), chunk(finish="stop"), DONE, EOF)
    assert (answer.text, answer.reasoning, answer.end) == ("text", "Hm. So.", ("complete", ""))


def test_a_refusal_is_the_answer(desk) -> None:
    whole(desk.ask({"refusal": ["I can't ", "help."]}), "I can't help.", {"input": 12, "output": 34})


@pytest.mark.parametrize(
    "said",
    [
        {"choices": None},
        {"choices": []},
        {"choices": [None]},
        {"choices": {}},
        {"choices": [{"delta": None}]},
        {"choices": [{"delta": []}]},
        {"choices": [{"delta": {"content": [], "reasoning": 7, "refusal": {}}, "finish_reason": {}}]},
        {"choices": [{"delta": {"tool_calls": [{"function": {"name": "f"}}]}}]},
        {"usage": []},
        {"usage": {"prompt_tokens": "many", "completion_tokens": -1}},
        [],
        None,
        {"error": None},
    ],
)
def test_what_is_not_known_is_passed_over(desk, said) -> None:
    odd = {"raw": f"data: {json.dumps(said)}\n\n"}
    whole(desk.ask(chunk("a"), odd, chunk("b"), chunk(finish="stop"), DONE, EOF), "ab")


# -- errors ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["", "some "])
@pytest.mark.parametrize(
    ("said", "code", "detail"),
    [
        ({"error": {"message": "raw words", "code": 502}}, "upstream", FAILED),
        ({"error": {"message": "raw words", "code": "rate_limit_exceeded"}}, "rate_limited", "The model is busy."),
        ({"error": {"message": "raw words", "code": "429"}}, "rate_limited", "The model is busy."),
        ({"error": "raw words"}, "upstream", FAILED),
        ({"object": "error", "message": "raw words", "code": 400}, "bad_request", None),
    ],
)
def test_an_error_in_the_stream_ends_the_answer(desk, text, said, code, detail) -> None:
    steps = [chunk(text)] if text else [chunk()]
    answer = desk.ask(*steps, {"raw": f"data: {json.dumps(said)}\n\n"}, DONE, EOF)
    assert (answer.end, answer.text, answer.row.attempts) == (("failed", code), text, 1)
    assert answer.detail == (detail or "The model provider did not understand the request.")
    assert "raw words" in answer.error


@pytest.mark.parametrize("status", [400, 401, 404, 429, 500])
def test_a_refusal_is_read_as_everywhere(desk, status) -> None:
    answer = desk.ask({"status": status, "body": {"detail": "as FastAPI says it"}})
    codes = {400: "bad_request", 401: "auth", 404: "bad_request", 429: "rate_limited", 500: "upstream"}
    assert answer.end == ("failed", codes[status])


def test_a_broken_connection_is_asked_again_before_text_only(desk) -> None:
    answer = desk.ask(question=Question(scripts=[[{"reset": True}], [{"text": "second"}]]))
    assert (answer.end, answer.text, answer.row.attempts) == (("complete", ""), "second", 2)
    answer = desk.ask(chunk("some"), {"reset": True})
    assert (answer.end, answer.text, answer.row.attempts) == (("interrupted", "upstream"), "some", 1)


# -- turns -------------------------------------------------------------------------------------------------------------


def test_user_and_assistant_take_turns(desk) -> None:
    """A question whose answer stayed empty is followed by a question. Many templates refuse that."""
    desk.ask({"status": 400})
    answer = desk.ask({"text": "a"})
    (request,) = desk.requests(answer)
    assert [message["role"] for message in request["body"]["messages"]] == ["system", "user"]
    first, second = request["body"]["messages"][1]["content"].split("\n\n")
    assert json.loads(first) and second == answer.question


def test_going_on_is_asked_for_by_a_user(desk) -> None:
    """Many templates know a system message at the beginning only, or none."""
    first = desk.ask(chunk("It begins"), EOF)
    frame = frames.Continue(message=first.row.message_id, client_id=client_id())
    receipt = commit_now(actions.continue_answer(desk.place.member, desk.place.room, frame))
    answer = desk.write(receipt.message, first.question)
    turns = desk.requests(answer)[-1]["body"]["messages"]
    assert [turn["role"] for turn in turns] == ["system", "user", "assistant", "user"]
    assert turns[2]["content"] == "It begins" and "Go on exactly where it stops" in turns[3]["content"]
    assert answer.text == "It beginsIt begins"


# -- models ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("api", ["chat", "responses"])
def test_the_rooms_model_and_a_questions_model_reach_the_request(desk, settings, api) -> None:
    settings.OPENAI_API, settings.CHATLAB_MODELS = api, ["small", "org/large:8b"]

    def asked(**fields: object) -> tuple[str, str, str]:
        question = Question({"text": "a"})
        answer = desk.write(desk.place.post(question, **fields).answer, question)
        opened = json.loads(Message.objects.get(pk=answer.row.message_id).deltas.get(kind="started").payload)
        return desk.requests(answer)[0]["body"]["model"], answer.row.model, opened["model"]

    assert asked() == ("scripted",) * 3, "the default model"
    change = frames.ChangeRoom(model="org/large:8b")
    commit_now(actions.change_room(desk.place.member, desk.place.room, change))
    assert asked() == ("org/large:8b",) * 3, "the room's"
    assert asked(model="small") == ("small",) * 3, "the question's"
    assert asked() == ("org/large:8b",) * 3


def test_a_model_that_is_not_on_the_list_is_refused(desk, settings) -> None:
    settings.CHATLAB_MODELS = ["small"]
    head = desk.place.head
    for name in ("gpt-of-somebody-else", "", " small", "small\0", "a" * 500):
        with pytest.raises(RoomError):
            desk.place.post("Why?", model=name)
        if name:
            with pytest.raises(RoomError):
                change = frames.ChangeRoom(model=name)
                commit_now(actions.change_room(desk.place.member, desk.place.room, change))
    assert desk.place.head == head, "and nothing of it stands in the log"


def test_a_room_whose_model_was_taken_off_the_list_asks_for_what_it_was_told(desk, settings) -> None:
    """What the room says stands in its log. The provider may still know it; where not, it says so."""
    settings.CHATLAB_MODELS = ["small"]
    commit_now(actions.change_room(desk.place.member, desk.place.room, frames.ChangeRoom(model="small")))
    settings.CHATLAB_MODELS = []
    answer = desk.ask({"text": "a"})
    assert desk.requests(answer)[0]["body"]["model"] == "small"
