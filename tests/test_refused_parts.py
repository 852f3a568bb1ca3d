"""A server that refuses a part of the request is asked again without that part, within the same attempt; and is not
sent it again.
"""

from __future__ import annotations

import secrets

import pytest

from rooms import actions, frames
from rooms.actions import commit_now
from rooms.providers import refused

from . import asking
from .asking import Answer, Desk
from .fakes import client_id
from .harness.upstream import Question

desk = asking.desk


@pytest.fixture(autouse=True)
def nothing_is_known(desk, settings) -> None:
    """Of a model of this test alone."""
    settings.CHATLAB_MODEL = f"strict-{secrets.token_hex(4)}"


def refusing(*refusals: dict) -> Question:
    return Question(scripts=[*([refusal] for refusal in refusals), [{"text": "a"}]])


def said(message: str, param: str | None = None, status: int = 400, **more: object) -> dict:
    return {"status": status, "body": {"error": {"message": message, "param": param, "code": None, **more}}}


def extra(name: str) -> dict:
    """As pydantic says it, with what was sent."""
    detail = {
        "type": "extra_forbidden",
        "loc": ["body", name],
        "msg": "Extra inputs are not permitted",
        "input": "store",
    }
    return {"status": 422, "body": {"detail": [detail]}}


def bodies(desk: Desk, answer: Answer) -> list[dict]:
    return [request["body"] for request in desk.requests(answer)]


CHAT = [
    ("stream_options", extra("stream_options")),
    ("stream_options", said("Unrecognized request argument supplied: stream_options")),
    ("stream_options", {"status": 400, "body": "unknown field `stream_options`"}),
    ("stream", said("Streaming is not supported for this model.", status=501)),
    ("stream", said("Unsupported value: 'stream' does not support true with this model.", "stream")),
]
RESPONSES = [
    ("store", extra("store")),
    ("store", said("Unknown parameter: 'store'.", "store", code="unknown_parameter")),
    ("instructions", said("Unsupported parameter: 'instructions'", "instructions", 404)),
    ("instructions", said("System role not supported")),
    ("reasoning", said("Your organization must be verified to generate reasoning summaries.", "reasoning.summary")),
    ("reasoning", said("Unsupported parameter: 'reasoning.summary' is not supported with this model.")),
]


@pytest.mark.parametrize(
    ("api", "part", "refusal"), [("chat", *row) for row in CHAT] + [("responses", *row) for row in RESPONSES]
)
def test_a_part_that_is_refused_is_left_out_and_not_sent_again(desk, settings, api, part, refusal) -> None:
    settings.OPENAI_API, settings.CHATLAB_MODEL = api, f"gpt-5-{settings.CHATLAB_MODEL}"
    answer = desk.ask(question=refusing(refusal))
    first, second = bodies(desk, answer)
    assert (answer.end, answer.text, answer.row.attempts) == (("complete", ""), "a", 1)
    assert part in first and not second.get(part, False)
    if part != "stream":
        assert {name for name in first if name not in second} == {part}
    (third,) = bodies(desk, desk.ask({"text": "b"}))
    assert third.keys() == second.keys() and not third.get(part, False), "it is remembered"
    settings.CHATLAB_MODEL += "-other"
    (fourth,) = bodies(desk, desk.ask({"text": "b"}))
    assert part in fourth and fourth.get("stream"), "of that model"


def test_several_parts_are_refused_one_after_the_other(desk, settings) -> None:
    settings.OPENAI_BACKGROUND = True
    settings.CHATLAB_MODEL = f"o3-{settings.CHATLAB_MODEL}"
    parts = ["background", "reasoning", "instructions"]
    answer = desk.ask(question=refusing(*(said(f"Unsupported parameter: '{part}'", part) for part in parts)))
    assert (answer.end, answer.text, answer.row.attempts) == (("complete", ""), "a", 1)
    last = bodies(desk, answer)[-1]
    assert set(last) == {"model", "input", "stream", "store", "max_output_tokens"} and last["store"] is False, (
        "nothing is kept for nothing"
    )
    assert not answer.row.background and answer.row.response_id == "", "so it can't be resumed"


SYSTEM = [
    said("System role not supported"),
    said("Unsupported value: 'messages[0].role' does not support 'system' with this model.", "messages[0].role"),
    said("Conversation roles must alternate user/assistant/user/assistant/..."),
    said("System role not supported", status=500),
    {
        "status": 400,
        "body": {
            "object": "error",
            "message": "[{'loc': ('body', 'messages', 0, 'role'), 'msg': \"Input should be 'user'\"}]",
        },
    },
]


@pytest.mark.parametrize("refusal", SYSTEM)
def test_a_server_that_knows_no_system_role_is_told_by_the_first_question(desk, settings, refusal) -> None:
    settings.OPENAI_API = "chat"
    answer = desk.ask(question=refusing(refusal))
    first, second = (body["messages"] for body in bodies(desk, answer))
    assert [turn["role"] for turn in first] == ["system", "user"] and [turn["role"] for turn in second] == ["user"]
    assert second[0]["content"] == f"{first[0]['content']}\n\n{first[1]['content']}"
    assert (answer.end, answer.row.attempts) == (("complete", ""), 1)


