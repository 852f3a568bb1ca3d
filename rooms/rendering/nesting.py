"""Nothing that is written vanishes: neither what is nested too deeply, nor what is more than a table's columns."""

from __future__ import annotations

from markdown_it.parser_block import ParserBlock
from markdown_it.rules_block import StateBlock
from markdown_it.rules_block.table import escapedSplit, getLine, table
from markdown_it.token import Token


class FlatBlock(ParserBlock):
    """Beyond `maxNesting` levels markdown-it leaves everything out; here it is a paragraph of the lines as written."""

    def tokenize(self, state: StateBlock, startLine: int, endLine: int) -> None:
        if state.level < state.md.options.maxNesting:
            super().tokenize(state, startLine, endLine)
        else:
            _flat(state, startLine, endLine)


def _flat(state: StateBlock, line: int, end: int) -> None:
    first, lines = line, []
    while line < end and (state.isEmpty(line) or not 0 <= state.sCount[line] < state.blkIndent):
        if not state.isEmpty(line):
            lines.append(getLine(state, line).rstrip())
        line += 1
    state.line = line
    if lines:
        add_paragraph(state, "  \n".join(lines), [first, line])


def add_paragraph(state: StateBlock, content: str, lines: list[int]) -> None:
    state.push("paragraph_open", "p", 1).map = lines
    inline = state.push("inline", "", 0)
    inline.content, inline.map, inline.children = content, lines, []
    state.push("paragraph_close", "p", -1)


def table_of_all_cells(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """A row's cells beyond the last column stand in the last column. (GitHub leaves them out.)"""
    before = len(state.tokens)
    if not table(state, start, end, silent):
        return False
    rows: list[list[Token]] = [[]]  # the cells of each
    for token in state.tokens[before:]:
        if token.type == "tr_open":
            rows.append([])
        elif token.type == "inline":
            rows[-1].append(token)
    for cells in rows[2:]:
        surplus = _split(getLine(state, cells[0].map[0]))[len(cells) :]
        if surplus:
            cells[-1].content = " | ".join([cells[-1].content, *(cell.strip() for cell in surplus)])
    return True


def _split(line: str) -> list[str]:
    cells = escapedSplit(line.strip())
    if cells and not cells[0]:
        del cells[0]
    if cells and not cells[-1]:
        del cells[-1]
    return cells
