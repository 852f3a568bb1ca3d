"""The box in a real browser: drafts, input methods, a rate limit that counts down, and a queue that can be seen."""

from __future__ import annotations

import pytest

from .harness import pages
from .harness.upstream import Question
from .harness.waiting import eventually

pytestmark = [pytest.mark.browser, pytest.mark.page_only]

BOX = "textarea[name=text]"
PENDING = "article[data-pending]:not([data-pending=sent])"


def stored(page):
    return page.evaluate("() => Object.values({...localStorage}).join()")


async def test_a_draft_outlives_the_page_and_ends_with_the_receipt(upstream, server, alice, room, page_of):
    page = await page_of(alice, room)
    await pages.live(page)
    question = Question({"text": "an answer"})
    await page.locator(BOX).fill(question)
    await eventually(lambda: page.evaluate("text => Object.values({...localStorage}).includes(text)", question), 5)
    await page.reload()
    await pages.live(page)
    assert await page.locator(BOX).input_value() == question
    await page.evaluate("() => window.chatlab.cut()")
    await page.locator(BOX).press("Enter")
    await eventually(lambda: page.locator(PENDING).count(), 5)
    assert await page.locator(BOX).input_value() == ""
    assert question.name in await stored(page), "without a receipt it is still the draft"
    await page.evaluate("() => window.chatlab.plug()")
    await pages.ended(page)

    async def gone() -> bool:
        return question.name not in await stored(page)

    await eventually(gone, 5)


async def test_a_reload_does_not_show_a_draft_of_what_is_in_the_outbox(server, alice, room, page_of):
    page = await page_of(alice, room)
    await pages.live(page)
    await page.evaluate("() => window.chatlab.cut()")
    question = Question({"text": "later"})
    await pages.ask(page, question)
    await eventually(lambda: page.locator(PENDING).count(), 5)
    await page.reload()
    await pages.ended(page)
    assert await page.locator(BOX).input_value() == ""
    assert len(server.database.answers(room)) == 1


@pytest.mark.parametrize("how", [{"isComposing": True}, {"keyCode": 229}])
async def test_the_enter_of_an_input_method_sends_nothing(how, server, alice, room, page_of):
    page = await page_of(alice, room)
    await pages.live(page)
    await page.locator(BOX).fill("かんじ")
    await page.locator(BOX).evaluate(
        "(box, how) => box.dispatchEvent(new KeyboardEvent('keydown', "
        "{key: 'Enter', bubbles: true, cancelable: true, ...how}))",
        how,
    )
    assert await page.locator(BOX).input_value() == "かんじ" and await page.locator(PENDING).count() == 0
    await page.locator(BOX).press("Shift+Enter")
    assert await page.locator(BOX).input_value() == "かんじ\n"


async def test_where_a_finger_types_enter_begins_a_line(server, alice, room, browser_of):
    phone = {"has_touch": True, "is_mobile": True, "viewport": {"width": 390, "height": 700}}
    page = await (await browser_of(alice, **phone)).new_page()
    await page.goto(f"{server.url}/rooms/{room}/")
    await pages.live(page)
    await page.locator(BOX).fill("one")
    await page.locator(BOX).press("Enter")
    assert await page.locator(BOX).input_value() == "one\n"
    assert await page.locator(BOX).get_attribute("enterkeyhint") == "enter"


async def test_a_rate_limit_counts_down_and_sends_by_itself(own_server, visitor, browser_of):
    server = own_server(CHATLAB_LIMITS="on", CHATLAB_RATE_POSTS="1/4")
    person = visitor(server)
    room = await person.create_room()
    page = await (await browser_of(person)).new_page()
    await page.goto(f"{server.url}/rooms/{room}/")
    await pages.live(page)
    await pages.ask(page, Question({"text": "one"}))
    await pages.ended(page)
    second = Question({"text": "two"})
    await pages.ask(page, second)
    note = page.locator("article[data-pending=later] [data-part=note]")
    shown: list[str] = []

    async def sent() -> bool:
        for text in await note.all_inner_texts():
            if text not in shown:
                shown.append(text)
        return (await pages.answer(page))["text"] == "two"

    await eventually(sent, 15, "it is sent at zero")
    assert len(shown) >= 2, f"the seconds count down: {shown}"
    assert await page.locator(BOX).is_enabled()
    assert len(server.database.answers(room)) == 2


async def test_behind_a_refused_message_the_others_wait_and_say_so(own_server, visitor, browser_of):
    """The room's queue is not full for ever: what is refused for good is a message that is too long for this server."""
    server = own_server(CHATLAB_TEXT_MAX="400")
    person = visitor(server)
    room = await person.create_room()
    page = await (await browser_of(person)).new_page()
    await page.goto(f"{server.url}/rooms/{room}/")
    await pages.live(page)
    await page.evaluate("() => window.chatlab.cut()")
    good = Question({"text": "good"})
    await page.evaluate("texts => texts.forEach(text => window.chatlab.post(text))", ["x" * 500, good, "third"])
    await page.evaluate("() => window.chatlab.plug()")
    failed = page.locator("article[data-pending=failed]")
    await failed.wait_for()
    assert await page.locator("article[data-pending=paused]").count() == 2
    assert await failed.locator("[data-action=resend]").inner_text() == "Send all"
    await page.locator("article[data-pending=paused] [data-action=discard]").last.click()
    await eventually(lambda: page.locator(PENDING).count(), 5)
    await failed.locator("[data-action=edit]").click()
    assert await page.locator(BOX).input_value() == "x" * 500
    await pages.ended(page)
    assert (await pages.answer(page))["text"] == "good"
    assert len(server.database.answers(room)) == 1, "what was discarded was not sent"
