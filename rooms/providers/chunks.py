"""What the chunks of one answer say, in the dialects of Chat Completions. Pure.

An answer is complete when a word that means so was said, and everything that could have been text was read. The word is
a `finish_reason`; where servers leave that empty to the last, it is `[DONE]`. A word that is followed by more text
ended nothing: servers that say it with each chunk exist. From then on only `[DONE]` is believed.
"""

from __future__ import annotations

from . import errors, speech
from .base import Ended, Opened, TextDelta

_COMPLETE = "stop eos eos_token end end_turn stop_sequence stop_token complete completed done finished finish normal"
_TOOLS = "tool_calls tool_call tool_use function_call"
_LENGTH = "length max_tokens max_length max_output_tokens model_length token_limit model_context_window_exceeded"
_FILTERED = (
    "content_filter content_filtered safety recitation blocklist prohibited_content spii sensitive refusal"
    " guardrail_intervened image_safety"
)
_FAILED = "error failed server_error network_error insufficient_system_resource malformed_function_call"
_CANCELLED = "abort aborted cancelled canceled interrupted"
_NOTHING = "null none unspecified finish_reason_unspecified"

EARLY = ("incomplete", "upstream", "The model ended this answer early.")
UNREAD = "A part of this answer came in a form that is not known here."
_MEANINGS = {
    word: meaning
    for words, meaning in (
        (_COMPLETE, ("complete", "", "")),
        (_TOOLS, ("complete", "", "")),
        (_LENGTH, ("incomplete", "max_tokens", "The model reached the longest answer it may give.")),
        (_FILTERED, ("incomplete", "filtered", "The provider stopped this answer: its content filter.")),
        (_FAILED, ("failed", *errors.FAILED)),
        (_CANCELLED, ("incomplete", "upstream", "The model provider cancelled this answer.")),
        (_NOTHING, None),
    )
    for word in words.split()
}
# Where a chunk that has no choices could hold text: of servers that speak another API than was asked.
_ELSEWHERE = ("content", "text", "response", "output", "output_text", "delta", "data", "result", "answer")


