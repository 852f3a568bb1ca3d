"""An answer without a text is not complete, whatever the provider says, and tells why there is none."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from rooms import actions, frames, log
from rooms.actions import commit_now
from rooms.management.commands import ask
from rooms.worker import Worker

from . import asking
from .asking import Desk
from .fakes import client_id, new_place
from .harness.upstream import Question
from .test_chat_api import DONE, EOF, chunk

NOTHING = "The model ended its answer without a word."
THOUGHT = "The model thought, and ended without an answer."
TOOL = "The model wanted to call a tool, and there is none here."


@pytest.fixture(params=["chat", "responses"])
def desk(request, upstream, alone, settings):
    with asking.configured(settings, upstream):
        settings.OPENAI_API = request.param
        yield Desk(upstream, new_place())


@pytest.mark.parametrize(
    ("steps", "code", "detail"),
    [
        ([{"begin": True}], "empty", NOTHING),
        ([{"text": " \n\n"}], "empty", NOTHING),
        ([{"reasoning": ["Hm."]}], "only_reasoning", THOUGHT),
        ([{"text": "<think>Hm.</think>\n\n"}], "only_reasoning", THOUGHT),
        ([{"text": "<think>Hm."}], "only_reasoning", THOUGHT),
    ],
)
def test_an_answer_without_text_says_why(desk, steps, code, detail) -> None:
    answer = desk.ask(*steps)
    assert (answer.end, answer.detail, answer.row.attempts) == (("failed", code), detail, 1)
    assert answer.row.usage["output"] == 34, "it was paid for all the same"


def test_a_stream_of_nothing_says_that_nothing_came(desk, settings) -> None:
    settings.OPENAI_API = "chat"
    answer = desk.ask({"headers": {}}, DONE, EOF)
    assert (answer.end, answer.detail) == (("failed", "empty"), NOTHING)


def test_a_model_that_only_wants_a_tool_says_so(desk, settings) -> None:
    call = {"type": "function_call", "name": "rm", "arguments": "{}"}
    if settings.OPENAI_API == "chat":
        calls = [{"index": 0, "function": {"name": "rm"}}]
        steps = [{"raw": f"data: {json.dumps({'choices': [{'delta': {'tool_calls': calls}}]})}\n\n"}]
        steps += [chunk(finish="tool_calls"), DONE, EOF]
    else:
        steps = [{"begin": True}, {"completed": {"response": {"output": [call]}}}]
    answer = desk.ask({"reasoning": ["Hm."]}, *steps)
    assert (answer.end, answer.detail, answer.reasoning) == (("failed", "wants_tool"), TOOL, "Hm.")


def test_what_has_a_reason_of_its_own_keeps_it(desk) -> None:
    """All tokens went into the thought."""
    answer = desk.ask({"reasoning": ["Hm."]}, {"incomplete": "max_output_tokens"})
    assert (answer.end, answer.text) == (("incomplete", "max_tokens"), "")


def test_going_on_with_nothing_more_is_complete(desk) -> None:
    first = desk.ask(question=Question(scripts=[[{"text": "It begins"}, {"reset": True}], [{"begin": True}]]))
    frame = frames.Continue(message=first.row.message_id, client_id=client_id())
    receipt = commit_now(actions.continue_answer(desk.place.member, desk.place.room, frame))
    answer = desk.write(receipt.message, first.question)
    assert (answer.end, answer.text) == (("complete", ""), "It begins")


def test_the_reason_is_on_the_wire(desk) -> None:
    answer = desk.ask({"begin": True})
    messages = {message["id"]: message for message in log.snapshot(desk.place.room)["messages"]}
    message = messages[answer.row.message_id]
    assert (message["status"], message["failure"]) == ("failed", {"code": "empty", "detail": NOTHING})


def test_ask_prints_the_reason(desk, monkeypatch) -> None:
    monkeypatch.setattr(ask, "SERVER_TAKES_WITHIN", 0.0)
    monkeypatch.setattr(ask, "worker", Worker())
    out, errors = StringIO(), StringIO()
    with pytest.raises(CommandError, match="The answer is failed."):
        call_command("ask", desk.place.room, Question({"reasoning": ["Hm."]}), stdout=out, stderr=errors)
    assert (out.getvalue(), errors.getvalue()) == ("\n", f"{THOUGHT}\n")
