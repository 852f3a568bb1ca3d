"""The dialect: what people and models write, in any script, becomes what they mean, and no word is lost."""

from __future__ import annotations

import re
from html import unescape

import pytest
from hypothesis import given

from rooms.rendering import Blocks, render

from .documents import documents_of_words
from .profiles import examples

RTL = "שלום"


def stripped(html: str) -> str:
    """Without what every link has."""
    return html.replace(' target="_blank" rel="noopener noreferrer nofollow ugc"', "")


# -- the law -----------------------------------------------------------------------------------------------------------


def said(html: str) -> set[str]:
    """The words of its text, and of what it links to and says on hovering."""
    return set(re.findall(r"w\d+q", unescape(re.sub(r"</?(?:em|strong|s|a|sub|sup|kbd)\b[^<>]*>", " \\g<0> ", html))))


@pytest.mark.soak
@examples(150)
@given(documents_of_words())
def test_every_word_of_a_text_is_in_its_html(drawn: tuple[str, list[str]]) -> None:
    text, words = drawn
    assert set(words) - said(render(text)) == set(), text


@pytest.mark.parametrize("depth", [11, 12, 13, 20, 60, 300])
@pytest.mark.parametrize("mark", ["- ", "1. ", "> ", ">", "- > ", "> - ", "[^n]: ", "- [ ] "])
def test_what_is_nested_beyond_the_bound_is_shown_flat(mark: str, depth: int) -> None:
    html = render(mark * depth + "deep\n\nafter\n")
    assert "deep" in html and html.endswith("<p>after</p>")
    assert len(re.findall("<(?:ul|ol|blockquote|div)", html)) <= 48


@pytest.mark.parametrize("depth", [12, 40])
def test_each_item_of_a_list_of_many_levels_is_there(depth: int) -> None:
    items = "\n".join("  " * level + f"- item {level}." for level in range(depth))
    html = render(f"{items}\n- the last one\n\nafter\n")
    assert all(f"item {level}." in html for level in range(depth))
    assert html.endswith("<li>the last one</li>\n</ul><p>after</p>")


def test_cells_beyond_the_last_column_stand_in_it() -> None:
    html = render("| a | b |\n|---|---|\n| 1 | 2 | 3 | `x` \\| y |\n| 4 |")
    assert "<td>2 | 3 | <code>x</code> | y</td>" in html and "<td>4</td>\n<td></td>" in html
    assert "<td>1 | 2 | 3</td>" in render("> | a |\n> |---|\n> | 1 | 2 | 3")


def test_a_source_that_no_link_leads_to_is_shown() -> None:
    html = stripped(render('As said.\n\n[1]: https://example.org/1 "The first"\n[2]: https://example.org/2\n'))
    assert '<p>[1]: <a href="https://example.org/1">https://example.org/1</a> "The first"</p>' in html
    assert '<p>[2]: <a href="https://example.org/2">https://example.org/2</a></p>' in html
    assert render("As [1] said.\n\n[1]: https://example.org/1\n").count("example.org/1") == 1
    assert render("[1]\n\n[1]: https://example.org/1\n[1]: https://example.org/other").count("example.org/other") == 2


def test_a_title_is_said_on_hovering() -> None:
    assert 'title="A &quot;title&quot;"' in render("[a](https://example.org/ 'A \"title\"')")
    assert 'title="why"' in render("![a](https://example.org/ 'why')")
    assert 'title="why"' in render("[a]\n\n[a]: https://example.org/ 'why'")


def test_what_stands_behind_a_language_is_shown_below_the_code() -> None:
    assert '<p class="info">title=app.py</p></figure>' in render("```python title=app.py\nx\n```")
    assert '<p class="info">print("Hello, world")</p>' in render('```print("Hello, world")\nx\n```')
    assert "info" not in render("```Python\nx\n```")


# -- emphasis ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "这是**「重要」**的。", "他说**“你好”**，", "**注意：**请看", "请看**《红楼梦》**吧", "使用**（必须）**参数",
        "これは**「重要」**です。", "**テスト。**テスト", "한국어는 **한국어(Korean)**은", "**`code`**的",
        "太郎は**「こんにちは」**といった", "a**「あ」**b", "あ**(い)**う", "～～**【一】**～～", "我**10%**的",
        "葛󠄀**「葛」**", "**「一」**😀",
    ],
)  # fmt: skip
def test_emphasis_beside_cjk_punctuation(text: str) -> None:
    (inside,) = re.findall(r"\*\*(.*?)\*\*", text)
    assert f"<strong>{inside.replace('`code`', '<code>code</code>')}</strong>" in render(text)
    assert f"<em>{inside.replace('`code`', '<code>code</code>')}</em>" in render(text.replace("**", "*"))
    assert f"<s>{inside.replace('`code`', '<code>code</code>')}</s>" in render(text.replace("**", "~~"))


