"""Rendered text in a real browser: the same in every tab and after a reload, never touched again, never in the way."""

from __future__ import annotations

import re

import pytest

from rooms.rendering import Blocks

from .harness import pages
from .harness.upstream import Question
from .harness.waiting import eventually

pytestmark = pytest.mark.browser

RICH = [
    "# A title\n\nA paragraph with **stro",
    "ng** words and [a link](https://example.org/x).\n\n",
    "- one\n- two\n  1. deep\n\n```python\ndef f(x):\n    ret",
    "urn x\n```\n\n| a | b |\n|--:|---|\n| 1 | `x` |\n| 2 ",
    "| $y^2$ |\n\n$$\n\\frac{1}{2}\n$$\n\n> quo",
    "ted\n\nSee [below].\n\nThe last words.\n\n[below]: https://example.org/below\n",
]
MODULES = "() => [...document.querySelectorAll('link[rel=modulepreload]')].map(({ href }) => href)"
_HTML = """id => {
  const html = (part) => document.querySelector(`#m-${id} [data-part=${part}]`).innerHTML;
  return html("reasoning") + html("text");
}"""


async def same_html(message: str, *open_pages) -> str:
    """What all these pages show of a message and of the thought before it, once it is the same, with nothing left of
    the block being written.
    """

    async def same() -> str | None:
        found = {await page.evaluate(_HTML, message) for page in open_pages}
        return found.pop() if len(found) == 1 else None

    return await eventually(same, 10, "all pages show the same")


async def test_two_tabs_one_that_was_reloaded_and_a_fresh_one_show_the_same_html(
    upstream, server, alice, bob, room, page_of, tab
):
    gates = [Question().gate("one"), Question().gate("two")]
    question = Question(
        {"reasoning": RICH[:4]}, {"gate": gates[0]}, {"reasoning": RICH[4:]}, {"text": RICH[:4]}, {"gate": gates[1]},
        {"text": RICH[4:]},
    )  # fmt: skip
    stays, reloads = await page_of(alice, room), await page_of(bob, room)
    await pages.live(stays)
    await pages.ask(stays, question)
    thought = [page.locator("article[data-role=assistant] details.reasoning figure .k") for page in (stays, reloads)]
    for code in thought:
        await eventually(code.count, 10, "what is thought is Markdown while it is thought")
    await reloads.reload()
    await eventually(thought[1].count, 10)
    await upstream.open(gates[0])
    for page in (stays, reloads):
        await pages.shows(page, "| 2 ")
    await reloads.reload()
    await pages.shows(reloads, "| 2 ")
    await upstream.open(gates[1])
    answer = (await pages.ended(stays))["id"]
    await pages.ended(reloads)
    await eventually(lambda: stays.locator(f"#m-{answer} a[href='https://example.org/below']").count(), 10)
    fresh = await page_of(alice, room)
    await pages.live(fresh)
    html = await same_html(answer, stays, reloads, fresh)
    assert html.count("<math") == 4 and html.count('class="k"') == 4 and "caret" not in html


_MARK = """id => {
  const text = document.querySelector(`#m-${id} [data-part=text]`);
  window.marked = [...text.children].slice(0, 2);
  getSelection().selectAllChildren(marked[1]);
  const button = text.querySelector("figcaption button");
  button.focus();
  return getSelection().toString();
}"""
_KEPT = """id => {
  const text = document.querySelector(`#m-${id} [data-part=text]`);
  const kept = marked.every((node, at) => text.children[at] === node);
  return [kept, getSelection().toString(), document.activeElement.dataset.action];
}"""


@pytest.mark.page_only
async def test_finished_blocks_keep_their_nodes_selection_and_focus(upstream, server, alice, room, page_of):
    gate = Question().gate()
    question = Question({"text": RICH[:4]}, {"gate": gate}, {"text": [*RICH[4:5], "ted\n\nThe end."]})
    page = await page_of(alice, room)
    await pages.live(page)
    await pages.ask(page, question)
    answer = (await pages.shows(page, "| 2 "))["id"]
    await eventually(lambda: page.locator(f"#m-{answer} figure .k").count(), 10, "the code is finished")
    selected = await page.evaluate(_MARK, answer)
    assert selected.startswith("A paragraph")
    await upstream.open(gate)
    await pages.ended(page)

    async def all_drawn() -> bool:
        return await page.locator(f"#m-{answer} math").count() == 2

    await eventually(all_drawn, 10)
    assert await page.evaluate(_KEPT, answer) == [True, selected, "copy-code"]


@pytest.mark.page_only
async def test_code_is_copied_as_it_is_and_a_message_as_markdown(server, alice, room, page_of):
    page = await page_of(alice, room)
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await pages.live(page)
    await pages.ask(page, Question({"text": ["**So:**\n\n```python\nif a < b:\n    return '&'\n```\n"]}))
    answer = (await pages.ended(page))["id"]
    await page.locator(f"#m-{answer} [data-action=copy-code]").click()
    copied = "() => navigator.clipboard.readText()"
    await eventually(lambda: page.evaluate(copied), 5)
    assert await page.evaluate(copied) == "if a < b:\n    return '&'\n"
    await page.locator(f"#m-{answer} [data-action=copy]").click()
    markdown = "**So:**\n\n```python\nif a < b:\n    return '&'\n```\n"

    async def whole() -> bool:
        return await page.evaluate(copied) == markdown

    await eventually(whole, 5)


