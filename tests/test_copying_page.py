"""Copying by hand, as people do it: the text goes along, buttons and labels do not. And what scrolls says so."""

from __future__ import annotations

import pytest

from .harness import pages
from .harness.upstream import Question
from .harness.waiting import eventually

pytestmark = [pytest.mark.browser, pytest.mark.page_only]

CODE = "def f(x):\n    if x:\n\n        return 'a\tb'\n"
ANSWER = f"Before.\n\n```python\n{CODE}```\n\nBetween.\n\n```\n$ ls -l\n  two\n```\n\nAfter.\n"
_SELECT = "(selector) => getSelection().selectAllChildren(document.querySelector(selector))"


async def copied(page) -> str:
    """What Ctrl+C puts on the clipboard."""
    await page.evaluate("() => navigator.clipboard.writeText('')")
    await page.keyboard.press("ControlOrMeta+c")
    return await eventually(lambda: page.evaluate("() => navigator.clipboard.readText()"), 5, "something is copied")


async def test_what_is_selected_and_copied_has_no_button_and_no_label(server, alice, room, page_of):
    page = await page_of(alice, room)
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await pages.live(page)
    await pages.ask(page, Question({"text": [ANSWER]}))
    answer = (await pages.ended(page))["id"]
    await eventually(lambda: page.locator(f"#m-{answer} figure .k").count(), 10, "the code is finished")
    await page.locator("h1").click()
    await page.evaluate(_SELECT, f"#m-{answer} figure pre")
    assert (await copied(page)).rstrip("\n") == CODE.rstrip("\n")
    await page.evaluate(_SELECT, f"#m-{answer} [data-part=text]")
    text = await copied(page)
    assert CODE.rstrip("\n") in text and "$ ls -l\n  two" in text and text.split()[0] == "Before."
    assert "Copy" not in text and "python" not in text and text.rstrip().endswith("After.")
    await page.evaluate(_SELECT, "#messages")
    whole = await copied(page)
    words = ("Copy", "python", "Answer again", "Replay", "Edit", "Reasoning")
    labels = [line for line in whole.split("\n") if line.strip() in words]
    assert labels == [] and CODE.rstrip("\n") in whole


_EDGES = """(selector) => {
  const { backgroundImage, backgroundAttachment } = getComputedStyle(document.querySelector(selector));
  return [backgroundImage.split("linear-gradient").length - 1, backgroundAttachment];
}"""


@pytest.mark.parametrize(("word", "key"), [("column", "ArrowRight"), ("עמודה", "ArrowLeft")])
async def test_a_wide_table_shows_that_it_goes_on_and_scrolls_by_keyboard(word, key, server, alice, room, page_of):
    page = await page_of(alice, room)
    await page.set_viewport_size({"width": 390, "height": 700})
    await pages.live(page)
    row = "|" + f" {word} |" * 20 + "\n"
    rows = f"{row}|{'---|' * 20}\n{row}"
    await pages.ask(page, Question({"text": [rows, "\nThe end."]}))
    answer = (await pages.ended(page))["id"]
    table = page.locator(f"#m-{answer} .table")
    await table.wait_for()
    assert await page.evaluate(_EDGES, f"#m-{answer} .table") == [4, "local, local, scroll, scroll"]
    assert await table.get_attribute("role") == "region" and await table.get_attribute("aria-label")

    async def scrolled() -> bool:
        await table.press(key)  # the first may come before the box is laid out as one that scrolls
        return await table.evaluate("(box) => Math.abs(box.scrollLeft) > 5")

    await eventually(scrolled, 5, "it has scrolled")
