"""Markdown that property tests draw: everything that blocks are made of, well formed and not, in any order."""

from __future__ import annotations

import re

from hypothesis import strategies as st

_LINES = (
    "", "", "", "word and word", "*em* **strong** `code`", "# heading", "## two ##", "####### seven", "-", "- item",
    "- [ ] task", "* star", "+ plus", "1. one", "2) two", "  - nested", "    indented", "\ttab", "> quote",
    "> > deep", ">", "> - in a quote", "> ```", "```", "```python", "~~~", "~~~ js", "````", "   ```",
    "def f(x): return x", "---", "***", "___", "===", "--", "=", "| a | b |", "|---|:-:|", "| 1 | `|` |", "a | b",
    "-|-", "$$", "$$ x^2 $$", "$$ x", "x $$", "$x^2$ and $5", "\\[", "\\]", "\\[ y \\]", "\\(z\\)", "<div>",
    "<!-- c -->", "</p>", "&amp; &#x41;", "[a](https://example.org/x)", "![i](https://example.org/i.png)",
    "https://example.org/bare", "<https://example.org>", "[open](", "![", "\\", "two  ", "back\\", "1986. a year",
    "  ", "\u00a0", "😀 漢字", "- - nested", "1. - mixed", "- ```", "- > quoted", "- | a |", "  | b |", "  |---|",
    "- $$", "  $$", "\x0b", "\x0c", "a\rb", "\u2028", "- \\[", "> [!NOTE]", "- [x] done",
    "**「強調」**する。https://example.org。", "<details>", "</details>", "<summary>s</summary>", "<summary>",
    "</summary>", "<details><summary>t</summary>", "  </details>", "- <details>", "a<br>b <sub>c</sub>", "[^1]",
    "| a | b | c | d |", "שלום", "- שלום",
)  # fmt: skip
_ENDINGS = ("\n", "\n", "\n", "\n", "\n\n", "\r\n", "")
_lines = st.tuples(st.sampled_from(_LINES), st.sampled_from(_ENDINGS)).map("".join)
documents = st.lists(_lines, max_size=24).map("".join)
_DEFINITIONS = (
    "[a]: https://example.org/a\n", "[word]: <https://example.org/w>\n", "[item]:\n/x\n", "[^1]: note\n",
    "    of the note\n",
)  # fmt: skip
_definitions = st.sampled_from(_DEFINITIONS)
with_definitions = st.lists(st.one_of(_lines, _lines, _lines, _definitions), max_size=24).map("".join)


@st.composite
def streamed(draw: st.DrawFn, whole: st.SearchStrategy[str] = documents) -> list[str]:
    """A document in pieces, cut anywhere."""
    text = draw(whole)
    cuts = sorted(draw(st.lists(st.integers(0, len(text)), max_size=12)))
    return [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]


# -- documents of which every word can be looked for -------------------------------------------------------------------

_HOLDERS = ("> ", ">", "- ", "* ", "1. ", "2) ", "  ", "    ", "\t", "[^n]: ", "- [ ] ", "# ", "> [!NOTE] ")
_SAYING = (
    "@", "@ @", "*@* **@** ~~@~~ `@`", "# @ #", "| @ | @ |", "| @ | @ | @ | @ |", "@ | @", "|-|:-:|", "```@ @", "```",
    "~~~ @", "~~~", "[@](https://example.org/@ '@')", "![@](https://example.org/ \"@\")",
    "[@]: https://@.example/ '@'", "[@][@]", "[a] [a]", "[a]: https://@.example/", "[a]: <@> (@)", "[^n] @",
    "[^n]: @", "[^@]: @", "[^@]", "<!-- @ -->", "<!-- @", "<b class='@'>@</b>", "<details>", "<summary>@</summary>",
    "<details><summary>@</summary>", "</details>", "@</details>", "<summary>", "</summary> @",
    "<sub>@</sub> <sup>@ <kbd>@</kbd>", "<br>@", "> [!NOTE]", "> [!@]", "[!TIP]", "- [x] @", "&@; &amp;@ \\@",
    "https://example.org/@", "<https://@.example>", "---", "===", "title: @", "", "", "@  ", "@\\", "**「@」**@",
    "https://@.example/@。@）@", "<?@ @?>", "<![CDATA[@]]>", "<!@>", "[@](javascript:@)", "[@](<@>)", "![@](/@ '@')",
    "[@]()",
)  # fmt: skip


@st.composite
def documents_of_words(draw: st.DrawFn) -> tuple[str, list[str]]:
    """(a document, the words that it says): each stands in it once. Some of its lines are nested very deeply."""
    words: list[str] = []

    def word(_: object) -> str:
        words.append(f"w{len(words)}q")
        return words[-1]

    lines = []
    for saying in draw(st.lists(st.sampled_from(_SAYING), max_size=16)):
        holders = draw(st.lists(st.sampled_from(_HOLDERS), max_size=3))
        lines.append("".join(holders) * draw(st.sampled_from((1, 1, 1, 9, 30))) + re.sub("@", word, saying))
    return "\n".join(lines), words