class Reading:
    """Usage comes in a chunk after the one that says it is finished."""

    def __init__(self) -> None:
        self._opened = False
        self._usage: dict | None = None
        self._index: int | None = None  # of the choice that is the answer
        self._others = False  # other choices have text, too
        self._word = ""  # the word on the end
        self._doubted = False  # there was text behind it
        self._text: list[str] = []
        self._just_spoke = False
        self._spoke = False  # since the last word on the end
        self._streams = False  # in deltas
        self._message = False  # not in deltas
        self._repeated: str | None = None  # the text, as a message beside the deltas repeats it
        self._tool = False
        self._odd = speech.Odd()

    @property
    def finished(self) -> bool:
        """The answer has ended, whatever follows: if the connection breaks now, only the usage is lost."""
        return bool(self._word) and not self._doubted

    @property
    def told_all(self) -> bool:
        """A word that comes with text, or before any, may be one of many."""
        return self.finished and self._usage is not None and bool(self._text) and not self._just_spoke

    def take(self, chunk: dict) -> list[Opened | TextDelta]:
        events: list[Opened | TextDelta] = []
        if not self._opened:
            self._opened = True
            events.append(Opened(""))  # its id names nothing that could be asked for again
        self._note_usage(chunk.get("usage"))
        choice = self._choose(chunk.get("choices"))
        if choice is None:
            self._look_elsewhere(chunk)
        if not choice:
            return events
        if choice.get("error"):
            raise errors.Told(errors.failed(choice["error"]))
        word = _word_of(choice)
        pieces = self._said(choice, ends=bool(word))
        self._just_spoke = bool(pieces)
        self._text += [text for part, text in pieces if part == "text"]
        self._spoke = self._spoke or bool(pieces)
        self._doubted = self._doubted or bool(pieces and self._word)
        if word and (self._spoke or not self._word):  # of two words without text between them the first
            self._word, self._spoke = word, False
        return events + [TextDelta(part, text) for part, text in pieces]

    def end(self, *, done: bool, document: bool) -> Ended | None:
        """How it ended; None where nothing said so. `done`: with `[DONE]`; `document`: as one message, all at once."""
        done = done or (document and self._message)
        meaning = _MEANINGS.get(self._word, EARLY) if self._word else ("complete", "", "")
        if meaning[0] == "complete" and not done and not self.finished:
            return None
        error = self._word if meaning[0] != "complete" else ""
        if self._others and not self._word:
            self._odd.note("choices beside the one that was read", self._index)
        if meaning[0] == "complete" and self._odd:
            meaning = ("incomplete" if self._text else "failed", "upstream", UNREAD)
            error = str(self._odd)
        tool = self._tool or self._word in _TOOLS.split()
        return Ended(*meaning, errors.staff_only(error), self._usage, self._repeated, wants_tool=tool)

    def _choose(self, choices: object) -> dict | None:
        """The choice that is the answer: of several the one with the lowest number. None: there is none at all."""
        choices = choices if isinstance(choices, list) else [choices]
        found = [choice for choice in choices if isinstance(choice, dict)]
        for choice in choices:
            if choice and not isinstance(choice, dict):
                self._odd.note("a choice", choice)
        numbers = [choice["index"] for choice in found if type(choice.get("index")) is int]
        if self._index is None and numbers:
            self._index = min(numbers)
        others = [choice for choice in found if type(choice.get("index")) is int and choice["index"] != self._index]
        self._others = self._others or any(_speech_of(choice) for choice in others)
        ours = [choice for choice in found if choice not in others]
        if any(_speech_of(choice) for choice in ours[1:]):
            self._odd.note("several choices of one number", ours)
        return ours[0] if ours else {} if found else None

    def _said(self, choice: dict, *, ends: bool) -> speech.Pieces:
        if "delta" not in choice:
            self._message = True
        sides = [choice.get("delta"), choice.get("message")]
        self._tool = self._tool or any(
            isinstance(side, dict) and (side.get("tool_calls") or side.get("function_call")) for side in sides
        )
        pieces = speech.of_message(choice.get("delta"), self._odd) + speech.read(choice.get("text"), "text", self._odd)
        self._streams = self._streams or bool(speech.join(pieces, "text"))
        message = speech.of_message(choice.get("message"), self._odd)
        whole = speech.join(message, "text")
        if self._streams:
            self._note_repeated(whole, speech.join(pieces, "text"))
            return pieces
        said = "".join(self._text) if ends else ""
        if said and whole.startswith(said):
            return pieces + speech.read(whole[len(said) :], "text", self._odd)
        return pieces + message

    def _note_repeated(self, whole: str, now: str) -> None:
        """A message beside the deltas has all that was said so far, or this delta once more."""
        if whole and whole != now:
            self._repeated = whole
        elif now:
            self._repeated = None

    def _look_elsewhere(self, chunk: dict) -> None:
        for name in _ELSEWHERE:
            if chunk.get(name):
                self._odd.note(name, chunk[name])
        if isinstance(chunk.get("message"), dict):  # a string there is news
            self._odd.note("message", chunk["message"])

    def _note_usage(self, usage: object) -> None:
        if isinstance(usage, dict):
            details = usage.get("completion_tokens_details")
            reasoning = details.get("reasoning_tokens") if isinstance(details, dict) else None
            self._usage = counts(usage.get("prompt_tokens"), usage.get("completion_tokens"), reasoning)


def counts(given: object, made: object, reasoning: object) -> dict | None:
    """Token counts, as far as they are numbers that a client can show."""
    found = {"input": given, "output": made, "reasoning": reasoning}
    return {name: count for name, count in found.items() if type(count) is int and 0 <= count < 2**53} or None


def _speech_of(choice: dict) -> speech.Pieces:
    odd = speech.Odd()
    sides = [speech.of_message(choice.get(side), odd) for side in ("delta", "message")]
    return speech.read(choice.get("text"), "text", odd) + sides[0] + sides[1]


def _word_of(choice: dict) -> str:
    word = choice.get("finish_reason") or choice.get("finishReason")
    if isinstance(word, dict):
        word = word.get("type") or word.get("reason")
    word = word.strip().lower().replace("-", "_") if isinstance(word, str) else ""
    return "" if _MEANINGS.get(word, EARLY) is None else word
