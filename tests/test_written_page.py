"""What people write, in a real browser: every sign in its place, in each direction, and copied as it was written."""

from __future__ import annotations

import pytest

from .harness import pages
from .harness.waiting import eventually
from .test_copying_page import copied
from .windows import in_room, window

__all__ = ["window"]

pytestmark = [pytest.mark.browser, pytest.mark.page_only]

PASTED = "  # a comment\n\tdef __init__(self):\n\n1. *one*\n> $5 &amp; <b>  two  </b>\n\n"
CODE = "if x:\n    return '<b>'\n"
_KEEP = "(text) => { window.kept = [...text.childNodes]; }"
_KEPT = "(text) => kept.length === text.childNodes.length && kept.every((node, at) => node === text.childNodes[at])"
_SIDES = """(text) => {
  const box = text.querySelector(".written");
  const [{ left, right }, words] = [box.getBoundingClientRect(), document.createTreeWalker(box, NodeFilter.SHOW_TEXT)];
  const node = words.nextNode();
  let at = 0;
  return node.data.split("\\n").map((line) => {
    const range = document.createRange();
    range.setStart(node, at);
    range.setEnd(node, at + line.length);
    at += line.length + 1;
    const found = [...range.getClientRects()].filter(({ width }) => width > 0);
    if (!found.length) return "";
    if (Math.abs(Math.min(...found.map((rect) => rect.left)) - left) < 2) return "left";
    return Math.abs(Math.max(...found.map((rect) => rect.right)) - right) < 2 ? "right" : "between";
  });
}"""


async def test_what_is_sent_looks_as_it_was_written_before_and_after_the_server_has_it(room, window):
    page = await window()
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await in_room(page, room)
    text = page.locator("article[data-role=user] .text")
    await page.evaluate("(text) => { chatlab.cut(); chatlab.post(text); }", f"{PASTED}```\n{CODE}```\n\nand `ls  -l`.")
    await page.locator("article[data-pending]").wait_for()
    assert await text.evaluate("(text) => text.firstChild.textContent") == PASTED
    await text.evaluate(_KEEP)
    await page.evaluate("() => chatlab.plug()")
    await pages.ended(page)
    assert await text.evaluate(_KEPT), "the server's HTML is what stands there: nothing is drawn again"
    await text.evaluate("(text) => getSelection().selectAllChildren(text)")
    assert await copied(page) == f"{PASTED}{CODE}\nand ls  -l."
    await text.locator("[data-action=copy-code]").click()
    await eventually(
        lambda: page.evaluate("(code) => navigator.clipboard.readText().then((text) => text === code)", CODE)
    )
    await page.reload()
    await pages.live(page)
    assert await text.evaluate("(text) => text.firstChild.textContent") == PASTED


async def test_each_line_begins_on_the_side_of_its_language_and_what_is_wide_stays_inside(room, window):
    page = await window(width=390)
    await in_room(page, room)
    lines = "hello, world\nשלום, עולם\n\n  ls -l\n12: مرحبا\nend"
    await page.evaluate("(text) => chatlab.post(text)", lines)
    await pages.ended(page)
    text = page.locator("article[data-role=user] .text")
    assert await text.evaluate(_SIDES) == ["left", "right", "", "left", "right", "left"]
    wide = f"{'x' * 500}\n{'y ' * 300}\n```\n{'code ' * 100}\n```\nhttps://example.org/{'z' * 300}"
    await page.evaluate("(text) => chatlab.post(text)", wide)
    await eventually(lambda: page.locator("article[data-role=user] .text a").count(), 10)
    fits = "() => { const s = document.getElementById('scroller'); return s.scrollWidth <= s.clientWidth; }"
    assert await page.evaluate(fits)
