"""<think>...</think> at the beginning of an answer is reasoning, wherever the deltas cut it. Elsewhere it is text."""

from __future__ import annotations

import secrets

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rooms.providers import Request
from rooms.providers.chat import ChatProvider
from rooms.providers.responses import ResponsesProvider
from rooms.providers.thinking import Thinking, closes_unopened

from . import asking
from .canned import encoded, part, said
from .profiles import examples

desk = asking.desk


def split(*texts: str, first: bool = False) -> tuple[str, str]:
    """(reasoning, text)"""
    thinking = Thinking(first=first)
    pieces = [piece for text in texts for piece in thinking.feed(text)] + thinking.end()
    assert all(text for _, text in pieces)
    return tuple("".join(text for of, text in pieces if of == name) for name in ("reasoning", "text"))


def everywhere(text: str, first: bool = False) -> tuple[str, str]:
    """The same whether it comes at once, in two pieces cut anywhere, or character by character."""
    whole = split(text, first=first)
    assert split(*text, first=first) == whole
    for at in range(len(text)):
        assert split(text[:at], text[at:], first=first) == whole, text[at:]
    return whole


BOTH = ("Hm.\nSo?", "Hi.")


@pytest.mark.parametrize(
    ("opening", "closing"),
    [
        *(
            (f"<{name}>", f"</{name}>")
            for name in ("think", "thinking", "thought", "reasoning", "reason", "seed:think")
        ),
        ("<Think>", "</THINK>"),
        ("[THINK]", "[/THINK]"),
        ("◁think▷", "◁/think▷"),
        ("<|begin_of_thought|>", "<|end_of_thought|>"),
        ("<|START_THINKING|>", "<|END_THINKING|>"),
        ("<|channel|>analysis<|message|>", "<|end|><|start|>assistant<|channel|>final<|message|>"),
    ],
)
def test_what_stands_between_tags_at_the_beginning_is_reasoning(opening, closing) -> None:
    assert everywhere(f"{opening}Hm.\nSo?{closing}Hi.") == BOTH
    assert everywhere(f"\n {opening}\nHm.\nSo?\n\n{closing}\n\n Hi.") == ("Hm.\nSo?", " Hi.")


@pytest.mark.parametrize(
    ("text", "reasoning", "left"),
    [
        ("<think></think>Hi.", "", "Hi."),
        ("<think>\n\n</think>\n\nHi.", "", "Hi."),
        ("<think>One.</think>\n<think>Two.</think>\nHi.", "One.Two.", "Hi."),
        ("<think>Hm.</think>\n\n    code", "Hm.", "    code"),
        ("<think>Hm.</think> Hi.", "Hm.", "Hi."),
        ("<think>a < b </thin></thought> c</think>Hi.", "a < b </thin></thought> c", "Hi."),
        ("<think>Hm.", "Hm.", ""),
        ("<think>Hm.</think", "Hm.</think", ""),
        ("<think>Hm.</think>\n\n", "Hm.", ""),
        ("<think>İ K</think>İ", "İ K", "İ"),
    ],
)
def test_blanks_around_a_thought_are_none_of_the_answer(text, reasoning, left) -> None:
    assert everywhere(text) == (reasoning, left)


@pytest.mark.parametrize(
    "text",
    [
        "Hi. <think>Hm.</think>",
        "`<think>` opens it.",
        "```\n<think>Hm.</think>\n```",
        "    <thin",
        "<thinker>Hm.</thinker>",
        "<",
        "< think>",
        "  \n  ",
        "",
        "</think>Hi.",
        "<b>Hi.</b>",
        "[think about it](x)",
        "> <think>",
    ],
)
def test_elsewhere_and_in_code_a_tag_is_text(text) -> None:
    assert everywhere(text) == ("", text)


def test_a_thousand_blanks_are_not_held_back_for_a_tag_that_may_come() -> None:
    assert split(" " * 2_000)[1] and Thinking().feed(" " * 2_000)


@pytest.mark.parametrize(
    ("text", "reasoning", "left"),
    [
        ("Hm.\nSo?\n</think>\n\nHi.", "Hm.\nSo?", "Hi."),
        ("Hm.</thinking>Hi.", "Hm.", "Hi."),
        ("<think>Hm.</think>Hi.", "Hm.", "Hi."),
        ("\n<think>\nHm.</think>Hi.", "Hm.", "Hi."),
        ("</think>Hi.", "", "Hi."),
        ("Hm.</think><think>So?</think>Hi.", "Hm.So?", "Hi."),
        ("Hi, no thought.", "Hi, no thought.", "Hi, no thought."),
        ("", "", ""),
    ],
)
def test_where_it_is_known_to_begin_inside_only_the_closing_tag_is_needed(text, reasoning, left) -> None:
    """If none comes, it was no thought: all of it is the answer, too, and nothing is lost."""
    assert everywhere(text, first=True) == (reasoning, left)


@examples(100)
@given(st.lists(st.sampled_from(["<think>", "</think>", "<thi", "nk>", "a", " ", "\n", "İ", "<|channel|>", "`"])))
@pytest.mark.soak
def test_it_does_not_matter_where_the_tags_are_cut(pieces) -> None:
    text = "".join(pieces)
    for first in (False, True):
        assert split(*pieces, first=first) == split(text, first=first) == split(*text, first=first)


@pytest.mark.parametrize(
    ("text", "closes"),
    [
        ("Hm.\n</think>\n\nHi.", True),
        ("Hm.</think>Hi.", True),
        ("Hm.</think>", True),
        ("The tag </think> closes it.", False),
        ("`</think>` closes it.", False),
        ("```\nHm.\n</think>\n```\n", False),
        ("<think>Hm.</think>Hi.", False),
        ("It ends with <think>Hm.</think>\n", False),
        ("Hi.", False),
    ],
)
def test_an_answer_that_only_closes_a_thought_is_told_from_one_that_speaks_of_it(text, closes) -> None:
    assert closes_unopened(text) is closes