@pytest.mark.parametrize(
    "text", ["2 * 3 * 4", "a**'b'**c", 'a**"b"**c', "スネーク_ケース_名", "snake_「x」_case", "** 一 **", "a ** 「b」"]
)
def test_what_is_no_emphasis_stays_none(text: str) -> None:
    assert "<strong>" not in render(text) and "<em>" not in render(text)


# -- links -------------------------------------------------------------------------------------------------------------

URL = "https://example.org/a/b?c=d"


@pytest.mark.parametrize(
    "around",
    [
        "看：{}。谢谢", "（{}）", "「{}」", "『{}』、", "{}，然后", "{}；", "{}：", "{}！", "{}？", "【{}】",
        "《{}》", "“{}”", "‘{}’是", "«{}»", "‹{}›", "„{}“", "{}…", "{}——", "{}、{}。", "{}؟", "{}، ثم", "{}۔", "{}।",
        "{}）。", "{}～", "{}　後", "〔{}〕", "［{}］", "｛{}｝", "{}・", "{}”。", "**{}**。", "{}՝", "{}．",
    ],
)  # fmt: skip
@pytest.mark.parametrize("url", [URL, "https://example.org", "mailto:a@example.org", "https://例え.jp/パス"])
def test_a_bare_link_ends_before_punctuation_of_any_script(around: str, url: str) -> None:
    html = re.sub(r"<span.*?</span>", "", render(around.replace("{}", url)))  # without the names of hosts
    shown = re.sub(r"<[^<>]*>", "|", html)
    assert shown == f"|{around.strip().replace('**', '|').replace('{}', f'|{url}|')}|"


@pytest.mark.parametrize(
    "url",
    [
        "https://zh.wikipedia.org/wiki/中文", "https://en.wikipedia.org/wiki/Michelson–Morley_experiment",
        "https://fr.wikipedia.org/wiki/L’eau", "https://ca.wikipedia.org/wiki/Gal·la_x", "https://example.org/é",
    ],
)  # fmt: skip
def test_a_bare_link_keeps_what_belongs_to_it(url: str) -> None:
    assert f">{url}</a>." in render(f"See {url}.")


# -- from right to left ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "element"),
    [
        (f"- {RTL}\n- x", "ul"),
        (f"1. {RTL}", "ol"),
        (f"> {RTL}", "blockquote"),
        (f"| {RTL} |\n|---|\n| x |", 'div class="table" tabindex="0"'),
        (f"> [!NOTE]\n> {RTL}", 'div class="alert alert-note"'),
        (f"<details>\n<summary>{RTL}</summary>\n\nx\n</details>", "details"),
        (f"a[^1]\n\n[^1]: {RTL}", 'div class="footnote"'),
        (f"- `ls` {RTL}", "ul"),
        (f"- **1.** {RTL}", "ul"),
        (f"- https://example.org/ {RTL}", "ul"),
        ("- مرحبا", "ul"),
    ],
)
def test_what_begins_in_hebrew_or_arabic_begins_on_the_right(text: str, element: str) -> None:
    assert f'<{element} dir="rtl">' in render(text)


def test_direction_is_said_only_where_it_changes() -> None:
    assert "dir=" not in render(f"- one {RTL}\n- {RTL}\n\n> 1. a\n\n| a |\n|---|\n| {RTL} |")
    assert render(f"- {RTL}\n  - {RTL}\n  - x").count("dir=") == 1
    assert '<ul dir="ltr">' in render(f"> {RTL}\n>\n> - english")


# -- what GitHub adds --------------------------------------------------------------------------------------------------


def test_tasks_have_boxes() -> None:
    html = render("- [ ] open\n- [x] done\n- [X] done\n- [-] no\n- []\n\n[ ] none")
    assert html.count('<li class="task"><span class="check">☐ </span>') == 1
    assert html.count('<li class="task"><span class="check">☑ </span>') == 2
    assert "[-] no" in html and "<li>[]</li>" in html and "<p>[ ] none</p>" in html


def test_footnotes_stand_where_they_are_written_and_have_no_id() -> None:
    html = render("One[^1], two[^other], not [^0-9].\n\n[^1]: The *first*.\n[^other]: The second\n\n    goes on.")
    assert 'One<sup class="footnote">1</sup>, two<sup class="footnote">other</sup>, not [^0-9].</p>' in html
    assert '<div class="footnote"><sup class="footnote">1</sup> <div><p>The <em>first</em>.</p>\n</div></div>' in html
    assert "<p>The second</p>\n<p>goes on.</p>" in html and " id=" not in html


