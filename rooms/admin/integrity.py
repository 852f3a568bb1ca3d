"""Whether a message's row is what its deltas say: read along the (message, sequence) index, nothing else."""

from __future__ import annotations

import json
from dataclasses import dataclass

from django.utils.translation import gettext as _

from .. import frames
from ..fold import empty_state, fold
from ..models import Delta, Message
from ..text import digest
from .base import number

LONGEST = 50_000  # deltas that a page looks at


@dataclass(frozen=True, slots=True)
class Finding:
    holds: bool
    sentence: str


def findings(message: Message) -> list[Finding]:
    """What the log says about the text that is stored: as it ended or, while it streams, up to its checkpoint."""
    rows = Delta.objects.filter(message=message, seq__lte=message.text_seq).order_by("seq")
    columns = rows.values_list("seq", "at", "kind", "payload", "digest")
    deltas = list(columns[: LONGEST + 1])
    if len(deltas) > LONGEST:
        return [Finding(False, _("Too long to be compared on a page: run `manage.py verify %s`.") % message.room_id)]
    if message.opened_seq < message.room.floor:
        return [Finding(True, _("Its first deltas are below the room's floor, so only its digest can be checked."))] + [
            _digest_of(message)
        ]
    text, reasoning, last = _replay(deltas)
    compared = [
        _equal(_("Text"), message.text, text),
        _equal(_("Reasoning"), message.reasoning, reasoning),
        _digest_of(message),
    ]
    if last:
        sentence = _("The newest delta's digest is %(log)s, the stored one %(row)s.")
        compared.append(Finding(last == message.digest, sentence % {"log": last, "row": message.digest}))
    return compared


def _replay(deltas: list[tuple]) -> tuple[str, str, str]:
    """The text and the reasoning that the deltas add up to, and the digest that the newest of them carries."""
    grown: dict[str, list[str]] = {"text": [], "reasoning": []}
    last = ""
    for seq, at, kind, payload, digest_here in deltas:
        if kind == Delta.Kind.OPENED:
            opened = fold(empty_state(), [json.loads(frames.item(seq, at, kind, payload))])["messages"][0]
            for part, texts in grown.items():
                texts.append(opened.get(part, ""))
        elif kind == Delta.Kind.APPENDED:
            part, text = frames.appended_text(payload)
            grown[part].append(text)
            last = digest_here or last
    return "".join(grown["text"]), "".join(grown["reasoning"]), last


def _equal(name: str, stored: str, replayed: str) -> Finding:
    if stored == replayed:
        sentence = _("%(name)s: %(stored)s characters, equal to its deltas joined.")
    else:
        sentence = _("%(name)s: %(stored)s characters stored, %(replayed)s in its deltas, and they differ.")
    numbers = {"name": name, "stored": number(len(stored)), "replayed": number(len(replayed))}
    return Finding(stored == replayed, sentence % numbers)


def _digest_of(message: Message) -> Finding:
    computed = digest(message.text)
    sentence = _("The text's digest is %(computed)s, the stored one %(stored)s.")
    return Finding(computed == message.digest, sentence % {"computed": computed, "stored": message.digest})
