"""Text out of whatever servers put it into: a string, a list of typed parts, a field of another name. Pure.

Nothing that could be text is passed over in silence: `Odd` collects what holds something and can't be read.
"""

from __future__ import annotations

# What a model says to itself is called differently by DeepSeek, vLLM and llama.cpp; OpenRouter, Groq and Ollama;
# LiteLLM and Anthropic. Several send it under two names at once: the first that holds something is taken.
REASONING = (
    "reasoning_content",
    "reasoning",
    "reasoning_text",
    "thinking",
    "thinking_content",
    "thought",
    "thoughts",
    "reasoning_details",
    "thinking_blocks",
)
_INSIDE = ("text", "content", "output_text", "refusal", "thinking", "reasoning", "summary", "value", "parts")

Pieces = list[tuple[str, str]]


class Odd:
    """What could have been text and can't be read. The first of it is for staff; a provider may send it without end."""

    def __init__(self) -> None:
        self._found: list[str] = []

    def note(self, what: str, value: object) -> None:
        if len(self._found) < 5:
            self._found.append(f"{what}: {str(value)[:200]}")

    def __bool__(self) -> bool:
        return bool(self._found)

    def __str__(self) -> str:
        return "; ".join(self._found)


def of_message(message: object, odd: Odd) -> Pieces:
    """(part, text) of a message or of a delta of one, reasoning first."""
    if not isinstance(message, dict):
        return read(message, "text", odd)
    pieces: Pieces = []
    for name in REASONING:
        if name in message and (pieces := read(message[name], "reasoning", odd)):
            break
    if "extra_content" in message and _is_thought(message):
        return pieces or read(message.get("content"), "reasoning", odd)
    pieces += read(message.get("content"), "text", odd)
    return pieces + read(message["refusal"], "text", odd) if "refusal" in message else pieces


def read(value: object, part: str, odd: Odd) -> Pieces:
    if isinstance(value, str):
        return [(part, value)] if value else []
    if isinstance(value, list):
        return [piece for item in value for piece in read(item, part, odd)]
    if isinstance(value, dict):
        return _typed(value, part, odd)
    if value is not None and part == "text":
        odd.note("no text", value)
    return []


def _typed(value: dict, part: str, odd: Odd) -> Pieces:
    """A part of a message. One that says its type, and has no text, is something else: an image, a call of a tool."""
    name = str(value.get("type"))
    part = "reasoning" if "think" in name or "reason" in name or value.get("thought") is True else part
    for field in _INSIDE:
        if value.get(field) not in (None, "", [], {}):
            return read(value[field], part, odd)
    if value and "type" not in value and part == "text":
        odd.note("a part without a type", value)
    return []


def _is_thought(message: dict) -> bool:
    """Gemini marks a delta whose content is a thought."""
    extra = message.get("extra_content")
    google = extra.get("google") if isinstance(extra, dict) else None
    return isinstance(google, dict) and google.get("thought") is True


def join(pieces: Pieces, part: str) -> str:
    return "".join(text for of, text in pieces if of == part)
