"""What a model says to itself, where its server leaves it in the text: between tags, at the beginning. Pure.

Elsewhere, and in code, a tag is text. What could become a tag is held back until it is known. Some templates write the
opening tag themselves, and only the closing one is sent. Text that was shown is not taken back, so this has to be known
before: by CHATLAB_THINKS_FIRST, or because the model did so before (`memory`).
"""

from __future__ import annotations

import re
from functools import cache

_NAMES = ("think", "thinking", "thought", "thoughts", "reasoning", "reason", "reflection", "seed:think", "ant_thinking")
_PAIRS = {f"<{name}>": f"</{name}>" for name in _NAMES} | {
    "[think]": "[/think]",  # Mistral
    "◁think▷": "◁/think▷",  # Kimi
    "<|begin_of_thought|>": "<|end_of_thought|>",
    "<|start_thinking|>": "<|end_thinking|>",  # Cohere
    "<|channel|>analysis<|message|>": "<|end|>",  # gpt-oss
    "<|channel|>commentary<|message|>": "<|end|>",
}
_FRAMES = ("<|start|>assistant", "<|channel|>final<|message|>", "<|begin_of_solution|>", "<|start_response|>")
_OPENING = (*_PAIRS, *_FRAMES)
_CLOSING = tuple(_PAIRS.values())
_BLANK_MAX = 1_000  # characters that are held back because nothing else has come
_LONGEST = max(map(len, (*_OPENING, *_CLOSING)))
_LEADING = re.compile(r"\A(?:\s*\n|[ \t]+)")
_NAMED = "|".join(map(re.escape, _NAMES))
_UNOPENED = re.compile(rf"(?<![ \t\"'(])</(?:{_NAMED})>|</(?:{_NAMED})>(?=\s*(?:\n|\Z))", re.IGNORECASE)

Pieces = list[tuple[str, str]]


class Thinking:
    """`first`: it begins inside, without an opening tag."""

    def __init__(self, *, first: bool = False):
        self.unheard = False  # it was to begin inside, and no closing tag came
        self._first = first
        self._closing: tuple[str, ...] = _CLOSING if first else ()  # inside: what may close it
        self._held = ""
        self._begun = False  # a thought is not empty any more
        self.outside = False  # whatever comes now is text
        self._after = False  # behind a closing tag
        self._guess: list[str] = []  # what may be text after all

    def feed(self, text: str) -> Pieces:
        if self.outside:
            return [("text", text)] if text else []
        self._held += text
        pieces: Pieces = []
        while self._step(pieces):
            pass
        return pieces

    def told(self) -> None:
        """The server tells thoughts from text itself: what it calls text is."""
        if self._first and not self._guess and not self._held:
            self._first, self._closing = False, ()

    def end(self, *, complete: bool = True) -> Pieces:
        """What was held back, and is what it is. An answer that was cut may have been cut in its thought."""
        held, self._held = self._held, ""
        if not self._closing:
            return [("text", held)] * bool(held and not (self._after and not held.strip()))
        thought = [("reasoning", held.rstrip())] * bool(held.strip())
        if not self._first or not complete:
            return thought
        self.unheard = True
        text = "".join([*self._guess, held])
        return thought + [("text", text)] * bool(text.strip())

    def _step(self, pieces: Pieces) -> bool:
        """Whether there is more to do with what is held."""
        return self._inside(pieces) if self._closing else self._before(pieces)

    def _before(self, pieces: Pieces) -> bool:
        if (opened := self._opens()) is not None:
            return opened
        start = self._held.lstrip()
        if not start and len(self._held) < _BLANK_MAX:
            return False
        # Behind a thought the lines that set the answer off from it go; an indent is the answer's own.
        text = _LEADING.sub("", self._held, count=1) if self._after else self._held
        self._held, self.outside = "", True
        pieces += [("text", text)] * bool(text)
        return False

    def _opens(self) -> bool | None:
        """True: an opening tag was taken. False: it may become one. None: it is none."""
        start = self._held.lstrip()
        low = start[:_LONGEST].lower()
        for tag in _OPENING:
            if low.startswith(tag):
                self._held = start[len(tag) :]
                self._closing = (_PAIRS[tag],) if tag in _PAIRS else ()
                self._first, self._after = False, True
                return True
        return False if low and any(tag.startswith(low) for tag in _OPENING) else None

    def _inside(self, pieces: Pieces) -> bool:
        if not self._begun:
            if self._first and (opened := self._opens()) is not None:
                return opened  # the server sends an opening tag after all
            self._held = self._held.lstrip()
        closed = _any_of(self._closing).search(self._held)
        if closed is None:
            cut = self._until_a_tag()
            thought, self._held = self._held[:cut], self._held[cut:]
        else:
            thought, self._held = self._held[: closed.start()].rstrip(), self._held[closed.end() :]
        if thought:
            self._begun = True
            pieces.append(("reasoning", thought))
            self._guess += [thought] * self._first
        if closed is None:
            return False
        self._closing, self._first, self._begun, self._after = (), False, False, True
        return True

    def _until_a_tag(self) -> int:
        """How far it is certain that no closing tag begins: white space in front of one goes with it."""
        held = self._held
        cut = len(held)
        for length in range(min(cut, _LONGEST), 0, -1):
            if any(tag.startswith(held[-length:].lower()) for tag in self._closing):
                cut -= length
                break
        blank = len(held[:cut].rstrip())
        return blank if cut - blank < _BLANK_MAX else cut


@cache
def _any_of(tags: tuple[str, ...]) -> re.Pattern:
    return re.compile("|".join(map(re.escape, tags)), re.IGNORECASE)


def closes_unopened(text: str) -> bool:
    """Whether a text is a thought to begin with, of which only the closing tag was sent. Not one that speaks of such a
    tag: in code, in a sentence, or behind an opening one.
    """
    found = _UNOPENED.search(text)
    if found is None:
        return False
    before = text[: found.start()]
    in_code = before.count("```") % 2 or before.rpartition("\n")[2].count("`") % 2
    return not in_code and not any(tag in before.lower() for tag in _OPENING)
