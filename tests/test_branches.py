"""A conversation is a tree. Everybody is shown one branch of it, and what is asked next goes on there."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence

import pytest
from django.db.backends.utils import CursorWrapper

from rooms import actions, frames, log
from rooms.actions import commit_now
from rooms.errors import NotFound
from rooms.fold import fold, shown, versions

from .fakes import Place, Receipt, client_id, items_after

pytestmark = pytest.mark.usefixtures("alone")


def choose(place: Place, chosen: dict[str, str]) -> None:
    commit_now(actions.change_room(place.member, place.room, frames.ChangeRoom(chosen=chosen)))


def said(place: Place) -> list[str]:
    """The branch that is shown, as its questions' texts."""
    return [message["text"] for message in shown(log.snapshot(place.room)) if message["role"] == "user"]


def parent_of(place: Place, receipt: Receipt) -> str | None:
    messages = {message["id"]: message for message in log.snapshot(place.room)["messages"]}
    return messages[receipt.message]["parent"]


def test_an_edited_question_is_a_branch_and_the_newest_is_shown(place) -> None:
    place.post("Start")
    first = place.post("First version")
    place.post("Follows the first")
    assert said(place) == ["Start", "First version", "Follows the first"]
    place.post("Second version", parent=parent_of(place, first), branch=True)
    assert said(place) == ["Start", "Second version"]
    place.post("Follows the second")
    assert said(place) == ["Start", "Second version", "Follows the second"]


def test_a_chosen_branch_is_shown_to_its_end_and_what_is_asked_next_goes_on_there(place) -> None:
    start = place.post("Start")
    first = place.post("First version")
    place.post("Follows the first")
    second = place.post("Second version", parent=start.answer, branch=True)
    choose(place, {start.answer: first.message})
    assert said(place) == ["Start", "First version", "Follows the first"]
    asked = place.post("Goes on")
    assert said(place) == ["Start", "First version", "Follows the first", "Goes on"]
    assert parent_of(place, asked) != second.answer
    choose(place, {start.answer: second.message})
    assert said(place) == ["Start", "Second version"]
    choose(place, {start.answer: first.message})
    assert said(place)[-1] == "Goes on", "a branch is come back to where it was left"


def test_the_room_is_read_ahead_and_the_writer_reads_what_was_opened_since(place, monkeypatch) -> None:
    """All rooms of the process wait for the writer, and a room may have a hundred thousand messages."""
    start = place.post("Start")
    first = place.post("First version")
    place.post("Second version", parent=start.answer, branch=True)
    asked, execute = [], CursorWrapper.execute

    def noting(cursor: CursorWrapper, sql: str, params: Sequence = ()) -> object:
        if '"rooms_message"."opened_seq" >' in sql:
            asked.append((threading.current_thread().name, max(filter(lambda value: isinstance(value, int), params))))
        return execute(cursor, sql, params)

    monkeypatch.setattr(CursorWrapper, "execute", noting)
    change = actions.change_room(place.member, place.room, frames.ChangeRoom(chosen={start.answer: first.message}))
    ahead = place.head.seq
    place.post("Meanwhile", parent=first.answer, branch=True)
    commit_now(change)
    assert said(place) == ["Start", "First version", "Meanwhile"]
    assert asked == [("MainThread", 0), ("chatlab-writer", ahead)]


def test_also_the_first_question_has_versions(place) -> None:
    first = place.post("First")
    second = place.post("Second", parent=None, branch=True)
    assert said(place) == ["Second"]
    choose(place, {frames.BEGINNING: first.message})
    assert said(place) == ["First"]
    place.post("Third", parent=None, branch=True)
    assert said(place) == ["Third"], "a new version is shown, whatever was chosen before"
    with pytest.raises(NotFound):
        choose(place, {frames.BEGINNING: second.answer})


def test_another_answer_is_a_version_of_the_first_and_moves_the_branch(place) -> None:
    receipt = place.answered("One.")
    place.post("Behind it")
    again = commit_now(actions.retry(place.member, place.room, frames.Retry(receipt.answer, client_id())))
    snapshot = log.snapshot(place.room)
    path = shown(snapshot)
    assert [message["id"] for message in path] == [receipt.message, again.message]
    assert versions(snapshot, path[-1]) == [receipt.answer, again.message]
    choose(place, {receipt.message: receipt.answer})
    assert said(place) == ["Why?", "Behind it"]


def test_a_tab_that_was_there_shows_what_one_that_comes_now_shows(place) -> None:
    before, state = place.head, log.snapshot(place.room)
    start = place.post("Start")
    first = place.post("First version")
    place.post("Second version", parent=start.answer, branch=True)
    choose(place, {start.answer: first.message})
    place.post("Third version", parent=start.answer, branch=True)
    choose(place, {start.answer: first.message})
    fold(state, map(json.loads, items_after(place.room, before)))
    now = log.snapshot(place.room)
    assert state["room"] == now["room"]
    assert [m["id"] for m in shown(state)] == [m["id"] for m in shown(now)]


def test_a_snapshot_holds_the_branch_that_is_shown_however_old_it_is(place, settings) -> None:
    settings.CHATLAB_SNAPSHOT_MESSAGES = 4

    def ended(text: str, **fields: object) -> Receipt:
        receipt = place.post(text, **fields)
        place.stop(receipt.answer)
        return receipt

    first = ended("First")
    for number in range(2):
        ended(f"Behind {number}")
    second = ended("Second", parent=None, branch=True)
    for number in range(4):
        ended(f"Elsewhere {number}")
    choose(place, {frames.BEGINNING: first.message})
    snapshot = log.snapshot(place.room)
    assert said(place) == ["Behind 0", "Behind 1"], "its end; the beginning is earlier"
    assert [m["text"] for m in shown(snapshot)[-2:]] == ["Behind 1", ""]
    choose(place, {frames.BEGINNING: second.message})
    assert said(place) == ["Elsewhere 2", "Elsewhere 3"]


def test_a_snapshot_holds_the_versions_beside_what_is_shown(place, settings) -> None:
    settings.CHATLAB_SNAPSHOT_MESSAGES = 4
    old = place.post("Old")
    new = place.post("New", parent=None, branch=True)
    place.post("More")
    snapshot = log.snapshot(place.room)
    path = shown(snapshot)
    assert path[0]["id"] == new.message
    assert versions(snapshot, path[0]) == [old.message, new.message]
