"""Texts that were made to cost much, and what each of them costs in a process that renders.

`python -m tests.expensive`, with texts as JSON lines on its input, says for each its CPU seconds and its HTML's length;
`written` behind it takes them for what people write.
The kernel ends it if it takes longer than it may in all.
"""

from __future__ import annotations

import gc
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from rooms.rendering import budget, code, parts

CODE = code.HIGHLIGHT_MAX - 1
# What a lexer's pattern may look for in vain, from every place anew.
PIECES = (
    "\n", "a", "a ", "( ", "((", "[[", "{{", "<", "<a ", "</", '"', "'", "\\", "/*", "//", "#", "$", "${", "{%", "@",
    "-", "=", "0", "0x", "1.", "a.b.", "::", "a:\n", "a=\n", "\t", " ", '"""', "'''", "`", "|", "&", "^", "%", "!",
    "?", ";", "a(", "<!--", "<%", 'r"', "f'{", "é", "\r\n", "if ", "def a", "\n ", "\n#", '"\\', "a,", "*", "~", "_",
    "<a href='",
)  # fmt: skip
# What blocks and lines are made of.
MARKS = (
    "> ", ">", "- ", "* ", "1. ", "# ", "#", "a\n", "a\n\n", "- a\n", "> a\n", ">\n", "a\n=\n", "---\n", "```\n",
    "~~~\n", "```python\nx\n```\n", "- ```\n  ```\n", "|a", "|a|b|\n", "|", "[", "]", "![", "[a](", "[a]", "[a][b]",
    "[a]: http://x\n", "[^a]", "[^a]: x\n", "[^a]: ", "*", "**", "*a **b ", "_a_", "~~", "~~a", "`", "` ", "<", "<a",
    "<!--", "<br>", "<sub>", "<sub>a</sub>", "<details>\n", "</details>\n", "<details><summary>a</summary>\n",
    "<details>\n</details>\n", "> [!NOTE]\n", "- [ ] a\n", "&", "&amp;", "&#x", "\\", "\\\n", "  \n", "\n", " ", "\t",
    "    a\n", "$", "$$", "$a$ ", "$$a$$\n\n", "\\(", "\\[", "http://", "https://a.b ", "https://a.b/。",
    "<https://a.b>", "mailto:a@b.c ", "。", "「**", "**「」**", "a", "a ", "\0", "😀", "שלום ", "- שלום\n", "\r",
    "\x0b\n",
)  # fmt: skip


def by_lexers(pieces: tuple[str, ...] = PIECES) -> Iterator[str]:
    for language in sorted(code.LANGUAGES):
        for piece in pieces:
            yield f"```{language}\n{filled(piece, CODE)}\n```\n"


def by_constructs(size: int) -> Iterator[str]:
    for mark in MARKS:
        yield filled(mark, size)
        yield filled(mark, size // 2) + "\n\n" + filled(mark, size // 2)
        yield mark * 40 + "a\n" + filled("b\n", size)  # nested, and goes on lazily
        yield filled("".join("  " * level + mark + "\n" for level in range(40)), size)
        yield "[a]: http://x/" + "b" * min(size // 2, 16_000) + " 'c'\n[^a]: d\n\n" + filled(mark + "[a]", size // 2)
        yield "|a|b|\n|-|-|\n" + filled(f"|{mark.strip()}|\n", size)
        yield filled(mark + "a" * 500 + "\n\n", size)


def filled(piece: str, size: int) -> str:
    return (piece * (size // len(piece) + 1))[:size]


def costs(texts: list[str], job: str = "whole") -> list[tuple[float, int, bool]]:
    """(CPU seconds, characters of HTML, whether some of it is plain text) of each."""
    within = 10 + 2 * sum(budget.seconds_for(len(text)) for text in texts)
    lines = "".join(json.dumps(text) + "\n" for text in texts)
    done = subprocess.run(
        [sys.executable, "-m", "tests.expensive", str(int(within)), job],
        input=lines,
        capture_output=True,
        text=True,
        cwd=Path(__file__).parent.parent,
    )
    assert done.returncode == 0, (done.returncode, done.stderr[-1000:])
    return [tuple(json.loads(line)) for line in done.stdout.splitlines()]


def main() -> None:
    import resource

    resource.setrlimit(resource.RLIMIT_CPU, (int(sys.argv[1]),) * 2)
    budget.arm()
    for line in sys.stdin:
        text = json.loads(line)
        started = time.process_time()
        html, plain = parts.JOBS[sys.argv[2]](text)
        sys.stdout.write(json.dumps([time.process_time() - started, len(html), plain]) + "\n")
        del html, text
        gc.collect()


if __name__ == "__main__":
    main()
