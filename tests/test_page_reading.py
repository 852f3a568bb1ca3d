"""Reading in a room: what is long folds, what is older comes by scrolling, and who is here is seen on a phone, too."""

from __future__ import annotations

import asyncio
import re

import pytest
from playwright.async_api import Page, Route, expect

from .harness import pages
from .harness.upstream import Question
from .harness.waiting import eventually
from .windows import in_room, told, told_room, window

__all__ = ["told", "told_room", "window"]

pytestmark = [pytest.mark.browser, pytest.mark.page_only]

LONG = "\n\n".join(f"Paragraph {number} of what somebody pasted here, which goes on." for number in range(40))
LAST = "Paragraph 39 of what"
IN_VIEW = """([inner, outer]) => {
  const [one, other] = [inner, outer].map(name => document.querySelector(name).getBoundingClientRect());
  return one.top >= other.top - 1 && one.bottom <= other.bottom + 1;
}"""
TOP_OF = "id => document.getElementById(id).getBoundingClientRect().top"


async def test_a_long_message_of_a_person_shows_its_beginning_and_is_found_in_whole(room, tab, alice, window):
    there = await tab(alice, room)
    answer = await there.post(Question({"text": ["x "], "repeat": 2000}))
    await there.finished(answer)
    await there.finished(await there.post(LONG))
    page = await window(height=700)
    sent = await (await page.request.get(f"/rooms/{room}/")).text()
    assert len(re.findall(r"<article[^>]* data-long", sent)) == 1, "the server says so: nothing folds before one's eyes"
    await in_room(page, room)
    folded = page.locator("article[data-long]")
    assert await folded.count() == 1, "an answer never is"
    text, button = folded.locator(".text"), folded.locator(".fold")

    async def height() -> float:
        return (await folded.bounding_box())["height"]

    assert 150 < await height() < 350
    await button.focus()
    await page.keyboard.press("Enter")
    assert await height() > 1000 and await button.get_attribute("aria-expanded") == "true"
    assert await button.inner_text() == "Show less" and await button.evaluate("n => n === document.activeElement")
    await page.keyboard.press("Enter")
    assert await height() < 350 and await button.inner_text() == "Show more"

    # What a search in the page does: the browser unfolds what it has found.
    await page.goto("about:blank")
    await page.goto(f"/rooms/{room}/#:~:text={LAST.replace(' ', '%20')}")
    await pages.live(page)
    await eventually(lambda: text.is_visible(), 5)
    assert await height() > 1000 and await button.inner_text() == "Show less"
    await page.reload()

    own = page.locator("article[data-mine]", has_text="Mine, and long")
    await pages.ask(page, "Mine, and long: " + "words " * 400)
    await own.wait_for()
    await expect(own).to_have_attribute("data-long", "")
    await page.emulate_media(media="print")
    assert min([(await one.bounding_box())["height"] for one in await page.locator("[data-long] .text").all()]) > 100


async def test_the_open_room_is_in_view_among_many(alice, window):
    first = await alice.create_room("The first of all")
    for number in range(55):
        await alice.create_room(f"Another {number}")
    page = await window(height=600)
    looks = []
    page.on("response", lambda response: looks.append(response.url) if response.url.endswith("/api/rooms") else None)
    await in_room(page, first)
    await eventually(lambda: looks, 5, "the list was asked for, and drawn anew")
    await page.locator("#room-list h2", has_text="Earlier").wait_for()
    assert await page.evaluate(IN_VIEW, ["#room-list [aria-current]", "#room-list"])
    await page.set_viewport_size({"width": 390, "height": 600})
    await page.locator("[data-action=open-drawer]").click()
    assert await page.evaluate(IN_VIEW, ["#drawer [aria-current]", "#drawer #room-list"])


async def test_older_messages_come_by_scrolling_and_nothing_jumps(own_server, visitor, browser_of):
    server = own_server(CHATLAB_SNAPSHOT_MESSAGES="6")
    person = visitor(server)
    room = await person.create_room()
    for number in range(10):
        message = {"client_id": f"number-{number:04}", "text": Question({"text": f"answer {number} " * 60})}
        asked = await person.api("POST", f"/rooms/{room}/messages", message)
        await eventually(lambda asked=asked: server.database.status(asked["answer"]) == "complete", 10)
    page = await (await browser_of(person, viewport={"width": 1280, "height": 500})).new_page()
    fails = False

    async def answer(route: Route) -> None:
        await (route.fulfill(status=503, body="{}") if fails else route.continue_())

    await page.route(re.compile(r"/messages\?before="), answer)
    await page.goto(f"{server.url}/rooms/{room}/")
    await pages.live(page)
    held = page.locator("article[data-message]")
    assert await held.count() < 20, "not all at once: one is far from the oldest"
    first = await held.first.get_attribute("id")
    fails = True
    await page.evaluate("() => document.getElementById('scroller').scrollTop = 700")
    await expect(page.locator("#strip")).to_contain_text("could not be loaded")
    fails = False
    button = page.locator("#earlier")
    await button.focus()
    top = await page.evaluate(TOP_OF, first)
    count = await held.count()
    await page.keyboard.press("Enter")
    await eventually(lambda: _more(page, count), 5, "the button does it, too")
    assert abs(await page.evaluate(TOP_OF, first) - top) < 2, "what one reads stays where it is"
    while await button.is_visible():
        count = await held.count()
        await page.evaluate("() => document.getElementById('scroller').scrollTop = 0")
        await eventually(lambda count=count: _more(page, count), 5, "more come by scrolling alone")
    assert await held.count() == 20
    texts = await page.locator("article[data-role=assistant] .text").all_inner_texts()
    assert [int(text.split()[1]) for text in texts] == list(range(10))


