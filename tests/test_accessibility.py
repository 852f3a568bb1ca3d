"""The pages as people meet them who do not see them, or use no mouse, or see them small, large, in own colours."""

from __future__ import annotations

import pytest

from .harness import pages
from .harness.upstream import Question, words
from .harness.waiting import eventually
from .test_links_live import make_link
from .windows import in_room, told, told_room, window

__all__ = ["told", "told_room", "window"]

pytestmark = [pytest.mark.browser, pytest.mark.page_only]

# What stands in the two live regions from now on, sentence by sentence, in `said`.
LISTEN = """() => {
  window.said = [];
  const hear = changes => changes.forEach(({addedNodes}) =>
    addedNodes.forEach(node => node.textContent && said.push(node.textContent)));
  for (const id of ["announcer", "status"])
    new MutationObserver(hear).observe(document.getElementById(id), {childList: true, subtree: true});
}"""
PLACE = """() => {
  const places = {skip: ".skip", rooms: ".sidebar", header: ".topbar", log: ".log", box: ".dock"};
  return Object.keys(places).find(name => document.activeElement.closest(places[name])) ?? "else";
}"""
SELECT_A_WORD = """() => {
  const article = [...document.querySelectorAll("article[data-role=assistant]")].at(-1);
  const text = document.createTreeWalker(article.querySelector("[data-part=text]"), NodeFilter.SHOW_TEXT).nextNode();
  const range = document.createRange();
  range.setStart(text, 2);
  range.setEnd(text, 8);
  getSelection().removeAllRanges();
  getSelection().addRange(range);
  document.getElementById("scroller").focus({preventScroll: true});
}"""
WIDER = "Math.max(0, document.documentElement.scrollWidth - innerWidth)"
SMALLER_THAN = """least => [...document.querySelectorAll("button, a[href], select, summary, input:not([type=hidden])")]
  .filter(node => node.checkVisibility() && !node.closest("p, [data-part=text], .skip, .visually-hidden"))
  .map(node => [node, node.getBoundingClientRect()])
  .filter(([, {width, height}]) => width && height && (width < least || height < least))
  .map(([node, {width, height}]) => `${node.outerHTML.slice(0, 120)} ${width}x${height}`)"""
MOVING = """() => document.getAnimations()
  .filter(({playState, effect}) => playState === "running" && effect.getComputedTiming().duration > 1)
  .map(({animationName, transitionProperty}) => animationName ?? transitionProperty)"""
COLOURS = """names => names.map(name => {
  const node = document.body.appendChild(document.createElement("i"));
  node.style.color = `var(${name})`;
  return getComputedStyle(node).color;
})"""
# A style element would be refused by the page's own policy; a constructed sheet is the reader's.
SPACED = """() => {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync("* { line-height: 1.5 !important; letter-spacing: .12em !important;"
    + "word-spacing: .16em !important; } p { margin-bottom: 2em !important; }");
  document.adoptedStyleSheets = [sheet];
}"""


async def test_a_room_has_its_landmarks_one_heading_and_lists_that_are_lists(told_room, window):
    page = await window()
    await in_room(page, told_room)
    assert await page.locator("h1").count() == 1
    assert await page.get_by_role("main").count() == 1
    assert await page.get_by_role("complementary", name="Rooms").count() == 1
    assert await page.get_by_role("region", name="Conversation").get_attribute("tabindex") == "0"
    entries = await page.locator("ol[role=list] > li > article[aria-labelledby]").count()
    assert entries == await page.locator("article[data-message]").count() > 4
    live = await page.evaluate(
        "() => !!document.querySelector('#messages').closest('[aria-live], [role=log], [role=status], [role=alert]')"
    )
    assert not live, "the messages are in a live region: every piece would be read aloud"


async def test_an_answer_is_announced_in_three_sentences_at_most_and_never_twice(room, window):
    page = await window()
    await in_room(page, room)
    await page.evaluate(LISTEN)
    paragraph = "The **first** paragraph of `it`."
    await pages.ask(page, Question({"text": [f"{paragraph}\n\n", *words(600)], "rate": 400}))
    await pages.ended(page)
    said = await eventually(lambda: page.evaluate("said.length >= 2 && said"), 5, "its end is announced")
    assert len(said) <= 3
    assert "is answering" in said[0] and "Answer complete" in said[-1]
    assert "The first paragraph of it." in said[-1] and not set("*`#") & set(said[-1])
    await page.reload()
    await pages.live(page)
    assert await page.locator("#announcer").text_content() == "", "a page that loads says nothing"


