"""Branches in a real browser: editing, answering again, and one choice of version for everybody."""

from __future__ import annotations

import pytest

from .harness import pages
from .harness.upstream import Question
from .harness.waiting import eventually

pytestmark = pytest.mark.browser

_SHOWN = "() => [...document.querySelectorAll('.message [data-part=text]')].map(node => node.textContent)"
PICKER = ".message .versions:not([hidden])"


async def showing(page, *texts: str) -> None:
    """The page shows exactly these messages."""

    async def same() -> bool:
        return [text.rstrip() for text in await page.evaluate(_SHOWN)] == [text.rstrip() for text in texts]

    await eventually(same, 10, f"the page shows {texts}")


def asked(answer: str) -> Question:
    return Question({"text": answer})


async def test_an_edited_question_is_a_version_and_the_choice_is_everybodys(
    upstream, server, alice, bob, room, page_of
):
    mine, theirs = await page_of(alice, room), await page_of(bob, room)
    await pages.live(mine)
    await pages.live(theirs)
    first, behind, second = asked("one"), asked("two"), asked("three")
    for question in (first, behind):
        await pages.ask(mine, question)
        await pages.ended(mine)
    await showing(theirs, first, "one", behind, "two")

    own = mine.locator(f"article[data-role=user]:has-text({first.name!r})")
    await own.hover()
    await own.locator("[data-action=edit]").click()
    assert await mine.locator("textarea[name=text]").input_value() == first
    await pages.ask(mine, second)
    for page in (mine, theirs):
        await showing(page, second, "three")
        assert await page.locator(PICKER).inner_text() == "2 / 2"

    await theirs.locator(f"{PICKER} [data-action=version-before]").click()
    for page in (mine, theirs):
        await showing(page, first, "one", behind, "two")
        assert await page.locator(PICKER).inner_text() == "1 / 2"
    await mine.reload()
    await pages.live(mine)
    await showing(mine, first, "one", behind, "two")
    html = (await alice.request("GET", f"/rooms/{room}/")).text.partition('<template id="message">')[0]
    assert "1 / 2" in html and second not in html, "and so does the page as the server writes it"
    server.database.check_room(room)


@pytest.mark.page_only
async def test_the_arrow_keys_switch_and_the_focus_stays_on_the_picker(upstream, server, alice, room, page_of):
    page = await page_of(alice, room)
    await pages.live(page)
    question = asked("one")
    await pages.ask(page, question)
    await pages.ended(page)
    await page.locator("article[data-role=assistant] [data-action=retry]").click()
    await eventually(lambda: page.locator(PICKER).count(), 10)
    await pages.ended(page)
    await page.locator(f"{PICKER} [data-action=version-before]").focus()
    for key, label in (("ArrowLeft", "1 / 2"), ("ArrowRight", "2 / 2"), ("ArrowLeft", "1 / 2")):
        await page.keyboard.press(key)

        async def switched(label: str = label) -> bool:
            inside = await page.evaluate("() => Boolean(document.activeElement.closest('.versions'))")
            return inside and await page.locator(PICKER).inner_text() == label

        await eventually(switched, 10, label)


async def test_an_address_leads_to_a_message_or_says_that_it_is_in_another_version(
    upstream, server, alice, room, tab, page_of
):
    here = await tab(alice, room)
    old = await here.post(asked("old answer"))
    await here.finished(old)
    new = await here.post(asked("\n\n".join(str(number) for number in range(200))), parent=None)
    await here.finished(new)
    page = await page_of(alice, room)
    await pages.live(page)
    top = f"() => document.getElementById('m-{new}').getBoundingClientRect().top"
    assert await page.evaluate(top) < 0, "the page begins at the end"
    await page.evaluate(f"() => (location.hash = 'm-{new}')")
    await eventually(lambda: page.evaluate(f"() => Math.abs(({top})()) < 200"), 5)
    await page.evaluate(f"() => (location.hash = 'm-{old}')")
    await page.get_by_text("That message belongs to another version").first.wait_for()


@pytest.mark.page_only
async def test_arrow_up_in_the_empty_box_edits_the_last_question_and_escape_leaves_it(server, alice, room, page_of):
    page = await page_of(alice, room)
    await pages.live(page)
    question = asked("one")
    await pages.ask(page, question)
    await pages.ended(page)
    box = page.locator("textarea[name=text]")
    await box.press("ArrowUp")
    assert await box.input_value() == question and await page.locator("#editing").is_visible()
    await box.press("Escape")
    assert await box.input_value() == "" and await page.locator("#editing").is_hidden()
    await box.fill("something else")
    await box.press("ArrowUp")
    assert await box.input_value() == "something else", "a box with text in it is not an empty one"
    await page.locator("article[data-role=user] [data-action=edit]").click()
    await box.press("Escape")
    assert await box.input_value() == "something else", "what was being written is there again"


async def test_a_tab_that_does_not_hold_the_chosen_branch_fetches_it(upstream, server, alice, room, tab, page_of):
    """The page's log begins behind the fork, where somebody else's choice leads elsewhere."""
    here = await tab(alice, room)
    old = asked("old answer")
    await here.finished(await here.post(old))
    first = here.state["messages"][0]["id"]
    await here.finished(await here.post(asked("new answer"), parent=None))
    page = await page_of(alice, room)
    await pages.live(page)
    await page.evaluate("""() => {
      const { log } = window.chatlab;
      log.state.messages = log.messages.filter(message => message.text !== 'old answer');
      log.held = new Map(log.messages.map(message => [message.id, message]));
    }""")
    await here.send({"type": "room", "chosen": {"": first}})
    await showing(page, old, "old answer")