async def _more(page: Page, count: int) -> bool:
    return await page.locator("article[data-message]").count() > count


async def test_on_a_phone_one_sees_who_is_here_and_chooses_the_model(own_server, visitor, browser_of, tab):
    server = own_server(CHATLAB_MODEL="one-model", CHATLAB_MODELS="another-model")
    alice, bob = visitor(server), visitor(server)
    room = await alice.create_room()
    await bob.join(room, "Bob")
    phone = {"has_touch": True, "is_mobile": True, "viewport": {"width": 390, "height": 844}}
    page = await (await browser_of(alice, **phone)).new_page()
    await page.goto(f"{server.url}/rooms/{room}/")
    await pages.live(page)
    await tab(bob, room)
    people = page.locator("#people-button")
    await expect(people.locator("[data-part=count]")).to_have_text("2")
    size = await people.bounding_box()
    assert size["width"] >= 44 and size["height"] >= 44
    await people.tap()
    await expect(page.locator("#people .person-name")).to_have_count(2)
    await expect(page.locator("#people")).to_contain_text("Bob")
    await page.keyboard.press("Escape")
    model = page.locator("#model")
    for height in (844, 390):
        await page.set_viewport_size({"width": 390, "height": height})
        box = await model.bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= 390 and box["y"] + box["height"] <= height
    await model.select_option("another-model")
    await eventually(lambda: page.evaluate("() => chatlab.log.state.room.model === 'another-model'"), 5)
    await page.locator("#room-menu summary").tap()
    await expect(page.get_by_role("button", name="Copy the link of this room")).to_be_visible()


async def test_too_long_is_said_while_one_writes(room, window):
    page = await window()
    await in_room(page, room)
    box, send, length = page.locator("#text"), page.locator("#send"), page.locator("#length")
    await box.fill("short")
    assert await length.inner_text() in ("", " ") and await send.get_attribute("aria-disabled") is None
    await box.fill("x" * 31_000)
    await expect(length).to_contain_text("31,000 / 32,000")
    await box.fill("👩‍🚀" * 6401)  # five UTF-16 units each: what the server counts
    await expect(length).to_contain_text("32,005 / 32,000")
    await expect(length).to_contain_text("Too long to be sent.")
    assert await send.get_attribute("aria-disabled") == "true" and await length.get_attribute("role") == "status"
    await send.click(force=True)
    await box.press("Enter")
    assert await page.locator("article").count() == 0 and len(await box.input_value()) == 3 * 6401
    await box.fill("x" * 32_000)
    assert await send.get_attribute("aria-disabled") is None
    await box.press("Enter")
    await page.locator("article[data-mine]").wait_for()


async def test_which_version_this_is_stands_under_a_question_and_under_an_answer(told_room, alice, window):
    snapshot = await alice.snapshot(told_room)
    question = next(message for message in snapshot["messages"] if message["role"] == "user")
    edited = {"client_id": "edited-in-its-place", "text": Question({"text": "again"}), "parent": question["parent"]}
    made = await alice.api("POST", f"/rooms/{told_room}/messages", edited)
    for width in (1280, 390):
        page = await window(width=width)
        await in_room(page, told_room)
        article = page.locator(f"#m-{made['message']}")
        picker, text, byline = (article.locator(name) for name in (".versions", ".text", ".byline time"))
        at, under, beside = [await one.bounding_box() for one in (picker, text, byline)]
        assert at["y"] >= under["y"] + under["height"] - 1 and abs(at["x"] - under["x"]) < 16, width
        assert beside["x"] + beside["width"] <= width
        names = [await button.get_attribute("aria-label") for button in await picker.locator("button").all()]
        assert names == ["Previous version", "Next version"]
    await page.locator(f"#m-{made['message']} [data-action=version-before]").click()
    await eventually(lambda: page.locator(f"#m-{question['id']}").count(), 5)


async def test_an_input_method_has_its_keys_to_itself_in_every_field(room, window):
    """By a real composition: its Enter and its Escape belong to it."""
    page = await window()
    await in_room(page, room)
    session = await page.context.new_cdp_session(page)

    async def compose() -> None:
        await session.send("Input.imeSetComposition", {"text": "かん", "selectionStart": 2, "selectionEnd": 2})

    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if request.is_navigation_request() else None)
    await page.locator("#title").click()
    await compose()
    for key in ("Enter", "Escape"):
        await page.locator("#rename input").dispatch_event(
            "keydown", {"key": key, "isComposing": True, "bubbles": True}
        )
        await page.keyboard.press(key) if key == "Enter" else None
        assert await page.locator("#rename").is_visible(), key
    await session.send("Input.insertText", {"text": "漢字"})
    await page.keyboard.press("Enter")
    await expect(page.locator("#title")).to_have_text("漢字")
    await page.keyboard.press("Control+k")
    await compose()
    await page.keyboard.press("Enter")
    assert await page.locator("#palette").is_visible()
    await page.keyboard.press("Escape")
    await asyncio.sleep(0)
    await page.locator(".sidebar .find input").click()
    await compose()
    await page.keyboard.press("Enter")
    assert asked == []