def test_a_footnote_that_is_defined_first_holds_for_the_parts_after_it() -> None:
    blocks = Blocks()
    blocks.feed("[^1]: note\n\n")
    html = ""
    for piece in ("One[^1].\n\n", "Two[^1].\n\n", "end\n"):
        blocks.feed(piece)
        html += blocks.advance().html
    assert html.count('<sup class="footnote">1</sup>') == 3


@pytest.mark.parametrize("kind", ["NOTE", "TIP", "IMPORTANT", "WARNING", "caution"])
def test_alerts(kind: str) -> None:
    html = render(f"> [!{kind}]\n> Mind the **gap**.")
    assert html.startswith(f'<div class="alert alert-{kind.lower()}">\n<p class="alert-title">{kind.capitalize()}</p>')
    assert "<p>Mind the <strong>gap</strong>.</p>" in html


def test_an_unknown_alert_is_a_quote() -> None:
    assert render("> [!CUSTOM]\n> x").startswith("<blockquote>\n<p>[!CUSTOM]")
    assert render("> [!NOTE] x").startswith("<blockquote>\n<p>[!NOTE] x")


# -- tags --------------------------------------------------------------------------------------------------------------


def test_tags_without_attributes() -> None:
    assert render("a<br>b<br/>c<BR />d") == "<p>a<br>b<br>c<br>d</p>"
    assert render("H<sub>2</sub>O, x<sup>*n*</sup>, <kbd>Ctrl</kbd>") == (
        "<p>H<sub>2</sub>O, x<sup><em>n</em></sup>, <kbd>Ctrl</kbd></p>"
    )
    assert "<td>a<br>b</td>" in render("| x |\n|---|\n| a<br>b |")


@pytest.mark.parametrize(
    "text",
    [
        "<sub>a", "a</sub>", "<sub>a</sup>", "<sub class='x'>a</sub>", "<br class=x>", "*a<sub>b*</sub>",
        "<details open>", "<kbd onclick=x>a</kbd>", "<details>", "</details>", "<summary>a</summary>",
        "<details>\n\n- </details>", "`<sub>a</sub>`", "\\<br>", "<details> is an element", "< br>",
        "    <details>\n    </details>", "> <details>\n\n</details>",
    ],
)  # fmt: skip
def test_a_tag_that_is_alone_or_has_attributes_is_text(text: str) -> None:
    assert not re.search(r"<(sub|sup|kbd|br|details|summary)", render(text))


def test_details_hold_what_is_between_their_tags() -> None:
    html = render("<details>\n<summary>More **of it**</summary>\n\n- a\n\n```\n</details>\n```\n</details>\nAfter\n")
    assert html.startswith("<details>\n<summary>More <strong>of it</strong></summary>\n<ul>\n<li>a</li>\n</ul>\n")
    assert html.endswith("</figure>\n</details><p>After</p>")
    nested = render("<details><summary>a</summary>\n<details>\n<summary>b</summary>\nc\n</details>\nd\n</details>")
    assert nested.count("<details>") == nested.count("<summary>") == 2


def test_details_are_one_block_of_a_growing_text() -> None:
    blocks = Blocks()
    blocks.feed("Before\n\n<details>\n\na\n\nb\n\n")
    assert blocks.advance().html == "<p>Before</p>"
    blocks.feed("c\n\n")
    assert blocks.advance() is None
    blocks.feed("</details>\n\nAfter\n")
    assert blocks.advance().html == "<details>\n<p>a</p>\n<p>b</p>\n<p>c</p>\n</details>"


# -- fences ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("````md\n```py\nx\n```\n````", "```py\nx\n```\n"),
        ("~~~\n```\nx\n```\n~~~", "```\nx\n```\n"),
        ("```\n~~~\nx\n~~~\n```", "~~~\nx\n~~~\n"),
        ("- a\n\n  ````\n  ```\n  x\n  ```\n  ````\n", "```\nx\n```\n"),
        ("> ~~~\n> ```\n> ~~~\n", "```\n"),
        ("1. a\n   ```sh\n   x\n   ```\n2. b", "x\n"),
    ],
)
def test_a_fence_in_a_fence(text: str, code: str) -> None:
    html = re.sub(r"</?span[^>]*>", "", render(text))
    assert html.count("<figure") == 1 and f"<code>{code}</code>" in html
