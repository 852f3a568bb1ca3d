"""A room without a title gets one from its first question; whatever a person calls it wins."""

from __future__ import annotations

import pytest

from rooms import actions, frames, log
from rooms.actions import commit_now
from rooms.models import Room
from rooms.text import TITLE_LENGTH, title_of

from .fakes import new_place


@pytest.mark.parametrize(
    ("question", "title"),
    [
        ("How do two tabs stay in step?", "How do two tabs stay in step?"),
        ("How do tabs sync? And why?", "How do tabs sync?"),
        ("Write a function.\n\nIt takes a list.", "Write a function"),
        ("/long tell me a story", "tell me a story"),
        ("# A *bold* `title`", "A *bold* title"),
        ("What does __init__ do with **kwargs?", "What does __init__ do with **kwargs?"),
        ("> quoted\n\n- a list", "quoted"),
        ("```python\nprint(1)\n```\nWhat does this print?", "What does this print?"),
        ("```\nonly code", "only code"),
        ("  spaces \t everywhere  ", "spaces everywhere"),
        ("3.5 is a number, so is 4.", "3.5 is a number, so is 4"),
        ("word " * 40, "word " * 11 + "word…"),
        ("x" * 200, "x" * 59 + "…"),
        ("断线之后，两个标签页如何保持一致？还有呢？", "断线之后，两个标签页如何保持一致？还有呢？"),
        ("***", ""),
        ("", ""),
    ],
)
def test_a_title_is_the_first_words_of_a_question(question, title):
    assert title_of(question) == title
    assert len(title) <= TITLE_LENGTH


@pytest.mark.usefixtures("alone")
def test_a_room_without_a_title_gets_the_first_words_of_its_first_question() -> None:
    place = new_place("")
    place.post("How do tabs sync? Tell me all.")
    place.post("And something else?")
    assert log.snapshot(place.room)["room"]["title"] == Room.objects.get().title == "How do tabs sync?"


@pytest.mark.usefixtures("alone")
def test_a_persons_title_wins() -> None:
    named = new_place("Mine")
    named.post("Why?")
    renamed = new_place("")
    commit_now(actions.change_room(renamed.member, renamed.room, frames.ChangeRoom(title="Also mine")))
    renamed.post("Why?")
    assert [log.snapshot(place.room)["room"]["title"] for place in (named, renamed)] == ["Mine", "Also mine"]
