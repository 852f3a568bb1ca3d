"""Formulas in a real browser: whole, with brackets that grow, and quiet while they are written."""

from __future__ import annotations

from base64 import b64encode

import pytest
from playwright.async_api import Locator

from .harness import pages
from .harness.upstream import Question
from .harness.waiting import eventually

pytestmark = [pytest.mark.browser, pytest.mark.page_only]

TALL = r"""The demo's $\overline{t}$ and $\sqrt{\frac{a}{b}}$, $\hat{\overline{X}}$:

$$
\overline{t} = (1 - p) \, t_{\text{layer}} + p \, \frac{T}{2} \qquad T = 1\,s
$$

# A $\frac{a}{\frac{b}{c}}$, $\sum_{i=1}^{n} \frac{1}{i^2} + \int_0^\infty e^{-x^2}\,dx \text{ and}$

- in a list \[ \overbrace{\widehat{abc} + \begin{bmatrix} 1 & 0 \\ 0 & 1 \\ 2 & 3 \end{bmatrix}}^{n} \underbrace{x}_{\frac{a}{b}} \]

| a | b |
|---|---|
| $\frac{\frac{a}{b}}{c}$ | ก็ที่ผู้ हिन्दी $\sum_{i=1}^n \frac{\hat{x}}{y}$ **𝔸😀** `ÅḖ g` |

```
ÅÃḖ ก็ที่ผู้ gjpqy हिन्दी
```

ÅÃḖ ก็ที่ผู้ ُّٱلسَّلَامُ हिन्दी ज़िं
"""  # noqa: E501
BOXES = ".prose :is(p.math, .formula, .table, pre)"
# The first picture is as the page is; the second without any box that could cut something off.
_UNCUT = f"() => document.querySelectorAll('{BOXES}').forEach((box) => (box.style.overflow = 'visible'))"


# A box that scrolls is painted apart, and its round corners are a shade lighter or darker.
_DIFFERING = """async (pictures) => {
  const [one, other] = await Promise.all(pictures.map(async (data) => {
    const image = new Image();
    image.src = `data:image/png;base64,${data}`;
    await image.decode();
    const canvas = new OffscreenCanvas(image.width, image.height).getContext("2d");
    canvas.drawImage(image, 0, 0);
    return canvas.getImageData(0, 0, image.width, image.height).data;
  }));
  return one.length === other.length ? one.filter((shade, at) => Math.abs(shade - other[at]) > 24).length : Infinity;
}"""


async def at_rest(node: Locator) -> bytes:
    """A picture of it, once it is the same twice."""
    last = b""

    async def taken() -> bytes | None:
        nonlocal last
        before, last = last, await node.screenshot(animations="disabled")
        return last if last == before else None

    return await eventually(taken, 10, "nothing moves any more")


@pytest.mark.parametrize("scale", [1, 2])
async def test_no_formula_and_no_letter_loses_its_top(scale, server, alice, room, page_of):
    page = await page_of(alice, room)
    await page.set_viewport_size({"width": 1280 // scale, "height": 1400})
    await pages.live(page)
    await pages.ask(page, Question({"text": [TALL]}))
    answer = (await pages.ended(page))["id"]
    await page.locator(f"#m-{answer} math").nth(7).wait_for()
    assert await page.evaluate("() => document.fonts.load('16px \"chatlab math\"').then((fonts) => fonts.length)") == 1
    text = page.locator(f"#m-{answer} [data-part=text]")
    await page.mouse.move(0, 0)
    shown = await at_rest(text)
    await page.evaluate(_UNCUT)
    uncut = await at_rest(text)
    differing = await page.evaluate(_DIFFERING, [b64encode(picture).decode() for picture in (shown, uncut)])
    assert differing == 0, "what stands out of its box is cut off"


_GROWN = """(id) => {
  const box = (selector) => document.querySelector(`#m-${id} p.math ${selector}`).getBoundingClientRect();
  return [
    box("mo").height / box("mtable").height,
    box("msqrt").height / box("msqrt mfrac").height,
  ];
}"""


async def test_brackets_and_roots_are_as_large_as_what_is_in_them(server, alice, room, page_of):
    page = await page_of(alice, room)
    await pages.live(page)
    formula = "\\begin{vmatrix} 1 \\\\ 2 \\\\ 3 \\\\ 4 \\end{vmatrix} \\sqrt{\\frac{a}{b}}"
    await pages.ask(page, Question({"text": [f"$$\n{formula}\n$$\n"]}))
    answer = (await pages.ended(page))["id"]
    await page.locator(f"#m-{answer} math").wait_for()
    await page.evaluate("() => document.fonts.load('16px \"chatlab math\"')")
    ratios = await page.evaluate(_GROWN, answer)
    assert all(0.9 < ratio < 1.5 for ratio in ratios), ratios


_PENDING = """(id) => [...document.querySelectorAll(`#m-${id} code.pending`)].map((code) => {
  const { fontSize } = getComputedStyle(code);
  return [code.textContent, fontSize, code.getBoundingClientRect().height > 10];
})"""


async def test_a_formula_that_is_written_is_a_quiet_place(upstream, server, alice, room, page_of):
    base = Question()
    gates = [base.gate("one"), base.gate("two")]
    page = await page_of(alice, room)
    await pages.live(page)
    begun, more = "{b}$, and\n\n$$\nx = \\frac{1}{2} +\n", "y\n$$\n\nThe end."
    question = Question(
        {"text": ["It is $\\frac{a}"]}, {"gate": gates[0]}, {"text": [begun]}, {"gate": gates[1]}, {"text": [more]}
    )
    await pages.ask(page, question)
    answer = (await pages.shows(page, "\\frac{a}"))["id"]
    assert await page.evaluate(_PENDING, answer) == [["\\frac{a}", "0px", True]]
    await upstream.open(gates[0])
    await pages.shows(page, "+\n")
    assert ["x = \\frac{1}{2} +", "0px", True] in await page.evaluate(_PENDING, answer)
    place = await page.locator(f"#m-{answer} p.math").bounding_box()
    await upstream.open(gates[1])
    await pages.ended(page)
    await eventually(lambda: page.locator(f"#m-{answer} p.math math").count(), 10, "it is drawn")
    drawn = await page.locator(f"#m-{answer} p.math").bounding_box()
    assert abs(drawn["height"] - place["height"]) < 24 and await page.locator("code.pending").count() == 0
