"""Formulas as models write them: drawn, where they stand, in bounded time; and what looks like one is left alone."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from rooms.rendering import math, render
from rooms.rendering.tex import SOURCE_MAX

from .counting import counted
from .formulas import BOMBS, FORMULAS

ROWS = re.compile(r"<mtr>")


def drawn(tex: str) -> str:
    html = render(f"$${tex}$$")
    assert "<math" in html and "<code class" not in html, tex
    return html


def test_what_models_write_is_drawn() -> None:
    for tex in FORMULAS:
        words = re.sub(r"<mtext>.*?</mtext>", "", drawn(tex))
        assert not re.search(r"\\[A-Za-z]|<merror", words), f"a piece of the source of {tex} is left"


ENVIRONMENTS = """
    aligned align align* split gathered gather* multline* cases pmatrix bmatrix vmatrix alignedat{2} eqnarray* dcases
"""


@pytest.mark.parametrize("name", ENVIRONMENTS.split())
def test_each_row_stands_in_a_row_of_its_own(name: str) -> None:
    at = "" if name[0] in "gm" else "&"
    begin, end = name.replace("{2}", "}{2"), name.replace("{2}", "")
    html = drawn(f"\\begin{{{begin}}} a {at}= b \\\\[4pt] {at}= c \\\\ {at}= d \\end{{{end}}}")
    assert len(ROWS.findall(html)) == 3 and "4" not in html


def test_rows_without_an_environment_are_aligned() -> None:
    assert len(ROWS.findall(drawn("a &= b \\\\ &= c"))) == 2


def test_equations_meet_at_their_signs_and_cases_begin_at_one_edge() -> None:
    assert '<mtd class="r nr"><mi>a</mi></mtd><mtd class="l nl"><mo>=</mo>' in drawn(
        "\\begin{aligned} a &= b \\end{aligned}"
    )
    assert drawn("\\begin{cases} a & b \\\\ c & d \\end{cases}").count('class="l nr gap"') == 2


def test_lines_of_an_array_are_drawn() -> None:
    html = drawn("\\left[\\begin{array}{cc|c} 1 & 2 & 3 \\\\ \\hline 4 & 5 & 6 \\end{array}\\right]")
    assert html.count('class="br"') == 1 and html.count("bt") == 3


def test_brackets_grow_where_they_should() -> None:
    assert "<mo>(</mo>" in drawn("\\left( \\frac{a}{b} \\right)")
    assert '<mo stretchy="false">(</mo>' in drawn("f(x)")


def test_a_limit_stands_below_its_operator_in_a_display() -> None:
    assert "<munder>" in drawn("\\operatorname*{arg\\,max}_x f") and "<munder>" in drawn("\\lim_{x \\to 0} f")


def test_colours_are_those_of_the_page() -> None:
    assert 'class="red"' in drawn("\\color{red} x") and 'class="blue"' in drawn("\\textcolor{blue}{x}")
    for colour in ("black", "white", "gray"):
        assert "class" not in drawn(f"\\textcolor{{{colour}}}{{x}}").replace('class="math"', "")


def test_numbers_labels_and_percent_signs() -> None:
    assert "(7)" in drawn("x = y \\tag{7} \\label{eq:x} \\nonumber") and "eq" not in drawn("x \\label{eq:x}")
    assert "%" in drawn("50% + x") and "x" in drawn("50% + x")


# -- where they stand --------------------------------------------------------------------------------------------------

STANDS = [
    "so $x$ is", "so \\(x\\) is", "so \\[x\\] is", "so $$x$$ is", "\\[x\\], where", "$$x$$.", "- \\[ x \\]",
    "- a\n  \\[\n  x\n  \\]", "1. a:\n   $$\n   x\n   $$", "1. $x$", "> \\[x\\]", "> $$\n> x\n> $$", "# $x$", "**$x$**",
    "*a $x$*", "| a |\n|---|\n| $x$ |", "| a |\n|---|\n| $$x$$ |", "a\n$$\nx\n$$\nb", "$$\n\nx\n$$\n\n$x$", "函数$x$是",
    "the $x$th", "($x$)", "$x$-axis", "$x$, $y$", "$$x\n$$", "[$x$](https://example.org)",
    "the sum\n\\[\nx\n\\]\nand more", "$x\n\\cdot y$",
]  # fmt: skip


@pytest.mark.parametrize("text", STANDS)
def test_it_is_found_wherever_it_stands(text: str) -> None:
    assert "<mi>x</mi>" in render(text)


MONEY = [
    "$5 and $10", "costs $5, or $6", "$5-$10", "$100/$200", "($5)/($6)", "US$5 and US$6", "5$ or 10$", "A$5 and A$6",
    "$5/month and $6/month", "It is $5 and the price is 10$.", "$5 plus 10$", "$ x $", "a $ b $ c",
    "$HOME and $PATH", "$HOME:$PATH", "$HOME/bin:$PATH", "echo $HOME/$USER", "${HOME}/$USER", "$a.$b", "$(a)$(b)",
    "kill $$", "echo $$ and kill $$ now", "$('a'), $('b')", "\\$x\\$", "`$x$`", "$", "$$", "$$$", "$$$$", "\\(\\)",
    "\\[\\]", "\\\\(x\\\\)", "x\\)", "$x", "\\(x", "so $$x",
]  # fmt: skip


@pytest.mark.parametrize("text", MONEY)
def test_money_and_variables_of_a_shell_are_none(text: str) -> None:
    assert "math" not in render(f"See {text}") and "math" not in render(f"- {text}")


@pytest.mark.parametrize("text", ["$$ x", "$$\nx", "$$\nx\n\nmore $$", "\\[\nx"])
def test_a_display_that_has_no_end_is_shown_as_it_is_written(text: str) -> None:
    html = render(text + "\n\nAfter.")
    assert "math" not in html and all(word in html for word in ("x", "After", text[1]))


# -- what cannot be drawn ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "tex",
    ["\\unknowncommand{x}", "\\begin{CD} A @>>> B \\end{CD}", "\\frac{", "x" * (SOURCE_MAX + 1), "{" * 60 + "}" * 60]
    + ["\\def\\a{\\a\\a}\\a", "\\newcommand{\\a}{x}\\a", "\\let\\a=x"],
)  # fmt: skip
def test_what_cannot_be_drawn_is_shown_as_its_source(tex: str) -> None:
    block, inline = render(f"$${tex}$$"), render(f"so \\({tex}\\) is")
    assert '<p class="math"><code class="math block">' in block and '<code class="math">' in inline
    assert "<math" not in block + inline


@pytest.mark.parametrize(
    "tex",
    ["\\unknowncommand", "\\href{javascript:alert(1)}{x}", "\\frac{", "{" * 300]
    + [
        "\\text{<script>alert(1)</script>}",
        "\\style{position:fixed}{x}",
        "\\class{host}{x}",
        "\\begin{foo}x\\end{bar}",
    ],
)
def test_mathematics_that_cannot_be_drawn_or_trusted_hurts_nobody(tex: str) -> None:
    html = render(f"$${tex}$$")
    assert "<script" not in html and "href" not in html and "style=" not in html and 'class="host' not in html
    assert "<math" in html or '<code class="math block">' in html


_ON_A_SMALL_STACK = """
import threading
from rooms.rendering import math
from tests.formulas import BOMBS
threading.stack_size(512 * 1024)
thread = threading.Thread(target=lambda: [math.set_math(f'<code class="math">{tex}</code>') for tex in BOMBS.values()])
thread.start()
thread.join()
"""


def test_no_formula_ends_the_process() -> None:
    """The converter is native: what recursed too deep would not be an exception, nor what never ends."""
    done = subprocess.run([sys.executable, "-c", _ON_A_SMALL_STACK], capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr[-500:]


def test_no_formula_takes_long_or_makes_much() -> None:
    for name, tex in BOMBS.items():
        math._mathml.cache_clear()
        with counted() as count:
            html = math.set_math(f'<code class="math block">{tex}</code>')
        assert count.calls < 1_000_000 and len(html) < math.HTML_MAX + 100, name
