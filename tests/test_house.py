"""Around the conversation, in a real browser: the list of rooms, palette, keys, theme, and the browser's own tab."""

from __future__ import annotations

import pytest

from .harness import pages
from .harness.upstream import Question
from .harness.waiting import eventually

pytestmark = [pytest.mark.browser, pytest.mark.page_only]

SELECTED = "#palette [aria-selected=true] .palette-label"


async def opened(page, words: str = ""):
    await page.keyboard.press("Control+k")
    await page.locator("#palette").wait_for()
    if words:
        await page.keyboard.type(words)
    return page.locator("#palette")


async def test_the_palette_goes_to_rooms_and_finds_what_was_said(upstream, server, alice, tab, page_of):
    here, elsewhere = await alice.create_room("Here"), await alice.create_room("Elsewhere")
    there = await tab(alice, elsewhere)
    answer = await there.post(Question({"text": "a needle, <b>as it was</b> written"}))
    await there.finished(answer)
    page = await page_of(alice, here)
    await pages.live(page)
    palette = await opened(page, "needle, <b>")
    await eventually(lambda: palette.locator("mark").count(), 5)
    assert "a needle, <b>as it was</b>" in await palette.locator("[role=option]").first.inner_text()
    await page.keyboard.press("Enter")
    await page.wait_for_url(f"**/rooms/{elsewhere}/#m-{answer}")
    await opened(page, "her")
    await eventually(lambda: page.locator("#palette [role=option]").count(), 5)
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("ArrowUp")
    assert await page.locator(SELECTED).inner_text() in ("Here", "Elsewhere")
    await page.keyboard.press("Escape")
    assert await page.locator("#palette").is_hidden()


async def test_the_palette_says_that_a_search_was_refused(own_server, visitor, browser_of):
    """And not that nothing fits."""
    server = own_server(CHATLAB_LIMITS="on", CHATLAB_RATE_SEARCHES="1/3600")
    somebody = visitor(server)
    room = await somebody.create_room("Here")
    page = await (await browser_of(somebody, locale="de-DE")).new_page()
    await page.goto(f"{server.url}/rooms/{room}/")
    await pages.live(page)
    async with page.expect_response("**/api/search*"):
        await opened(page, "qq")
    none = page.locator("#palette-none")
    await eventually(none.is_visible, 5)
    assert await none.inner_text() == "Nichts passt."
    async with page.expect_response("**/api/search*"):
        await page.keyboard.type("qq")
    await eventually(lambda: none.get_by_text("Das war zu oft in kurzer Zeit.").count(), 5)
    await page.locator("#palette-box").fill("")
    await eventually(none.is_hidden, 5)


async def test_the_list_shows_where_an_answer_is_being_written(upstream, server, alice, tab, page_of):
    here, elsewhere = await alice.create_room("Here"), await alice.create_room("Elsewhere")
    there = await tab(alice, elsewhere)
    page = await page_of(alice, here)
    await pages.live(page)
    question = Question({"text": "begun"}, {"gate": "list-gate"})
    answer = await there.post(question)
    await there.until(lambda: there.text(answer) == "begun")
    row = page.locator(f"[data-room='{elsewhere}']")
    await page.evaluate("() => dispatchEvent(new Event('focus'))")
    await eventually(lambda: row.locator(".live-dot").count(), 5)
    await upstream.open("list-gate")
    await there.finished(answer)

    async def dark() -> bool:
        await page.evaluate("() => dispatchEvent(new Event('focus'))")
        return await row.locator(".live-dot").count() == 0

    await eventually(dark, 5)


async def test_a_new_room_takes_the_name_of_its_first_question_everywhere(server, alice, page_of):
    room = (await alice.api("POST", "/rooms", {}))["id"]
    page = await page_of(alice, room)
    await pages.live(page)
    await pages.ask(page, "What is a cursor good for? Tell me.")

    async def named() -> bool:
        texts = [await page.locator(place).inner_text() for place in ("#title", f"[data-room='{room}'] .room-title")]
        return texts == ["What is a cursor good for?"] * 2 and "What is a cursor" in await page.title()

    await eventually(named, 10)