# -- in an answer ------------------------------------------------------------------------------------------------------


def chat(*texts: str, name: str, **delta: str) -> tuple[str, str]:
    chunks = [{"choices": [{"delta": {"content": text}}]} for text in texts]
    if delta:
        chunks.insert(0, {"choices": [{"delta": delta}]})
    chunks.append({"choices": [{"delta": {}, "finish_reason": "stop"}]})
    found = said(ChatProvider, encoded(chunks), Request(name, [("user", "Why?")]))
    return part(found, "reasoning"), part(found, "text")


@pytest.fixture
def name() -> str:
    """A model that nothing is known of yet."""
    return f"thinker-{secrets.token_hex(4)}"


def test_the_second_answer_of_a_model_that_only_closes_its_thoughts_is_told_apart_live(name, caplog) -> None:
    """What was shown of the first one as text is not taken back; its tag is text, too."""
    deltas = ("Hm.\n", "</thi", "nk>\n\nHi.")
    assert chat(*deltas, name=name) == ("", "".join(deltas))
    assert f"{name} begins its answers with a thought" in caplog.text and "CHATLAB_THINKS_FIRST" in caplog.text
    assert chat(*deltas, name=name) == ("Hm.", "Hi.")
    assert chat("Hi ", "there.", name=name) == ("Hi there.", "Hi there."), "nothing is lost, if it thinks no more"
    assert chat("Hi ", "there.", name=name) == ("", "Hi there."), "and from then on it does not"


def test_a_model_that_settings_name_is_told_apart_from_the_start(name, settings) -> None:
    settings.CHATLAB_THINKS_FIRST = [name]
    assert chat("Hm.\n</thi", "nk>\n\nHi.", name=name) == ("Hm.", "Hi.")


def test_a_thought_that_is_cut_is_not_the_answer(name, settings) -> None:
    """Where a model is known to begin inside, a stream that breaks there says nothing against it."""
    settings.CHATLAB_THINKS_FIRST = [name]
    pieces = encoded([{"choices": [{"delta": {"content": "Hm. "}}]}])
    request = Request(name, [("user", "Why?")])
    found = said(ChatProvider, [*pieces, b"data: {"], request)
    assert (part(found, "reasoning"), part(found, "text")) == ("Hm.", "")
    found = said(ChatProvider, [*pieces, *encoded([{"choices": [{"delta": {}, "finish_reason": "length"}]}])], request)
    assert (part(found, "reasoning"), part(found, "text")) == ("Hm.", "")
    assert chat("Hm.\n</thi", "nk>\n\nHi.", name=name) == ("Hm.", "Hi.")


def test_what_comes_all_at_once_needs_no_memory(name) -> None:
    """Nothing of it was shown before its closing tag was read."""
    assert chat("Hm.\n</think>\n\nHi.", name=name) == ("Hm.", "Hi.")


def test_a_server_that_tells_thoughts_apart_itself_is_believed(name, settings) -> None:
    settings.CHATLAB_THINKS_FIRST = [name]
    assert chat("Hi ", "there.", name=name, reasoning_content="Hm.") == ("Hm.", "Hi there.")


@pytest.mark.parametrize("final", ["<think>Hm.</think>\n\nHi.", None])
def test_a_final_text_is_compared_without_its_thoughts(desk, final) -> None:
    output = [{"type": "message", "content": [{"type": "output_text", "text": final}]}] if final else []
    answer = desk.ask({"text": ["<thi", "nk>Hm.</", "think>\n\nHi."]}, {"completed": {"response": {"output": output}}})
    assert (answer.end, answer.reasoning, answer.text) == (("complete", ""), "Hm.", "Hi.")


def test_a_final_text_of_a_model_that_only_closes_is_compared_with_what_was_shown(desk, settings, name) -> None:
    settings.CHATLAB_MODEL = name
    first = desk.ask({"text": ["Hm.", "</think>", "Hi."]})
    second = desk.ask({"text": ["Hm.", "</think>", "Hi."]})
    third = desk.ask({"begin": True}, {"final": "Hm.</think>Hi."})
    assert (first.end, first.text, first.reasoning) == (("complete", ""), "Hm.</think>Hi.", "")
    assert (second.end, second.text, second.reasoning) == (("complete", ""), "Hi.", "Hm.")
    assert (third.end, third.text, third.reasoning) == (("complete", ""), "Hi.", "Hm.")


@pytest.mark.parametrize("text", ["<thi", "<think>Hm.</th", "<think>Hm.</think>\n"])
def test_what_is_held_back_when_a_stream_breaks_is_not_lost(desk, text) -> None:
    answer = desk.ask({"text": text}, {"reset": True})
    thought, left = ("", text) if text == "<thi" else (text.removeprefix("<think>").removesuffix("</think>\n"), "")
    assert (answer.end, answer.reasoning, answer.text) == (("interrupted", "upstream"), thought, left)
    assert answer.row.attempts == 1, "it was heard"


def test_a_background_response_is_read_as_it_is() -> None:
    """What is held back would have no place to go on from; OpenAI's own models tell their thoughts apart."""
    events = [{"type": "response.output_text.delta", "delta": "<think>Hm.</think>Hi.", "sequence_number": 0}]
    assert part(said(ResponsesProvider, encoded(events), background=True), "text") == "<think>Hm.</think>Hi."
    assert part(said(ResponsesProvider, encoded(events)), "text") == "Hi."
