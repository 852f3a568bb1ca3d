"""Where mathematics stands in Markdown: between dollars, `\\(` and `\\)`, `\\[` and `\\]`, in a line or as a block.

Dollars are also money and variables of shells, so what stands around them and between them has to look like a formula.
static/rooms/inline.js has the same rules.
"""

from __future__ import annotations

import re

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.rules_inline import StateInline

_CLOSING = {"$$": "$$", "\\[": "\\]"}
_ESCAPED = {"\\(": "\\)", "\\[": "\\]"}
_DOLLARS = re.compile(
    r"\$\$(?!\$)(?P<display>(?:\\.|\$(?!\$)|[^$\\])+)\$\$(?!\$)|\$(?![\s$])(?P<inline>(?:\\.|[^$\\])+)(?<!\s)\$(?!\$)",
    re.DOTALL,
)
_STUCK = re.compile(r"[0-9A-Za-z$\\]")  # before a dollar: US$5, 5$
_GOES_ON = re.compile(r"(?!(?:st|nd|rd|th|s)\b)[0-9A-Za-z_{(]", re.ASCII)  # behind one: $a:$b, but the $n$th
_PROSE = re.compile(r"^[\d.,]+\s+[A-Za-z]{2,}|(?:^|[\s(])[A-Za-z]{2,}[,.]?\s+[A-Za-z]{2,}(?:$|[\s,.)])")
_SIGNS = re.compile(r"[\\^_={}]")


def add_mathematics(parser: MarkdownIt) -> None:
    parser.inline.ruler.before("escape", "math_dollars", _between_dollars)
    parser.inline.ruler.before("escape", "math_brackets", _between_brackets)
    parser.block.ruler.before("fence", "math_block", _block, {"alt": ["paragraph", "reference", "blockquote", "list"]})


def _block(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """`$$` or `\\[` at the start of a line, up to its counterpart at the end of one. A blank line ends it too, and then
    it was none: a paragraph of what is written. So is one that goes on behind the counterpart. What is further down
    decides nothing.
    """
    if state.is_code_block(start):
        return False
    first = _line(state, start)
    closing = _CLOSING.get(first[:2])
    if closing is None:
        return False
    lines, line = [first[2:]], start + 1
    while closing not in lines[-1] and line < end and _goes_on(state, line):
        lines.append(_line(state, line))
        line += 1
    last, closed, behind = lines[-1].partition(closing)
    if behind and line == start + 1:
        return False
    if silent:
        return True
    content = "\n".join([*lines[:-1], last]).strip()
    if closed and content and not behind:
        state.line = line
        token = state.push("math_block", "math", 0)
        token.block, token.map, token.markup, token.content = True, [start, line], first[:2], content
    else:
        _paragraph(state, start, line if not behind else _end_of_paragraph(state, line, end))
    return True


def _goes_on(state: StateBlock, line: int) -> bool:
    return not state.isEmpty(line) and state.sCount[line] >= state.blkIndent


def _end_of_paragraph(state: StateBlock, line: int, end: int) -> int:
    rules = state.md.block.ruler.getRules("paragraph")
    around, state.parentType = state.parentType, "paragraph"
    while line < end and _goes_on(state, line) and not any(rule(state, line, end, True) for rule in rules):
        line += 1
    state.parentType = around
    return line


def _paragraph(state: StateBlock, start: int, end: int) -> None:
    state.line = end
    opening = state.push("paragraph_open", "p", 1)
    opening.map = [start, end]
    inline = state.push("inline", "", 0)
    inline.content = state.getLines(start, end, state.blkIndent, False).strip()
    inline.map, inline.children = opening.map, []
    state.push("paragraph_close", "p", -1)


def _line(state: StateBlock, line: int) -> str:
    return state.src[state.bMarks[line] + state.tShift[line] : state.eMarks[line]].rstrip()


def _between_dollars(state: StateInline, silent: bool) -> bool:
    if state.src[state.pos] != "$" or state.pos and _STUCK.match(state.src[state.pos - 1]):
        return False
    found = _DOLLARS.match(state.src, state.pos, state.posMax)
    if found is None or _GOES_ON.match(state.src, found.end()):
        return False
    content = found["display"] or found["inline"]
    if not content.strip() or _PROSE.search(content) and not _SIGNS.search(content):
        return False
    return _push(state, silent, content, "$$" if found["display"] else "$", found.end())


def _between_brackets(state: StateInline, silent: bool) -> bool:
    opening = state.src[state.pos : state.pos + 2]
    closing = _ESCAPED.get(opening)
    end = state.src.find(closing, state.pos + 2, state.posMax) if closing else -1
    content = state.src[state.pos + 2 : end]
    return end >= 0 and bool(content.strip()) and _push(state, silent, content, opening, end + 2)


def _push(state: StateInline, silent: bool, content: str, markup: str, end: int) -> bool:
    if not silent:
        token = state.push("math_inline_double" if markup in _CLOSING else "math_inline", "math", 0)
        token.content, token.markup = content.strip(), markup
    state.pos = end
    return True
