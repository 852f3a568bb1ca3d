"""Text that breaks naive code: the same in the database, on the socket and in the browser, live and after a reload."""

from __future__ import annotations

import pytest

from .harness import pages
from .harness.upstream import Question

FAMILY = "👩‍👩‍👧"
CASES: dict[str, tuple[list[dict], str]] = {
    # JSON escapes of single surrogates reach the server as they are: each delta below is one half.
    "an emoji split over two deltas": ([{"text": ["a\ud83d", "\ude00b"]}], "a😀b"),
    "an emoji split by empty deltas": ([{"text": ["\ud83d", "", "", "\ude00"]}], "😀"),
    "a joined family split everywhere": ([{"text": list(FAMILY * 3)}], FAMILY * 3),
    "lone surrogates": ([{"text": ["x\ud83d", "y", "\ude00z", "\udc00\ud800"]}], "x\ufffdy\ufffdz\ufffd\ufffd"),
    "a lone surrogate at the very end": ([{"text": ["end", "\ud83d"]}], "end\ufffd"),
    "NUL": ([{"text": ["a\0b", "\0", "c"]}], "a\ufffdb\ufffdc"),
    "right to left and its marks": ([{"text": ["שלום ", "\u202eevil\u202c ", "مرحبا"]}], "שלום \u202eevil\u202c مرحبا"),
    "line ends of all kinds": (
        [{"text": ["\n\nfirst\r\n", "second\r", "third\u2028\t end  \n"]}],
        "\n\nfirst\r\nsecond\rthird\u2028\t end  \n",
    ),
    "markup": (
        [{"text": ["<script>alert(1)</script>", "</article><b>&amp;", "]]> {{ x }} {% y %}"]}],
        "<script>alert(1)</script></article><b>&amp;]]> {{ x }} {% y %}",
    ),
    "noncharacters and combining marks": (
        [{"text": ["\ufffe\uffff", "e" + "\u0301" * 200]}],
        "\ufffe\uffffe" + "\u0301" * 200,
    ),
    "fifty empty deltas in a row": (
        [{"text": "before "}, {"text": "", "repeat": 50}, {"text": "after"}],
        "before after",
    ),
    "a null delta": ([{"text": "before "}, {"delta": None}, {"text": "after"}], "before after"),
}


async def same_everywhere(server, room, answer, here, page, expected):
    message = await here.finished(answer, within=60)
    assert message["status"] == "complete"
    assert message["text"] == expected
    assert server.database.text(answer) == expected
    assert "".join(server.database.appended(answer)) == expected
    assert (await pages.ended(page, within=30))["text"] == expected, "live"
    await page.reload()
    await pages.live(page)
    assert (await pages.ended(page))["text"] == expected, "after a reload"
    server.database.check_room(room)


@pytest.mark.browser
@pytest.mark.parametrize("case", CASES)
async def test_text_is_the_same_everywhere(case, upstream, server, alice, room, tab, page_of):
    steps, expected = CASES[case]
    here, page = await tab(alice, room), await page_of(alice, room)
    await pages.live(page)
    answer = await here.post(Question(*steps))
    await same_everywhere(server, room, answer, here, page, expected)


@pytest.mark.browser
async def test_an_answer_of_a_megabyte_is_the_same_everywhere(upstream, server, alice, room, tab, page_of):
    piece = "0123456789abcde\n" * 64
    here, page = await tab(alice, room), await page_of(alice, room)
    await pages.live(page)
    answer = await here.post(Question({"text": piece, "repeat": 1023, "rate": 2000}))
    await same_everywhere(server, room, answer, here, page, piece * 1023)


@pytest.mark.browser
async def test_an_answer_of_ten_thousand_deltas_is_the_same_everywhere(upstream, server, alice, room, tab, page_of):
    here, page = await tab(alice, room), await page_of(alice, room)
    await pages.live(page)
    answer = await here.post(Question({"stamps": 10_000, "rate": 4000}))
    text = (await here.finished(answer, within=60))["text"]
    assert len(text) == 200_000
    stamps = [int(text[place : place + 16]) for place in range(0, len(text), 20)]
    assert stamps == sorted(stamps)
    await same_everywhere(server, room, answer, here, page, text)


@pytest.mark.parametrize("text", ["plain", "😀 " * 100, "שלום\u202e", "a\r\nb", "  spaces  ", "\ufeffmark"])
async def test_a_question_comes_back_as_it_was_asked(text, upstream, server, alice, bob, room, tab):
    here, bobs = await tab(alice, room), await tab(bob, room)
    receipt = await here.command({"type": "post", "text": text})
    for one in (here, bobs):  # on Redis the receipt may be there first
        await one.until(lambda one=one: one.message(receipt["message"]))
    assert bobs.text(receipt["message"]) == here.text(receipt["message"]) == text
    assert server.database.text(receipt["message"]) == text
    answer = await here.until(lambda: here.answer_to(receipt["message"]))
    speaker = 'Message from "Guest 1":\n\n'  # of two people in the room
    assert (await here.finished(answer["id"]))["text"] == f"You said: {speaker}{text}"


async def test_a_question_with_what_cannot_be_stored_is_cleaned_the_same_for_all(upstream, server, alice, room, tab):
    here = await tab(alice, room)
    receipt = await here.command({"type": "post", "text": "a\0b\ud83dc"})
    await here.until(lambda: here.message(receipt["message"]))
    assert here.text(receipt["message"]) == "a\ufffdb\ufffdc" == server.database.text(receipt["message"])