async def test_who_chooses_so_hears_each_paragraph_once_when_it_is_finished(room, upstream, window):
    page = await window()
    await in_room(page, room)
    await page.locator("#room-menu summary").click()
    choice = page.locator("button[data-command=read-aloud]")
    await choice.click()
    await page.reload()
    await pages.live(page)
    assert await choice.get_attribute("aria-pressed") == "true", "it is remembered"
    await page.evaluate(LISTEN)
    script = []
    for text in [
        "See [the **first**](https://example.org/a).\n\nThe `second`\n",
        "to its end.\n\nAnd the last,\n",
        "too.",
    ]:
        script += [{"text": text}, {"gate": f"aloud {len(script)}"}]
    await pages.ask(page, Question(*script[:-1]))
    for at, paragraph in enumerate(
        ["See the first.", "The second\nto its end.", "Answer complete, 12 words. And the last,\ntoo."]
    ):
        said = await eventually(lambda at=at: page.evaluate(f"said.length >= {at + 2} && said"), 5, paragraph)
        assert said[1:][at] == paragraph
        await upstream.open(f"aloud {2 * at}")
    await pages.ended(page)
    await page.locator("#room-menu summary").click()
    await choice.click()
    assert await choice.get_attribute("aria-pressed") == "false"


async def test_others_messages_are_announced_whole_and_ones_own_are_not(room, alice, bob, window, tab):
    page = await window()
    await in_room(page, room)
    there = await tab(bob, room)
    await there.post(Question({"text": words(2)}))
    heard = page.locator("#announcer")
    await eventually(lambda: heard.evaluate("node => node.textContent.includes('Bob: ')"), 5)
    await pages.ended(page)
    await pages.ask(page, "My own words")
    await eventually(lambda: page.locator("article", has_text="My own words").count(), 5)
    assert "My own words" not in await heard.inner_text()


# -- keyboard and focus ------------------------------------------------------------------------------------------------


async def test_tab_goes_from_the_skip_link_through_rooms_and_header_to_the_box(told_room, window):
    page = await window()
    await in_room(page, told_room)
    await page.evaluate("document.activeElement.blur()")
    await page.locator("body").evaluate("node => { node.tabIndex = -1; node.focus(); }")
    seen = []
    for _ in range(80):
        await page.keyboard.press("Tab")
        seen.append(await page.evaluate(PLACE))
        if seen[-1] == "box":
            break
    order = [place for place, before in zip(seen, [None, *seen], strict=False) if place != before and place != "else"]
    assert order == ["skip", "rooms", "header", "log", "box"]


async def test_the_skip_link_leads_into_the_box(room, window):
    page = await window()
    await in_room(page, room)
    await page.locator(".skip").focus()
    await page.keyboard.press("Enter")
    assert await page.evaluate("document.activeElement.id") == "text"


async def test_what_one_can_do_with_a_message_is_seen_when_the_keyboard_gets_there(told_room, window):
    page = await window()
    await in_room(page, told_room)
    button = page.locator("article[data-role=assistant][data-status=complete] [data-action=copy]").first
    await button.focus()
    await eventually(lambda: button.evaluate("node => getComputedStyle(node).opacity === '1'"), 2)


async def test_focus_and_selection_survive_a_stream_and_a_peers_message(room, alice, bob, window, tab, upstream):
    page = await window()
    await in_room(page, room)
    question = Question({"text": ["A closed paragraph.\n\n", *words(10)]}, {"gate": "focus"}, {"text": words(30, 10)})
    await pages.ask(page, question)
    await pages.shows(page, "w9 ")
    await page.evaluate(SELECT_A_WORD)
    await upstream.open("focus")
    there = await tab(bob, room)
    await there.post(Question({"text": words(3)}))
    await pages.ended(page)
    assert await page.evaluate("getSelection().toString()") == "closed"
    assert await page.evaluate("document.activeElement.id") == "scroller"


async def test_a_dialog_keeps_the_focus_and_gives_it_back(told_room, window):
    page = await window()
    await in_room(page, told_room)
    opener = page.locator("article[data-role=assistant] [data-action=replay]").first
    await opener.focus()
    await page.keyboard.press("Enter")
    await page.locator("#replay[open]").wait_for()
    for _ in range(12):
        await page.keyboard.press("Tab")
        inside = "() => document.activeElement === document.body || !!document.activeElement.closest('#replay')"
        assert await page.evaluate(inside)
    await page.keyboard.press("Escape")
    await eventually(lambda: opener.evaluate("node => node === document.activeElement"), 2, "the focus comes back")


# -- small, large, plain -----------------------------------------------------------------------------------------------


async def test_the_box_stays_in_view_in_every_window(told_room, window):
    page = await window()
    await in_room(page, told_room)
    await page.locator("#text").fill("One line\nanother\nand a third")
    for width, height in ((320, 640), (390, 844), (390, 420), (768, 1024), (1280, 800)):
        await page.set_viewport_size({"width": width, "height": height})
        box = await page.locator("#composer").bounding_box()
        assert box["y"] >= 0 and box["y"] + box["height"] <= height, (width, height)
        assert box["x"] >= 0 and box["x"] + box["width"] <= width, (width, height)


