"""What people write is shown as they wrote it: letter by letter, but for code and addresses."""

from __future__ import annotations

import json
import re
from html import escape
from html.parser import HTMLParser
from pathlib import Path

import pytest
from django.test import Client
from hypothesis import example, given
from hypothesis import strategies as st

from rooms import log
from rooms.models import Room
from rooms.rendering import NONE, render, written
from rooms.views import pages

from . import expensive
from .documents import documents
from .fakes import Pen, client_id
from .test_xss import PAYLOADS, faults_in

VECTORS = json.loads((Path(__file__).parent / "vectors" / "written.json").read_text("utf-8"))
PASTED = "# a comment\n  * indented\n\tdef __init__(self):\n1. one\n> $5 &amp; <b>\n\n\n  the end  "


class Shown(HTMLParser):
    """The text of rendered HTML, without what names a link's target or a piece of code; and what is made of it."""

    def __init__(self, html: str):
        super().__init__()
        self.text, self.made, self._around = "", set(), []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        look = dict(attrs).get("class", "")
        self.made.add(look if tag == "div" else tag)
        self._around.append(look if look in ("host", "info") else tag)

    def handle_endtag(self, tag: str) -> None:
        self._around.pop()

    def handle_data(self, data: str) -> None:
        if not {"host", "info", "figcaption"} & set(self._around):
            self.text += data


def shown(text: str) -> Shown:
    return Shown(render(text, "user"))


def lines_of(text: str) -> str:
    return re.sub(r"\r\n?", "\n", text)


# -- the law -----------------------------------------------------------------------------------------------------------

plain_texts = st.text(st.characters(codec="utf-8", exclude_characters="\0`~:"))
ticked = st.lists(st.sampled_from(["a", "`", "``", " ", "\n", "*", "\n# ", "\\`", "    ", "<b>"])).map("".join)


@pytest.mark.soak
@given(plain_texts)
@example(PASTED.replace(":", ""))
@example("   __init__\t**x** &amp; <b>$5$</b>\r\n1. one\n> two\n\\*\n===\n|a|\n|-|\n\n\n")
def test_where_nothing_is_code_or_an_address_every_letter_is_there(text: str) -> None:
    found = shown(text)
    assert found.text == lines_of(text) and found.made <= {"written"}


@pytest.mark.soak
@given(st.one_of(documents, ticked))
@example("```\n```\n~~~\nx\n~~~ \n````\n```\n")
def test_with_code_and_addresses_in_it_only_fences_and_ticks_are_missing(text: str) -> None:
    pieces = list(written.pieces(lines_of(text)))
    assert "".join(piece.source for piece in pieces) == lines_of(text)
    said = "".join(piece.source if piece.code is None else piece.code for piece in pieces)
    found = shown(text)
    assert re.sub("[` ]", "", found.text) == re.sub("[` ]", "", said)
    assert found.made <= {"written", "figure", "figcaption", "pre", "code", "span", "p", "a"}


@pytest.mark.parametrize("case", VECTORS, ids=lambda case: case["text"][:20])
def test_the_page_is_held_to_what_this_renders(case: dict) -> None:
    """tests/js/written.test.mjs compares what the page draws meanwhile with the same HTML."""
    assert render(case["text"], "user") == case["html"]


@pytest.mark.parametrize(
    "address", ["https://example.org/x", "HTTP://例え.テスト/パス?a=1&b=2#c", "https://x.org/A_(b)"]
)
@pytest.mark.parametrize(
    "text", ["{}", "见{}。然后", "「{}」", "({}).", '"{}"', "**{}**", "{}\\n", "{}, and", "{}\u060c ו"]
)
def test_an_address_ends_where_it_ends_in_an_answer(address: str, text: str) -> None:
    text = text.format(address)
    (href,) = re.findall(r'href="[^"]*"', render(text, "user"))
    assert href in render(text.replace("**", "* "))


# -- what it may cost --------------------------------------------------------------------------------------------------

LONGEST = 32_000
_ADDRESSES = (
    "http://a?",
    "http://a/'",
    "http://a.b/&",
    "https://a:",
    "http://",
    *(f"http://a.b/{c * 90} " for c in "?&'(."),
)
_TICKS = ("`a", "```\n", "~~~\n", "``` \n```\n", "".join("`" * length + "a" for length in range(1, 250)))


def test_it_takes_no_time_whatever_it_is() -> None:
    texts = [expensive.filled(mark, LONGEST) for mark in (*_ADDRESSES, *_TICKS)]
    for text, (spent, size, gave_up) in zip(texts, expensive.costs(texts, "written"), strict=True):
        assert spent <= 0.3 and size <= 11 * LONGEST, text[:20]
        assert not (gave_up and "://" in text), text[:20]


def test_what_makes_much_of_little_is_still_there() -> None:
    text = "```\n" * 20_000
    found = shown(text)
    assert found.text.count("```") > 1_000 and found.made == {"written", "figure", "figcaption", "pre", "code"}


def test_an_address_too_long_to_be_one_is_text() -> None:
    text = "https://example.org/" + "x" * written.ADDRESS_MAX
    assert render(text, "user") == f'<div class="written">{text}</div>'
    assert shown(f"{text} https://example.org/").made == {"written", "a"}


@pytest.mark.parametrize("payload", PAYLOADS)
def test_no_payload_becomes_more_than_text_code_and_links(payload: str) -> None:
    html = render(payload, "user")
    assert faults_in(html) == [] and not re.search(r'<a href="(?!https?://)', html, re.IGNORECASE)


# -- wherever a message is rendered ------------------------------------------------------------------------------------


@pytest.fixture
def asked(alone) -> tuple[Client, str, str]:
    """A browser without JavaScript, its room, and the id of the question that it asked; the answer says the same."""
    client = Client()
    client.post("/rooms/")
    room = Room.objects.get().pk
    client.post(f"/rooms/{room}/messages/", {"text": PASTED, "client_id": client_id()})
    question, answer = log.snapshot(room)["messages"]
    pen = Pen.claim(room, answer["id"])
    pen.write(PASTED)
    pen.end()
    return client, room, question["id"]


def test_every_page_and_every_door_shows_it_as_it_was_written(asked) -> None:
    client, room, question = asked
    html = f'<div class="written">{escape(PASTED, quote=False)}</div>'
    made = client.post(f"/rooms/{room}/links/", {"lasts": "day"}).context["address"]
    link, _, token = made.partition("#")
    reader = Client()
    reader.post(link, {"token": f"#{token}"})
    for page in (client.get(f"/rooms/{room}/"), client.get(f"/rooms/{room}/?tab=1"), reader.get(link)):
        body = page.content.decode()
        assert body.count(html) == 1 and "<h2>a comment</h2>" in body, "the answer is Markdown"
    api = client.get(f"/api/rooms/{room}/messages?before=99&rendered=1").json()
    assert {part["message"]: part["html"] for part in api["rendered"]}[question] == html


def test_a_page_that_does_not_wait_for_it_shows_it_as_it_was_written(asked, monkeypatch) -> None:
    client, room, _ = asked
    monkeypatch.setattr(
        pages.rendering, "parts_of", lambda messages: [{"text": NONE, "reasoning": NONE} for _ in messages]
    )
    assert f'<p data-open class="written">{escape(PASTED)}</p>' in client.get(f"/rooms/{room}/").content.decode()
