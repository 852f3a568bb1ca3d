"""What is defined in one place and used in another: footnotes, and the targets of links.

A footnote stands where it was written, and has its label before it. It has no id: a page has many messages with a
footnote 1. A target that no link uses is shown as it was written: many an answer ends with a list of its sources.
"""

from __future__ import annotations

import re

from markdown_it.rules_core import StateCore
from markdown_it.rules_inline import StateInline

_NOTE = re.compile(r"\[\^([^\s\[\]]{1,100})\]")


def note_reference(state: StateInline, silent: bool) -> bool:
    found = _NOTE.match(state.src, state.pos, state.posMax)
    if found is None or f":{found[1]}" not in state.env.get("footnotes", {}).get("refs", ()):
        return False
    if not silent:
        state.push("note", "sup", 0).content = found[1]
    state.pos = found.end()
    return True


def note_used_targets(state: StateCore) -> None:
    used = state.env.setdefault("used", set())
    for token in state.tokens:
        for child in token.children or ():
            if "label" in child.meta:
                used.add(child.meta["label"])


def is_used(target: dict, env: dict) -> bool:
    """Whether some link leads there. Of several targets with one label the first one counts."""
    known = env.get("references", {}).get(target["id"])
    return target["id"] in env.get("used", ()) and known is not None and known["href"] == target["url"]
