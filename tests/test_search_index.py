"""A search looks into an index that is kept with each commit, and is bounded: in time, in how often, by whose rooms."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction

from rooms import database, search
from rooms.errors import RateLimited, TookTooLong
from rooms.indexed import Indexed
from rooms.log import index
from rooms.models import Member, Message
from rooms.words import MOST, READ, entries, pattern, wanted

from .fakes import BESIDE, Place, new_place, statements
from .test_links import guest

pytestmark = pytest.mark.usefixtures("alone")


@pytest.fixture
def place() -> Place:
    return new_place("")


def found(place: Place, words: str) -> list[str]:
    return [excerpt.found for excerpt in search.find(place.visitor, words)[1]]


# -- what is found -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("The Donaudampfschifffahrt left", "donaudampfschifff"),  # of long words, too, what is being typed
        ("one  two\n three", "two three"),
        ("ÄRGER und Größe", "ärger"),
        ("Größe", "größ"),
        ("cafe\u0301 noir", "café"),
        ("use rooms_message here", "message"),
        ("in C++ or C#", "C++"),
        ("x = a->b", "->"),
        ("a < b && c", "&&"),
        ("東京都に住んでいます", "京都"),
        ("東京都に住んでいます", "住んで"),
        ("ภาษาไทยไม่มีช่องว่าง", "ไทย"),
        ("한국어를 배웁니다", "국어"),
        ("हिन्दी में लिखा", "हिन्दी"),
        ("говорит ПО-РУССКИ", "по-русски"),
        ("see https://example.org/path?q=1", "example.org/pa"),
        ("it's 100% \\ _done_", "100% \\ _do"),
        ('say "AND" or NEAR(x) \' | & ! :*', '"AND" or near(x) \' | &'),
        ("emoji 🎉 party", "🎉 pa"),
    ],
)
def test_what_was_said_is_found_as_it_is_written(place, said, words) -> None:
    place.post(said)
    assert len(found(place, words)) == 1
    assert pattern(words).search(said) or "\u0301" in said


@pytest.mark.parametrize(
    "words", ["aystack", "haystack two", "stack one", "o ne", "uber", "'; --", "hay* OR one", "r:"]
)
def test_what_is_not_there_is_not_found(place, words) -> None:
    place.post("A haystack, one über two")
    assert found(place, words) == []


def test_the_newest_come_first_and_answers_are_found_when_they_have_ended(place) -> None:
    place.post("needle 1")
    pen = place.begin("needle 2", **BESIDE)
    pen.write("needle 3")
    assert [e.before + e.found + e.after for e in search.find(place.visitor, "needle")[1]] == ["needle 2", "needle 1"]
    pen.end()
    place.stop(place.begin("needle 4", **BESIDE).job.message)
    texts = [e.message.text for e in search.find(place.visitor, "needle")[1]]
    assert texts[0] == "needle 4" and sorted(texts) == [f"needle {n}" for n in (1, 2, 3, 4)]


def test_the_index_is_written_in_the_transaction_of_the_message(place, monkeypatch) -> None:
    def fail(*_: object) -> None:
        raise ValueError("no index")

    place.post("the first needle")
    monkeypatch.setattr(index, "_insert", fail)
    with pytest.raises(ValueError, match="no index"):
        place.post("the second needle")
    assert Message.objects.filter(text__contains="needle").count() == Indexed.objects.count() == 1


def test_texts_are_not_read_through(place) -> None:
    place.post("a needle")
    with statements() as sent:
        assert found(place, "needle") == ["needle"]
    assert not any("LIKE" in sql and "rooms_message" in sql for sql in sent)


def test_whoever_is_not_in_a_room_finds_nothing_of_it(place) -> None:
    """Their own rooms are looked at, and the index is asked for no others."""
    place.post("a needle of somebody else")
    other = new_place("")
    other.post("a needle of my own")
    (mine,) = [excerpt.message.pk for excerpt in search.find(other.visitor, "needle")[1]]
    with database.within(5):
        assert list(index.newest(wanted("needle"), [other.room])) == [[mine]]
    Member.objects.filter(pk=other.member).update(role=Member.Role.LEFT)
    assert search.find(other.visitor, "needle") == ([], [])


def test_the_index_chooses_and_the_rooms_decide(place, monkeypatch) -> None:
    """However wrong the index may be, after a restore, say: it shows nothing of a room that one is not in."""
    receipt, other = place.post("a needle of somebody else"), new_place("")
    monkeypatch.setattr(index, "newest", lambda *_: iter([[receipt.message]]))
    assert search.find(other.visitor, "needle") == ([], [])


def test_many_of_one_page_and_of_several_are_found(place, monkeypatch) -> None:
    """What the index has chosen and has not those words in this order is passed over, a page at a time."""
    monkeypatch.setattr(index, "PAGE", 2)
    monkeypatch.setattr(index, "LARGEST_PAGE", 4)
    place.post("the needle was first")
    for number in range(15):
        place.post(f"first the needle, {number}")
    assert found(place, "needle was") == ["needle was"]


# -- what it costs -----------------------------------------------------------------------------------------------------


def test_a_search_is_broken_off_and_says_so(place, settings) -> None:
    Message.objects.bulk_create(
        Message(
            room_id=place.room,
            member_id=place.member,
            role="user",
            text="=" * 200_000,
            opened_seq=-n,
            seq=-n,
            text_seq=-n,
            created_at=datetime.now(UTC),
        )
        for n in range(100)
    )
    settings.CHATLAB_SEARCH_WITHIN = 0.05
    began = time.process_time()
    with pytest.raises(TookTooLong):
        search.find(place.visitor, "=" * 90 + ">")  # signs alone: texts are read through
    assert time.process_time() - began < 1
    browser, signs = guest(place.visitor.guest), "%3D" * 90 + ">"
    answer = browser.get(f"/api/search?q={signs}")
    assert (answer.status_code, answer.json()["code"]) == (503, "took_too_long")
    page = browser.get(f"/search/?q={signs}", headers={"accept-language": "de"})
    assert page.status_code == 503 and "Das hat zu lange gedauert" in page.content.decode()
    place.post("a needle")
    settings.CHATLAB_SEARCH_WITHIN = 5.0
    assert found(place, "needle") == ["needle"], "the connection is as it was"


@pytest.mark.parametrize("vendor", [pytest.param("sqlite", marks=pytest.mark.sqlite_only("breaks off by steps"))])
def test_a_statement_is_broken_off_while_it_runs(vendor) -> None:
    with pytest.raises(TookTooLong), database.within(0.1), connection.cursor() as cursor:
        cursor.execute("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n")


@pytest.mark.postgres_only("has time-outs of statements")
def test_a_statement_of_postgresql_is_broken_off_and_no_other() -> None:
    with pytest.raises(TookTooLong), database.within(0.1), connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(30)")
    with connection.cursor() as cursor:
        cursor.execute("SHOW statement_timeout")
        assert cursor.fetchone() == ("0",)


def test_searches_have_a_rate_of_their_own(place, settings) -> None:
    settings.CHATLAB_RATE_SEARCHES = (2, 60)
    browser = guest(place.visitor.guest)
    statuses = [browser.get("/api/search?q=needle").status_code, browser.get("/search/?q=needle").status_code]
    assert statuses == [200, 200]
    assert browser.get("/search/?q=needle").status_code == 429
    refused = browser.get("/api/search?q=needle")
    assert (refused.status_code, refused.json()["code"]) == (429, "rate_limited") and refused["Retry-After"]
    assert browser.get("/api/search?q=n").status_code == browser.get("/api/rooms").status_code == 200
    with pytest.raises(RateLimited):
        search.find(place.visitor, "needle")


def test_a_text_has_so_many_entries_and_no_more() -> None:
    began = time.process_time()
    assert len(entries(" ".join(f"w{n}x" for n in range(1_000_000)))) == MOST
    assert len(entries("".join(chr(0x4E00 + n * 7919 % 20_000) for n in range(500_000)))) <= MOST
    assert time.process_time() - began < 5
    assert entries("a" * (READ + 5) + " needle") == ["a" * n for n in range(2, 9)]


@pytest.mark.parametrize(
    "text", ["\u0301" * 100_000, "a\u0301" * 100_000, "_" * 100_000, "が" * 100_000, "a_" * 50_000]
)
def test_no_text_takes_long_to_index(text) -> None:
    began = time.process_time()
    entries(text), wanted(text[:100])
    assert time.process_time() - began < 2


# -- without an index, and from before it ------------------------------------------------------------------------------


@pytest.mark.sqlite_only("PostgreSQL needs no FTS5")
def test_without_fts5_texts_are_read_through_and_it_can_come_later(place, monkeypatch) -> None:
    monkeypatch.setattr(index, "fts5", lambda: False)
    place.post("said without an index: needle")
    place.answered("An answer with a Needle.", **BESIDE)
    assert Indexed.objects.count() == 0
    assert found(place, "needle") == ["Needle", "needle"]
    with pytest.raises(CommandError, match="FTS5"):
        call_command("index_messages")
    monkeypatch.undo()
    call_command("index_messages", verbosity=0)
    assert Indexed.objects.count() == 3 and found(place, "needle") == ["Needle", "needle"]


@pytest.mark.parametrize("options", [[], ["--anew"]])
def test_what_was_said_before_there_was_an_index_is_indexed_in_batches(place, monkeypatch, capsys, options) -> None:
    pen = place.begin("needle 0")
    pen.write("needle of an answer that is not complete")
    with transaction.atomic():
        now = datetime.now(UTC)
        Message.objects.bulk_create(
            Message(
                room_id=place.room,
                member_id=place.member,
                role="user",
                text=f"needle -{n}",
                opened_seq=-n,
                seq=-n,
                text_seq=-n,
                created_at=now - timedelta(hours=n),
            )
            for n in range(1, 8)
        )
    monkeypatch.setattr(index, "AT_ONCE", 3)
    assert len(found(place, "needle")) == 1
    call_command("index_messages", *options)
    assert f"{8 if options else 7} messages were indexed." in capsys.readouterr().out
    texts = [excerpt.message.text for excerpt in search.find(place.visitor, "needle")[1]]
    assert texts == ["needle 0", *(f"needle -{n}" for n in range(1, 8))], "the newest first, as if it had always been"
    call_command("index_messages")
    assert "0 messages were indexed." in capsys.readouterr().out.splitlines()[-1]
