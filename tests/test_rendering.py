"""Markdown as HTML: what it looks like, that a growing text ends as a whole one, and that nothing takes long."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import given

from rooms.rendering import Blocks, code, render, render_part
from rooms.text import utf16_length

from .counting import counted
from .documents import documents, streamed, with_definitions
from .profiles import examples


def stream(pieces: list[str]) -> tuple[str, int]:
    """(the joined HTML of the closed blocks, where they end)."""
    blocks, html = Blocks(), ""
    for piece in pieces:
        blocks.feed(piece)
        if blocks.due and (part := blocks.advance()) is not None:
            assert part.end > part.start
            html += part.html
            assert part.end == blocks.end
    return html, blocks.end


def rest_of(text: str, end: int) -> str:
    """The text behind a place that is counted in UTF-16 code units."""
    return text.encode("utf-16-le")[2 * end :].decode("utf-16-le")


# -- the law -----------------------------------------------------------------------------------------------------------


@pytest.mark.soak
@examples(200)
@given(streamed(documents))
def test_joined_blocks_are_what_the_whole_text_renders_to(pieces: list[str]) -> None:
    html, end = stream(pieces)
    text = "".join(pieces)
    assert html + render_part(rest_of(text, end), {}) == render(text)


@pytest.mark.soak
@examples(40)
@given(streamed(with_definitions))
def test_with_link_definitions_the_text_is_still_all_there(pieces: list[str]) -> None:
    """They may come after their use: then the end of the text decides, and whoever streams it sends it anew."""
    html, end = stream(pieces)
    text = "".join(pieces)
    assert 0 <= end <= utf16_length(text) and html.count("<script") == 0


def test_a_definition_that_comes_first_holds_for_what_follows() -> None:
    text = "[a]: https://example.org/a\n\nSee [a].\n\nAnd [a].\n\nend\n"
    html, end = stream(list(text))
    assert html.count('href="https://example.org/a"') == 2 and render(text).startswith(html)


# -- when blocks close -------------------------------------------------------------------------------------------------


def closed_by(*pieces: str) -> int:
    return stream(list(pieces))[1]


def test_a_block_closes_with_the_next_one_and_not_before() -> None:
    assert closed_by("a\n\n") == 0
    assert closed_by("a\n\n", "b") == 0, "the next line may still become anything"
    assert closed_by("a\n\nb") == closed_by("1. a\n\n2") == 0, "not even where a line has ended with it"
    assert closed_by("a\n\n", "b\n") == 3
    assert closed_by("1. a\n\n", "2", "\n") == 6
    assert closed_by("1. a\n\n", "2. b\n") == 0, "the list goes on"


def test_what_says_itself_that_it_ends_closes_at_once() -> None:
    assert closed_by("# a\n") == 4
    assert closed_by("a\n\n", "---\n") == 7
    assert closed_by("```\na\n", "```\n") == 10
    assert closed_by("````\na\n", "```\n") == 0
    assert closed_by("```\n", "```\n") == 8
    assert closed_by("```\n") == 0


def test_places_are_counted_as_javascript_counts() -> None:
    assert closed_by("😀😀\n\n", "b\n") == 6


def test_a_big_block_is_looked_at_seldom() -> None:
    blocks, looks = Blocks(), 0
    for number in range(2_000):
        blocks.feed(f"- item {number}\n")
        if blocks.due:
            looks += 1
            assert blocks.advance() is None
    assert looks < 100
    blocks.feed("\nThe end of the list.\n")
    blocks.feed("x" * blocks.size + "\n")
    assert blocks.due and blocks.advance() is not None


def test_the_end_of_a_long_fence_is_seen_at_once() -> None:
    blocks = Blocks()
    blocks.feed("```python\n")
    for number in range(3_000):
        blocks.feed(f"x = {number}\n")
        if blocks.due:
            assert blocks.advance() is None
    blocks.feed("``")
    blocks.feed("`\n")
    assert blocks.due and blocks.advance().html.endswith("</figure>")


# -- what it looks like ------------------------------------------------------------------------------------------------


VECTORS = json.loads((Path(__file__).parent / "vectors" / "prose.json").read_text("utf-8"))


@pytest.mark.parametrize("case", VECTORS, ids=lambda case: case["text"][:20])
def test_the_page_is_held_to_what_this_renders(case: dict) -> None:
    """tests/js/tail.test.mjs compares what the page draws meanwhile with the same HTML."""
    assert render(case["text"]) == case["html"]


def test_headings_leave_the_first_level_to_the_page() -> None:
    assert render("# a") == "<h2>a</h2>" and render("###### a") == "<h6>a</h6>"


def test_code_has_its_language_and_colours() -> None:
    html = render("```python title=x\nreturn '<b>'\n```")
    assert html.startswith('<figure class="code"><figcaption>python</figcaption><pre tabindex="0"><code>')
    assert '<span class="k">return</span>' in html and "<span class=\"s\">'&lt;b&gt;'</span>" in html
    assert "<span" not in render("```\nreturn\n```") and "<span" not in render("```klingon\nreturn\n```")
    assert "<span" not in render("    return\n")


def test_long_code_is_shown_without_colours() -> None:
    assert "<span" not in render("```python\n" + "return 1\n" * (code.HIGHLIGHT_MAX // 9 + 1) + "```")


@pytest.mark.parametrize("language", sorted(code.LANGUAGES))
def test_every_language_is_one_that_the_highlighter_knows(language: str) -> None:
    source = "<a> & 'b' \"c\" 1 # x // y\n"
    assert (
        re.sub(r"</?span[^>]*>", "", code.coloured(source, language))
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&amp;", "&")
        == source
    )


def test_tables_scroll_in_a_box_of_their_own_and_keep_their_alignment() -> None:
    html = render("| a | b |\n|--:|:-:|\n| 1 | 2 |\n")
    assert html.startswith('<div class="table" tabindex="0"><table>')
    assert '<th class="right">a</th>' in html and '<td class="center">2</td>' in html and "style" not in html


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("[docs](https://docs.example.org/x)", "docs.example.org"),
        ("[https://good.example/](https://evil.example/)", "evil.example"),
        ("[good.example](https://good.example.evil.example/)", "good.example.evil.example"),
        ("[x](https://good.example@evil.example/)", "evil.example"),
        ("<https://аррӏе.example/>", "xn--80ak6aa92e.example"),
        ("[mail](mailto:a@example.org)", "a@example.org"),
        ("https://example.org/a", None),
        ("<https://example.org/a?b&c>", None),
        ("[example.org/deep](https://example.org/deep/er)", None),
    ],
)
def test_a_link_says_where_it_leads(text: str, host: str | None) -> None:
    html = render(text)
    assert html.count("<a ") == 1 and 'rel="noopener noreferrer nofollow ugc"' in html and 'target="_blank"' in html
    assert (f'<span class="host" dir="ltr">{host}</span></a>' in html) if host else ("host" not in html)


@pytest.mark.parametrize(
    "target",
    [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "java\tscript:alert(1)",
        "&#106;avascript:alert(1)",
        "data:text/html,x",
    ]
    + [
        "vbscript:x",
        "file:///etc/passwd",
        "/admin/",
        "//evil.example/",
        "#m-1",
        "",
        "https:",
        "ftp://example.org/",
        "blob:x",
    ],
)
def test_other_targets_are_no_links(target: str) -> None:
    assert "<a" not in render(f"[a]({target})") and "<a" not in render(f"[a](<{target}>)")
    assert "<a" not in render(f"[a]\n\n[a]: {target}\n") and "<img" not in render(f"![a]({target})")


def test_a_picture_is_a_link_to_it() -> None:
    html = render("![A cat](https://example.org/cat.png?q=secret)")
    assert (
        "<img" not in html
        and '<a class="image" href="https://example.org/cat.png?q=secret"' in html
        and "A cat" in html
    )
    assert render("[![A cat](https://example.org/c.png)](https://example.org/)").count("<a ") == 1


# -- what takes long elsewhere -----------------------------------------------------------------------------------------

BOMBS = {
    "quotes": ">" * 50_000,
    "brackets": "[" * 100_000,
    "stars": "*" * 100_000,
    "pictures": "![" * 3_000,
    "emphasis": "*a **b " * 850,
    "links": "[a](" * 1_500,
    "ticks": "".join("`" * n + " " for n in range(108)),
    "dollars": "$a" * 3_000,
    "lists": "".join("  " * n + "- a\n" for n in range(200)),
    "quoted": "\n".join(">" * n for n in range(300)),
    "cells": "|a" * 200 + "\n" + "|-" * 200 + "\n" + "|\n" * 2_000,
    "entities": "&#x" * 2_000,
    "tex": "$$" + "{" * 999 + "}" * 999 + "$$",
    "fences": "```\n" * 4_000,
    "schemes": "http://" * 850,
    "underscores": "_a_" * 2_000,
    "a paragraph": "word [x](y) " * 9_000,
}


@pytest.mark.timeout(20)  # of a regular expression that never ends
@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_rendered_in_no_time_or_shown_as_text(name: str) -> None:
    """The promise is 200 ms on a machine that has nothing else to do; here what takes so long is counted."""
    with counted() as count:
        render_part(BOMBS[name], {})
    assert count.calls < 4_000_000


def test_a_text_that_breaks_the_renderer_is_shown_as_it_is(monkeypatch) -> None:
    def broken(*_: object) -> str:
        raise RecursionError

    monkeypatch.setattr("rooms.rendering.html._block", broken)
    assert render_part("# <b>\n", {}) == "<p># &lt;b&gt;\n</p>"
