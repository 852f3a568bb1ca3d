"""I3: a committed delta never changes; a snapshot and what follows it is the state at the head, from everywhere."""

from __future__ import annotations

import copy
import json
import threading

import pytest
from django.test import override_settings
from hypothesis import example, given
from hypothesis import strategies as st

from rooms import log
from rooms.fold import empty_state, fold
from rooms.frames import Cursor
from rooms.models import Room

from .fakes import items_after
from .profiles import examples
from .strategies import EVERYTHING, Story, histories

pytestmark = [pytest.mark.soak, pytest.mark.usefixtures("alone")]


def on_the_wire(body: dict) -> dict:
    """As a reader gets it: another object, of JSON's types only."""
    return json.loads(json.dumps(body))


def beginning_of(room: str) -> Cursor:
    return Cursor(0, Room.objects.values_list("floor_chain", flat=True).get(pk=room))


@examples(10)
@given(histories)
@example(EVERYTHING)
def test_a_snapshot_and_what_follows_it_is_the_state_at_the_head(history: list[tuple]) -> None:
    story = Story()
    snapshots, seen = [on_the_wire(log.snapshot(story.room))], list(items_after(story.room, beginning_of(story.room)))
    for step in history:
        story.step(*step)
        seen += items_after(story.room, Cursor.parse(snapshots[-1]["cursor"]))
        snapshots.append(on_the_wire(log.snapshot(story.room)))

    assert list(items_after(story.room, beginning_of(story.room))) == seen, "what was committed has changed"
    items = [json.loads(item) for item in seen]
    truth = snapshots[-1]
    for snapshot in snapshots:
        cursor = Cursor.parse(snapshot["cursor"])
        state = fold(copy.deepcopy(snapshot), items[cursor.seq :])
        for part in ("room", "members", "messages"):
            assert state[part] == truth[part], f"{part}, from {cursor.seq} of {len(items)}"
    from_nothing = fold(empty_state(), items)
    assert (from_nothing["members"], from_nothing["messages"]) == (truth["members"], truth["messages"])
    assert log.verify(story.room) == []


@examples(10)
@given(histories, st.integers(0, 30))
@example(EVERYTHING, 60)
def test_items_that_come_again_change_nothing(history: list[tuple], again: int) -> None:
    """A message knows how far it has come: what it contains is skipped, whoever sends it once more."""
    story = Story().tell(history)
    snapshot = on_the_wire(log.snapshot(story.room))
    items = [json.loads(item) for item in items_after(story.room, beginning_of(story.room))]
    assert fold(copy.deepcopy(snapshot), items[-again:])["messages"] == snapshot["messages"]


@examples(10)
@given(histories, st.integers(1, 4))
@example(EVERYTHING, 2)
def test_a_snapshot_that_holds_the_newest_only_is_a_true_part(history: list[tuple], most: int) -> None:
    """What streams is always in it; what it leaves out, the older pages have, each message once."""
    story = Story().tell(history)
    whole = log.snapshot(story.room)
    with override_settings(CHATLAB_SNAPSHOT_MESSAGES=most):
        part = log.snapshot(story.room)
        held = [message["id"] for message in part["messages"]]
        truth = {message["id"]: message for message in whole["messages"]}
        assert all(message == truth[message["id"]] for message in part["messages"])
        order = [message["id"] for message in whole["messages"]]
        assert held == [message for message in order if message in held], "oldest first"
        assert set(held) >= {id for id, message in truth.items() if message["status"] in ("queued", "streaming")}
        assert held[-most:] == order[-most:]
        older, earlier = [], part["earlier"]
        while earlier is not None:
            page, earlier = log.earlier_messages(story.room, int(earlier))
            assert page and len(page) <= most
            older = [message["id"] for message in page] + older
        assert older + [message for message in held if message not in older] == order


def test_a_snapshot_that_is_taken_while_others_write_is_of_one_moment() -> None:
    """Its cursor, its messages and its digests belong together, though rows are committed between its queries."""
    story = Story().tell([("ask", 0, "Why?"), ("claim", 0, "")])
    (pen,) = story.pens.values()
    answer, taken, digests, over = pen.job.message, [], [], threading.Event()

    def write() -> None:
        for number in range(200):
            pen.write(f"{number} ", checkpoint=number % 7 == 0)
            if number % 20 == 0:
                story.places[0].post("And then?")
        over.set()

    writer = threading.Thread(target=write)
    writer.start()
    while not over.is_set():
        taken.append(on_the_wire(log.snapshot(story.room)))
        digests.append(log.streaming(story.room))
    writer.join()
    items = [json.loads(item) for item in items_after(story.room, beginning_of(story.room))]
    truth = on_the_wire(log.snapshot(story.room))
    assert len({snapshot["cursor"] for snapshot in taken}) > 10, "they were taken in between"
    for snapshot in taken:
        cursor = Cursor.parse(snapshot["cursor"])
        assert fold(copy.deepcopy(snapshot), items[cursor.seq :])["messages"] == truth["messages"]
    for cursor, found in digests:
        state = fold(empty_state(), items[: cursor.seq])
        assert found == {m["id"]: m["digest"] for m in state["messages"] if m["id"] == answer}


def test_the_history_of_everything_has_everything() -> None:
    story = Story().tell(EVERYTHING)
    snapshot = log.snapshot(story.room)
    answers = [message for message in snapshot["messages"] if message["role"] == "assistant"]
    statuses = {"queued", "streaming", "complete", "stopped", "incomplete", "failed", "interrupted"}
    assert {message["status"] for message in snapshot["messages"]} == statuses
    for field in ("reasoning", "usage", "failure", "by", "closed_at", "model", "client_id"):
        assert any(field in message for message in answers), field
    assert snapshot["room"]["chosen"] and len(snapshot["members"]) == 2
    assert len({message["parent"] for message in answers}) < len(answers), "an answer stands beside another one"