async def test_the_sheet_of_keys_opens_by_a_key_that_can_be_switched_off(server, alice, room, page_of):
    page = await page_of(alice, room)
    await pages.live(page)
    sheet = page.locator("#shortcuts")
    box = page.locator("textarea[name=text]")
    await box.fill("Why")
    await box.press("?")
    assert await box.input_value() == "Why?" and await sheet.is_hidden(), "in a box it is a letter"
    await page.locator("#scroller").focus()
    await page.keyboard.press("?")
    await sheet.wait_for()
    await page.locator("#single-keys").uncheck()
    await page.keyboard.press("Escape")
    await page.locator("#scroller").focus()
    await page.keyboard.press("?")
    assert await sheet.is_hidden()
    await page.keyboard.press("Control+/")
    assert await sheet.is_visible(), "with Ctrl it is no single key"


async def test_the_keys_walk_the_messages_and_copy(upstream, server, alice, room, page_of):
    page = await page_of(alice, room)
    await pages.live(page)
    await page.evaluate(
        "() => { navigator.clipboard.writeText = text => { window.copied = text; return Promise.resolve(); } }"
    )
    await pages.ask(page, Question({"text": "See:\n\n```python\nprint('copied')\n```\nDone."}))
    await pages.ended(page)
    await page.keyboard.press("Control+Shift+;")
    assert await page.evaluate("() => window.copied") == "print('copied')"
    await page.keyboard.press("Control+Shift+c")
    await eventually(lambda: page.evaluate("() => window.copied.endsWith('Done.')"), 2)
    focused = "() => document.activeElement.dataset.role"
    await page.keyboard.press("Alt+ArrowUp")
    assert await page.evaluate(focused) == "assistant"
    await page.keyboard.press("Alt+ArrowUp")
    assert await page.evaluate(focused) == "user"
    await page.keyboard.press("Alt+ArrowDown")
    assert await page.evaluate(focused) == "assistant"


async def test_the_theme_is_there_before_any_script(server, alice, room, page_of):
    page = await page_of(alice, room)
    await pages.live(page)
    paper = "() => getComputedStyle(document.body).backgroundColor"
    light = await page.evaluate(paper)
    await page.locator("#room-menu summary").click()
    await page.locator("#room-menu .theme button[value=dark]").click()
    dark = await page.evaluate(paper)
    assert dark != light
    await page.route("**/*.js", lambda route: route.abort())
    await page.reload()
    assert await page.evaluate(paper) == dark, "the server has written it"


async def test_the_browsers_tab_says_that_an_answer_runs_and_what_was_missed(
    upstream, server, alice, bob, room, tab, page_of
):
    page = await page_of(alice, room)
    await pages.live(page)
    theirs = await tab(bob, room)
    await page.evaluate(
        "() => { Object.defineProperty(document, 'hidden', {get: () => window.away ?? false, configurable: true});"
        " window.away = true; document.dispatchEvent(new Event('visibilitychange')); }"
    )
    question = Question({"text": "half"}, {"gate": "title-gate"}, {"text": " whole"})
    answer = await theirs.post(question)
    icon = "() => document.getElementById('favicon').href.includes('busy')"
    await eventually(lambda: page.evaluate("() => document.title.startsWith('● (1) ')"), 10)
    assert await page.evaluate(icon)
    await upstream.open("title-gate")
    await theirs.finished(answer)
    await eventually(lambda: page.evaluate("() => document.title.startsWith('(2) ')"), 10)
    assert not await page.evaluate(icon)
    await page.evaluate("() => { window.away = false; document.dispatchEvent(new Event('visibilitychange')); }")
    await eventually(lambda: page.evaluate("() => !document.title.includes('(')"), 5)


async def test_without_scripts_a_room_is_read_and_written(upstream, server, alice, room, browser_of):
    page = await (await browser_of(alice, java_script_enabled=False)).new_page()
    await page.goto(f"{server.url}/rooms/{room}/")
    await page.locator("textarea[name=text]").fill(Question({"text": "read without scripts"}))
    async with page.expect_navigation():  # a reload in the middle of it is an error
        await page.locator("#send").click()

    async def answered() -> bool:
        await page.reload()
        return "read without scripts" in await page.locator("article[data-role=assistant]").inner_text()

    await eventually(answered, 15)
    await page.locator("#room-menu summary").click()
    async with page.expect_download() as download:
        await page.get_by_text("Export as Markdown").click()
    assert (await download.value).suggested_filename == "A room.md"
    async with page.expect_navigation():
        await page.locator("#room-menu .theme button[value=dark]").click()
    assert await page.locator("html").get_attribute("data-theme") == "dark"
