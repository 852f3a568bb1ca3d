"""An answer played again as it was written: what the API hands out, and the dialog in a real browser."""

from __future__ import annotations

import json
from datetime import datetime

import pytest

from rooms import log
from rooms.log import history

from .fakes import Pen
from .harness import pages
from .harness.upstream import Question, words
from .harness.waiting import eventually


async def test_the_deltas_of_one_message_are_its_text_with_their_times(server, room, alice, tab):
    here = await tab(alice, room)
    noise = await here.post(Question({"text": words(5)}))
    answer = await here.post(Question({"text": words(20)}))
    await here.finished(noise)
    await here.finished(answer)
    page = await alice.api("GET", f"/rooms/{room}/messages/{answer}/deltas")
    items = page["items"]
    assert page["up_to_date"] and [item["kind"] for item in items[:2]] == ["started", "appended"]
    assert items[-1]["kind"] == "closed" and all(item["message"] == answer for item in items)
    assert "".join(item["text"] for item in items if item["kind"] == "appended") == here.text(answer)
    times = [datetime.fromisoformat(item["at"]) for item in items]
    assert times == sorted(times)


@pytest.mark.parametrize("bound", ["PAGE_ROWS", "PAGE_BYTES"])
def test_a_long_one_comes_in_pages_without_a_hole(place, monkeypatch, bound):
    monkeypatch.setattr(history, bound, 3 if bound == "PAGE_ROWS" else 150)
    answer = place.post("Why?").answer
    pen = Pen.claim(place.room, answer)
    pen.write(*words(20))
    pen.end()
    found, pages_read, last = [], 0, False
    while not last:
        items, last = log.written(place.room, answer, found[-1]["seq"] if found else 0)
        found += map(json.loads, items)
        pages_read += 1
    assert pages_read > 3
    assert "".join(item["text"] for item in found if item["kind"] == "appended") == "".join(words(20))


async def test_only_members_read_how_a_message_was_written(server, room, alice, visitor, tab):
    here = await tab(alice, room)
    answer = await here.post(Question({"text": words(3)}))
    await here.finished(answer)
    other = await alice.create_room()
    stranger = visitor(server)
    for person, place in ((stranger, f"/rooms/{room}/messages/{answer}"), (alice, f"/rooms/{other}/messages/{answer}")):
        assert (await person.request("GET", f"/api{place}/deltas")).status_code == 404
    for after in ("-1", "x", "1.5", "9" * 19):
        response = await alice.request("GET", f"/api/rooms/{room}/messages/{answer}/deltas?after={after}")
        assert (response.status_code, response.json()["code"]) == (400, "bad_frame")


@pytest.mark.browser
@pytest.mark.page_only
async def test_an_answer_is_played_again_with_its_own_timing_faster_and_scrubbed(server, room, alice, page_of):
    page = await page_of(alice, room)
    await pages.live(page)
    question = Question({"text": words(10)}, {"wait": 1.2}, {"text": words(10, 10)})
    await pages.ask(page, question)
    await pages.ended(page)
    await page.locator("[data-action=replay]").last.click()
    dialog = page.locator("dialog#replay")
    body = dialog.locator("[data-part=body]")
    await dialog.locator("[data-part=play]").click()  # pause
    duration = int(await dialog.locator("[data-part=scrub]").get_attribute("max"))
    assert 1_200 <= duration < 30_000

    async def shown() -> str:
        return (await body.text_content()).strip()

    async def at(position: int) -> str:
        await dialog.locator("[data-part=scrub]").evaluate(
            "(node, value) => { node.value = value; node.dispatchEvent(new Event('input')); }", position
        )
        return await shown()

    whole = "".join(words(20)).strip()
    assert await at(duration) == whole
    assert await at(0) == ""
    assert await at(duration - 600) == "".join(words(10)).strip(), "the pause in the middle is gone"
    await at(0)
    await dialog.locator("input[name=speed][value='16']").check(force=True)
    await dialog.locator("[data-part=play]").click()

    async def ended() -> bool:
        return await shown() == whole

    await eventually(ended, duration / 1000, "it has played to its end, faster than it was written")
    await page.keyboard.press("Escape")
    await eventually(dialog.is_hidden, 5)
