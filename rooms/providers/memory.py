"""What this process has learned of a model on a server: which parts of a request it refuses, and whether its answers
begin inside a thought.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import openai
from django.conf import settings


@dataclass(slots=True)
class Memory:
    thinks_first: bool = False
    refused: set[str] = field(default_factory=set)


_known: dict[tuple[str, str], Memory] = {}


def memory_of(client: openai.AsyncOpenAI, model: str) -> Memory:
    """Models are named by settings, and by rooms that were given one of them: there are few."""
    known = (str(client.base_url), model)
    return _known.setdefault(known, Memory(thinks_first=model in settings.CHATLAB_THINKS_FIRST))
