"""The same JSON for both folds: what rooms.fold and rooms.text make of tests/vectors, static/rooms/log.js makes too."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rooms.fold import fold, shown, versions, waits
from rooms.text import digest, utf16_length

VECTORS = Path(__file__).parent / "vectors"


def vectors(name: str) -> list:
    cases = json.loads((VECTORS / f"{name}.json").read_text())
    return [pytest.param(case, id=case["name"]) for case in cases]


@pytest.mark.parametrize("case", vectors("digest"))
def test_a_digest_and_a_length_are_what_the_vectors_say(case):
    assert digest(case["text"]) == case["digest"]
    assert utf16_length(case["text"]) == case["length"]


@pytest.mark.parametrize("case", vectors("digest"))
def test_a_digest_does_not_depend_on_where_the_text_was_cut(case):
    running = digest("")
    for piece in case["pieces"]:
        running = digest(piece, running)
    assert "".join(case["pieces"]) == case["text"]
    assert running == case["digest"]


@pytest.mark.parametrize("case", vectors("fold"))
def test_a_fold_gives_the_state_that_the_vectors_expect(case):
    assert fold(case["state"], case["items"]) == case["expected"]


@pytest.mark.parametrize("case", vectors("frames"))
def test_what_a_reader_ends_with_is_the_fold_of_what_happened_after_its_snapshot(case):
    last_snapshot = next(
        (step["frame"] for step in reversed(case["steps"]) if step["frame"]["type"] == "snapshot"), case["snapshot"]
    )
    state = {key: last_snapshot[key] for key in ("room", "members", "messages")}
    assert fold(state, case["items"]) == case["expected"]


@pytest.mark.parametrize("case", vectors("branches"))
def test_the_branch_that_is_shown_is_what_the_vectors_say(case):
    state = fold({"room": case["room"], "members": {}, "messages": []}, case["items"])
    assert [message["id"] for message in shown(state)] == case["shown"]
    assert [versions(state, message) for message in shown(state)] == case["versions"]
    assert [message["id"] for message in shown(state) if waits(state, message)] == case["waits"]
