"""Markdown that property tests draw: everything that blocks are made of, well formed and not, in any order."""

from __future__ import annotations

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
    "- $$", "  $$", "\x0b", "\x0c", "a\rb", "\u2028", "- \\[",
)  # fmt: skip
_ENDINGS = ("\n", "\n", "\n", "\n", "\n\n", "\r\n", "")
_lines = st.tuples(st.sampled_from(_LINES), st.sampled_from(_ENDINGS)).map("".join)
documents = st.lists(_lines, max_size=24).map("".join)
_definitions = st.sampled_from(("[a]: https://example.org/a\n", "[word]: <https://example.org/w>\n", "[item]:\n/x\n"))
with_definitions = st.lists(st.one_of(_lines, _lines, _lines, _definitions), max_size=24).map("".join)


@st.composite
def streamed(draw: st.DrawFn, whole: st.SearchStrategy[str] = documents) -> list[str]:
    """A document in pieces, cut anywhere."""
    text = draw(whole)
    cuts = sorted(draw(st.lists(st.integers(0, len(text)), max_size=12)))
    return [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
