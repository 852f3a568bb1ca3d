"""TeX as models write it, in the words that the converter knows.

It knows the commands of formulas. What belongs to a document around them (numbers, labels, rows further apart) goes,
environments that differ in that only become one, and what recurses too deep or defines commands is refused: the
converter is native code, and its stack is not ours to spend.
"""

from __future__ import annotations

import re

SOURCE_MAX = 2_000  # characters
DEPTH_MAX = 40  # calls within calls; native code, on a stack of 512 KiB, ends the process at 129

MACROS = {
    "dotsb": r"\cdots", "dotsm": r"\cdots", "dotsi": r"\cdots", "dotsc": r"\ldots", "dotso": r"\ldots",
    "hdots": r"\ldots", "pmb": r"\boldsymbol{#1}", "mathbfit": r"\boldsymbol{#1}", "C": r"\mathbb{C}",
    "Q": r"\mathbb{Q}", "qed": r"\square", "AA": r"\mathrm{Å}", "wideparen": r"\overparen{#1}", "smash": "#1",
    "mathstrut": "", "mathclap": "#1", "mathllap": "#1", "mathrlap": "#1", "textdegree": r"{}^\circ",
    "textbackslash": r"\backslash", "colorbox": r"\boxed{#2}", "href": "#2", "require": "", "num": "#1",
    "si": r"\,\mathrm{#1}", "unit": r"\,\mathrm{#1}", "SI": r"#1\,\mathrm{#2}", "qty": r"#1\,\mathrm{#2}",
}  # fmt: skip
_KINDS = {
    "aligned": "align align* split alignedat alignat alignat* flalign flalign*",
    "gathered": "gather gather* multline multline*",
    "": "equation equation* displaymath math",
    "matrix": "matrix* smallmatrix",
    **{f"{kind}matrix": f"{kind}matrix*" for kind in "pbBvV"},
}
_SAME = {name: kind for kind, names in _KINDS.items() for name in names.split()}
_ENVIRONMENT = re.compile(r"\\(begin|end)\s*\{\s*(\w+\*?)\s*\}")
_ARGUMENTS = re.compile(r"\s*(?:\[[a-z]\]|\{\d+\})")  # where it stands, or of how many columns it is
_ROW = re.compile(r"\\\\\*?(?:\s*\[\s*-?[\d.]+\s*(?:pt|em|ex|mm|cm|in|px|mu|bp)\s*\])?")
_NUMBER = re.compile(r"\\tag\*?\s*\{([^{}]*)\}")
_LABEL = re.compile(r"\\(?:label\s*\{[^{}]*\}|nonumber(?![A-Za-z])|notag(?![A-Za-z]))")
_WORDS = re.compile(r"\\(?:text|mbox|textrm)\s*\{([^{}]*)\}")
_BETWEEN_DOLLARS = re.compile(r"(?<!\\)\$([^$]*[^$\\])\$")
_CHEMISTRY = re.compile(r"\\ce\s*\{((?:[^{}]|\{[^{}]*\})*)\}")
_REACTIONS = {
    "<=>": r"\rightleftharpoons{}",
    "<->": r"\leftrightarrow{}",
    "->": r"\longrightarrow{}",
    "<-": r"\longleftarrow{}",
}
_NO_SPACE = re.compile(r"@\{[^{}]*\}")  # between an array's columns
_PERCENT = re.compile(r"(?<!\\)%")  # nobody comments on a formula
_DEFINES = re.compile(r"\\(?:[egx]?def|let|futurelet|global|(?:re)?newcommand|providecommand|DeclareMathOperator)\b")
_OPENS, _CLOSES = {"{", "\\begin", "\\left"}, {"}", "\\end", "\\right"}
_TOKEN = re.compile(r"\\(?:begin|left)(?![A-Za-z])|\\(?:end|right)(?![A-Za-z])|\\[A-Za-z]+|\\.|\s+|.", re.DOTALL)


class Refused(Exception):
    """Something that is not drawn."""


def prepared(tex: str) -> str:
    if len(tex) > SOURCE_MAX or _DEFINES.search(tex):
        raise Refused
    tex = _LABEL.sub("", _ROW.sub(r"\\\\", tex))
    tex = _NUMBER.sub(r"\\qquad\\text{(\1)}", tex)
    tex = _CHEMISTRY.sub(_chemistry, tex)
    tex = _WORDS.sub(_text, tex)
    tex = _PERCENT.sub(r"\\%", _NO_SPACE.sub("", tex))
    tex = _in_rows(_stacked(_environments(tex)))
    if _depth(tex) > DEPTH_MAX:
        raise Refused
    return tex


def _chemistry(found: re.Match) -> str:
    """Of mhchem what is common: numbers of atoms, charges, arrows."""
    text = re.sub(r"\^(?!\{)(\d*[+-])", r"^{\1}", found[1])
    text = re.sub(r"([A-Za-z)\]])(\d+)", r"\1_{\2}", text)
    for arrow, command in _REACTIONS.items():
        text = text.replace(f" {arrow} ", f" {command} ")
    return f"\\mathrm{{{text}}}"


def _text(found: re.Match) -> str:
    """Words, and the formulas between them."""
    return "\\text{" + _BETWEEN_DOLLARS.sub(r"}\1\\text{", found[1]) + "}"


def _environments(tex: str) -> str:
    pieces, end = [], 0
    for found in _ENVIRONMENT.finditer(tex):
        side, name = found.groups()
        pieces.append(tex[end : found.start()])
        end = found.end()
        if name in ("eqnarray", "eqnarray*"):
            pieces.append("\\begin{array}{rcl}" if side == "begin" else "\\end{array}")
            continue
        known = _SAME.get(name, name)
        if side == "begin" and name != "array" and (arguments := _ARGUMENTS.match(tex, end)):
            end = arguments.end()
        pieces.append(f"\\{side}{{{known}}}" if known else "")
    return "".join(pieces) + tex[end:]


def _stacked(tex: str) -> str:
    """`\\substack{…}` is an array of one column."""
    while (at := tex.find("\\substack{")) >= 0:
        start = at + len("\\substack{")
        end, depth = start, 1
        while end < len(tex) and depth:
            depth += {"{": 1, "}": -1}.get(tex[end], 0) if tex[end - 1] != "\\" else 0
            end += 1
        if depth:
            raise Refused
        tex = f"{tex[:at]}\\begin{{subarray}}{{c}}{tex[start : end - 1]}\\end{{subarray}}{tex[end:]}"
    return tex


def _in_rows(tex: str) -> str:
    """Rows that no environment is around are aligned ones."""
    depth = 0
    for token in _TOKEN.findall(tex):
        depth += (token in _OPENS) - (token in _CLOSES)
        if depth == 0 and token in ("\\\\", "&"):
            return f"\\begin{{aligned}}{tex}\\end{{aligned}}"
    return tex


def _depth(tex: str) -> int:
    """Never less than how deep a parser that descends may have to: a command may stand in the one before it."""
    groups: list[int] = []
    within = commands = deepest = 0
    for token in _TOKEN.findall(tex):
        if token in _OPENS or token == "[":
            groups.append(commands + 1)
            within, commands = within + commands + 1, 0
        elif token in _CLOSES or token == "]":
            within, commands = within - (groups.pop() if groups else 0), 0
        elif token[0] == "\\" or token in "^_":
            commands += 1
        elif not token.isspace():
            commands = 0
        deepest = max(deepest, within + commands)
    return deepest