def test_a_server_that_knows_no_developer_is_asked_by_a_user_to_go_on(desk) -> None:
    refusal = said("Invalid value: 'developer'. Supported roles are: user.")
    first = desk.ask(question=Question(scripts=[[{"text": "It begins"}, {"eof": True}], [refusal], [{"text": "."}]]))
    frame = frames.Continue(message=first.row.message_id, client_id=client_id())
    receipt = commit_now(actions.continue_answer(desk.place.member, desk.place.room, frame))
    answer = desk.write(receipt.message, first.question)
    assert (answer.end, answer.text) == (("complete", ""), "It begins.")
    roles = [[turn["role"] for turn in body["input"]] for body in bodies(desk, answer)[1:]]
    assert roles == [["user", "assistant", "developer"], ["user", "assistant", "user"]]


@pytest.mark.parametrize(
    "refusal",
    [
        said("raw words"),
        said("The model `store` does not exist", "model", 404),
        said("Unknown parameter: 'temperature'.", "temperature"),
        said("stream_options is not supported", status=401),
        said("stream_options is not supported", status=503),
        {"status": 400, "body": {"detail": [{"loc": ["body", "model"], "msg": "invalid", "input": {"store": False}}]}},
    ],
)
def test_nothing_else_is_asked_again(desk, settings, refusal) -> None:
    settings.CHATLAB_ATTEMPTS = 1
    for api in ("chat", "responses"):
        settings.OPENAI_API = api
        answer = desk.ask(refusal)
        assert answer.row.status == "failed" and len(desk.requests(answer)) in (1, 2)


def test_a_part_whose_leaving_out_mends_nothing_is_sent_the_next_time(desk, settings) -> None:
    settings.OPENAI_API = "chat"
    answer = desk.ask(said("stream_options is not supported"))
    assert (answer.end, len(desk.requests(answer))) == (("failed", "bad_request"), 2)
    assert "stream_options" in bodies(desk, desk.ask({"text": "a"}))[0]


BOUND = [
    said("Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."),
    extra("max_tokens"),
]


@pytest.mark.parametrize("refusal", BOUND)
def test_how_long_an_answer_may_be_is_said_by_its_other_name_and_never_left_out(desk, settings, refusal) -> None:
    settings.OPENAI_API, settings.CHATLAB_ANSWER_TOKENS = "chat", 77
    answer = desk.ask(question=refusing(refusal))
    again = desk.ask({"text": "b"})
    names = [{name: body[name] for name in body if name.startswith("max_")} for body in bodies(desk, answer)]
    assert names == [{"max_tokens": 77}, {"max_completion_tokens": 77}] and answer.row.attempts == 1
    assert bodies(desk, again)[0]["max_completion_tokens"] == 77
    settings.CHATLAB_MODEL += "-refuses-both"
    both = desk.ask(question=refusing(refusal, extra("max_completion_tokens")))
    assert both.end == ("failed", "bad_request") and len(desk.requests(both)) == 2


@pytest.mark.parametrize("api", ["chat", "responses"])
def test_how_long_an_answer_may_be_is_always_sent(desk, settings, api) -> None:
    settings.OPENAI_API = api
    first = desk.ask(question=Question(scripts=[[{"text": "It begins"}, {"eof": True}], [{"text": "."}]]))
    frame = frames.Continue(message=first.row.message_id, client_id=client_id())
    receipt = commit_now(actions.continue_answer(desk.place.member, desk.place.room, frame))
    answer = desk.write(receipt.message, first.question)
    name = {"chat": "max_tokens", "responses": "max_output_tokens"}[api]
    assert [body[name] for body in bodies(desk, answer)] == [8_192] * 2


@pytest.mark.parametrize(
    ("model", "asks"),
    [
        *(
            (model, True)
            for model in ("gpt-5", "gpt-5.2-mini", "o3", "o4-mini", "openai/gpt-5", "codex-mini", "gpt-oss-120b")
        ),
        *((model, False) for model in ("gpt-4.1", "llama3", "opus", "scripted", "mistral-o3x")),
    ],
)
def test_openais_models_that_think_are_asked_for_a_summary(desk, settings, model, asks) -> None:
    settings.CHATLAB_MODEL = model
    (body,) = bodies(desk, desk.ask({"text": "a"}))
    assert body.get("reasoning") == ({"summary": "auto"} if asks else None)


def test_the_names_of_who_speaks_stand_in_the_text_where_the_field_is_refused() -> None:
    body = {"model": "m", "messages": [{"role": "user", "content": "Why?", "name": "Ada"}]}
    assert refused.without(body, {"name"})["messages"] == [{"role": "user", "content": 'Message from "Ada":\n\nWhy?'}]
