"""I13: text is cleaned by one function, with the same outcome however it was cut and wherever it is kept."""

from __future__ import annotations

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rooms.text import EMPTY_DIGEST, REPLACEMENT, Cleaner, clean, digest, utf16_length

from .profiles import examples
from .strategies import pieces, raw_texts

pytestmark = pytest.mark.soak


@examples(100)
@given(raw_texts)
@example("\ud83d\ude00")
@example("\ude00\ud83d")
@example("\ud83d\ud83d\ude00\0")
def test_cleaning_is_total_and_idempotent(text: str) -> None:
    cleaned = clean(text)
    assert cleaned.encode().decode() == cleaned and "\0" not in cleaned
    assert clean(cleaned) == cleaned


@examples(100)
@given(raw_texts)
def test_cleaning_changes_only_what_nobody_could_store(text: str) -> None:
    """A pair becomes the character it stands for; every other unit that can't be stored becomes one U+FFFD."""
    expected = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").replace("\0", REPLACEMENT)
    assert clean(text) == expected
    assert utf16_length(clean(text)) == len(text.encode("utf-16-le", "surrogatepass")) // 2


@examples(200)
@given(pieces())
@example(["a\ud83d", "", "\ude00b"])
@example(["\ud83d", "\ud83d", "\ude00"])
@example(["end\ud83d"])
def test_the_outcome_does_not_depend_on_where_the_text_was_cut(cut: list[str]) -> None:
    cleaner = Cleaner()
    fed = [cleaner.feed(piece) for piece in cut]
    assert "".join(fed) + cleaner.end() == clean("".join(cut))
    assert cleaner.end() == ""
    for text in fed:
        text.encode()  # each of them is stored by itself


@examples(100)
@given(pieces())
def test_a_digest_is_carried_from_piece_to_piece(cut: list[str]) -> None:
    running, cleaner = EMPTY_DIGEST, Cleaner()
    for piece in cut:
        running = digest(cleaner.feed(piece), running)
    assert digest(cleaner.end(), running) == digest(clean("".join(cut)))


@examples(100)
@given(raw_texts)
def test_json_keeps_it(text: str) -> None:
    for ascii_only in (True, False):
        assert json.loads(json.dumps(clean(text), ensure_ascii=ascii_only).encode()) == clean(text)


@pytest.mark.django_db
@examples(40)
@given(st.lists(raw_texts, min_size=1, max_size=10))
def test_the_database_keeps_it(said: list[str]) -> None:
    from django.db import connection

    for text in map(clean, said):
        with connection.cursor() as cursor:
            cursor.execute("SELECT %s", [text])
            assert cursor.fetchone()[0] == text
            cursor.execute("SELECT LENGTH(%s)", [text])
            assert cursor.fetchone()[0] == len(text)