@pytest.mark.page_only
async def test_wide_things_scroll_in_their_own_box(server, alice, room, page_of):
    page = await page_of(alice, room)
    await page.set_viewport_size({"width": 320, "height": 700})
    await pages.live(page)
    wide = "| " + " | ".join(f"column {n}" for n in range(30)) + " |\n" + "|---" * 30 + "|\n"
    code, sum_ = f"```\n{'wide ' * 100}\n```\n\n`{'x' * 300}`", "+".join("x" * 60)
    text = f"{wide}\n{code}\n\n$$ {sum_} $$\n\nand $ {sum_} $ and ${sum_}$\n\nhttps://example.org/{'y' * 300}\n"
    await pages.ask(page, Question({"text": [text, "\nEnd."]}))
    await pages.ended(page)
    await page.locator("article[data-role=assistant] math").first.wait_for()
    assert await page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    column = "() => { const s = document.getElementById('scroller'); return s.scrollWidth <= s.clientWidth; }"
    assert await page.evaluate(column)


_STREAM = """async ([prose, steps]) => {
  const { Prose } = await import(prose);
  const node = document.querySelector("#messages").appendChild(document.createElement("div"));
  node.className = "text prose";
  const shown = new Prose(node, "");
  const made = new MutationObserver(() => {});
  made.observe(node, { childList: true, characterData: true, subtree: true });
  const sizes = (nodes) => [...nodes].reduce((sum, each) => sum + 1 + sizes(each.childNodes), 0);
  const cost = ({ type, addedNodes }) => (type === "characterData") + sizes(addedNodes);
  const costs = steps.map(({ text, rendered }) => {
    shown.append(text);
    if (rendered) shown.render(rendered);
    return made.takeRecords().reduce((sum, record) => sum + cost(record), 0);
  });
  node.remove();
  return costs;
}"""
SECTION = (
    "".join(RICH[:4]) + "| 3 |\n\nA paragraph of some *length*, " + "with quite a lot of words in it " * 8 + "\n\n"
)


def streamed(text: str, size: int = 48) -> list[dict]:
    """The text in pieces, each with the frame that follows it."""
    blocks, steps = Blocks(), []
    for at in range(0, len(text), size):
        steps.append({"text": text[at : at + size], "rendered": None})
        blocks.feed(text[at : at + size])
        if blocks.due and (part := blocks.advance()) is not None:
            steps[-1]["rendered"] = {"from": part.start, "to": part.end, "html": part.html}
    return steps


@pytest.mark.page_only
async def test_no_piece_of_a_long_answer_holds_up_the_page(server, alice, room, page_of):
    """What a frame makes anew in the page, in nodes; the time that this takes is measured by `python -m bench page`."""
    page = await page_of(alice, room)
    await pages.live(page)
    text = SECTION * (16_000 // len(SECTION) + 1)
    prose = next(name for name in await page.evaluate(MODULES) if re.search(r"/prose[.\w]*\.js", name))
    costs = await page.evaluate(_STREAM, [prose, streamed(text)])
    assert max(costs) < 300 and max(costs[-len(costs) // 4 :]) < 2 * max(costs[: len(costs) // 4])


@pytest.mark.page_only
@pytest.mark.parametrize("kind", ["list", "code", "paragraph", "many"])
async def test_a_very_long_answer_stays_usable(kind, server, alice, room, page_of):
    """100,000 characters in one block, which the server never sends, or in a thousand."""
    page = await page_of(alice, room)
    await pages.live(page)
    lines = {"list": "- an item of the *list*\n", "code": "x = 1  # code\n", "paragraph": "word ", "many": SECTION}
    line = lines[kind]
    text = ("```\n" if kind == "code" else "") + line * (100_000 // len(line))
    prose = next(name for name in await page.evaluate(MODULES) if re.search(r"/prose[.\w]*\.js", name))
    costs = await page.evaluate(_STREAM, [prose, streamed(text, 2_000)])
    assert max(costs) < 2_000, "less than a node for each character that came"
    assert sum(costs[-10:]) < 1.5 * sum(costs[1:11]), "and no more, however long the text is"


@pytest.mark.page_only
async def test_a_footnote_leads_to_the_note_of_its_own_message(server, alice, room, page_of):
    page = await page_of(alice, room)
    await pages.live(page)
    answers = []
    for name in ("first", "second"):
        text = f"Said[^1].\n\n- [x] done\n\n> [!NOTE]\n> Mind it.\n\n[^1]: The {name} note.\n"
        await pages.ask(page, Question({"text": [text]}))
        answers.append((await pages.ended(page))["id"])
        await eventually(lambda: page.locator(f"#m-{answers[-1]} div.footnote").count(), 10)
    text = page.locator(f"#m-{answers[0]} [data-part=text]")
    number = text.locator("p sup.footnote")
    await number.focus()
    await page.keyboard.press("Enter")
    focused = "() => document.activeElement.parentElement.textContent.trim()"
    assert await page.evaluate(focused) == "1 The first note."
    await page.keyboard.press("Enter")
    assert await number.evaluate("node => node === document.activeElement")
    assert await text.locator(".check").get_attribute("aria-label") == "Done"
    assert await text.locator(".alert-title").inner_text() == "Note"