async def test_what_a_finger_meets_most_is_larger(told_room, window):
    page = await window("light", 390, 844, has_touch=True, is_mobile=True)
    await in_room(page, told_room)
    assert await page.evaluate(SMALLER_THAN, 24) == []
    for name in ("#send", ".topbar .icon-button"):
        for button in await page.locator(f"{name}:visible").all():
            size = await button.bounding_box()
            assert size["width"] >= 44 and size["height"] >= 44, name
    sizes = await page.locator("input:visible, textarea:visible").evaluate_all(
        "nodes => nodes.map(node => parseFloat(getComputedStyle(node).fontSize))"
    )
    assert sizes and min(sizes) >= 16, "a phone zooms into what is smaller"


async def test_who_wants_less_motion_gets_none(room, window):
    page = await window(reduced_motion="reduce")
    await in_room(page, room)
    await pages.ask(page, Question({"text": words(20)}, {"wait": "forever"}))
    await pages.shows(page, "w19 ")
    assert await page.evaluate(MOVING) == []


async def test_who_wants_more_contrast_gets_it(room, window):
    quiet = []
    for contrast in ("no-preference", "more"):
        page = await window(contrast=contrast)
        await in_room(page, room)
        quiet.append(await page.evaluate(COLOURS, ["--text-2", "--text-3"]))
    assert quiet[0][0] != quiet[0][1] and quiet[1][0] == quiet[1][1]
    assert quiet[0][0] != quiet[1][0]


async def test_own_colours_of_the_system_keep_edges_and_focus(told_room, window):
    page = await window(forced_colors="active")
    await in_room(page, told_room)
    edges = await page.evaluate(
        "() => ['.composer', '.pill'].map(name => getComputedStyle(document.querySelector(name)))"
        ".map(({borderTopStyle, outlineStyle}) => borderTopStyle !== 'none' || outlineStyle !== 'none')"
    )
    assert edges == [True, True]
    await page.locator("#text").focus()
    focus = "() => { const s = getComputedStyle(document.activeElement.closest('.composer')); const t = "
    focus += "getComputedStyle(document.activeElement); return [s.outlineStyle, t.outlineStyle, s.borderTopWidth]; }"
    outline, inner, border = await page.evaluate(focus)
    assert "solid" in (outline, inner) or "auto" in (outline, inner) or float(border.removesuffix("px")) >= 2


async def test_wider_spacing_of_text_hides_nothing(told_room, window):
    """WCAG 1.4.12: line height 1.5, paragraphs 2, letters 0.12, words 0.16."""
    page = await window("light", 390, 844)
    await in_room(page, told_room)
    await page.evaluate(SPACED)
    assert await page.evaluate(WIDER) == 0
    box = await page.locator("#composer").bounding_box()
    assert box["y"] + box["height"] <= 844


async def test_a_title_from_right_to_left_stands_right(alice, window):
    room = await alice.create_room("שלום עולם")
    page = await window()
    await in_room(page, room)
    assert await page.locator("h1").evaluate("node => getComputedStyle(node).direction") == "rtl"


async def test_no_page_is_wider_than_its_window_and_no_control_too_small(alice, told_room, window):
    page = await window()
    await alice.api("POST", "/rooms", {"title": "A_title_without_any_space_in_it_" * 6})
    link = await make_link(alice, told_room)
    room = f"/rooms/{told_room}/"
    for path in ("/", "/login/", "/search/?q=quoted", f"{room}links/", link, room):
        await page.goto(path)
        for width in (320, 390, 768, 1280):
            await page.set_viewport_size({"width": width, "height": 640})
            assert await page.evaluate(WIDER) == 0, (path, width)
            assert await page.evaluate(SMALLER_THAN, 24) == [], (path, width)
    await page.set_viewport_size({"width": 320, "height": 640})
    for keys, shown in (("Control+k", "#palette"), ("Control+/", "#shortcuts")):
        await page.keyboard.press(keys)
        box = await page.locator(shown).bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= 320 and box["y"] + box["height"] <= 640, shown
        await page.keyboard.press("Escape")
    await page.locator("#room-menu summary").click()
    box = await page.locator("#room-menu .menu-list").bounding_box()
    assert box["x"] >= 0 and box["x"] + box["width"] <= 320


async def test_what_is_printed_is_the_conversation(told_room, window):
    page = await window()
    await in_room(page, told_room)
    await page.emulate_media(media="print")
    shown = "selector => [...document.querySelectorAll(selector)].filter(node => node.checkVisibility()).length"
    for selector in (".sidebar", ".dock", ".topbar button", ".topbar summary", ".message .actions", ".jump", ".pill"):
        assert await page.evaluate(shown, selector) == 0, selector
    assert await page.evaluate(shown, ".message [data-part=text]") >= 5
    assert await page.evaluate("() => getComputedStyle(document.getElementById('scroller')).overflow") == "visible"
    assert await page.evaluate("() => getComputedStyle(document.body).colorScheme") == "light"
