"""A follow-up that is asked while the answer before it is written: what the provider is asked, who starts it, and what
people see of its waiting.
"""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from .harness import pages
from .harness.upstream import Question, words
from .harness.waiting import eventually
from .stages import *  # noqa: F403

pytestmark = pytest.mark.e2e
on_both = pytest.mark.parametrize("shared_stage", ["sqlite", "postgres"], indirect=True)
without_events = pytest.mark.parametrize("shared_stage", ["no events"], indirect=True)

NEVER_LOOKS = {"CHATLAB_QUEUE_POLL": "600"}  # so that only an event can say what may be started
WAITS = "waits for the answer before it"


def follow_up(number: int = 2) -> Question:
    return Question({"text": words(5, 100 * number)})


def turns(entry: dict) -> list[tuple[str, str]]:
    return [(turn["role"], turn["content"]) for turn in entry["body"]["input"]]


async def test_it_is_asked_with_the_answer_before_it_to_its_end(upstream, server, alice, room, tab):
    here = await tab(alice, room)
    gate = Question().gate()
    first = Question({"text": words(5)}, {"gate": gate}, {"text": words(5, 5)})
    second, third = follow_up(), follow_up(3)
    answers = [await here.post(question) for question in (first, second, third)]
    beside = Question({"text": words(3)})
    assert (await here.finished(await here.post(beside, parent=None)))["status"] == "complete"
    assert [here.status(answer) for answer in answers] == ["streaming", "queued", "queued"]
    assert await upstream.requests(second) == []
    await upstream.open(gate)
    for answer in answers:
        assert (await here.finished(answer))["status"] == "complete"
    (asked,) = await upstream.requests(third)
    said = [(first, words(10)), (second, words(5, 200))]
    before = [turn for question, text in said for turn in (("user", question), ("assistant", "".join(text)))]
    assert turns(asked) == [*before, ("user", third)]
    server.database.check_room(room)


async def test_it_starts_as_soon_as_the_answer_before_it_ends_or_is_stopped(upstream, own_server, visitor, tab):
    server = own_server(**NEVER_LOOKS)
    alice = visitor(server)
    here = await tab(alice, await alice.create_room())
    for end in ("its own", "a stop"):
        gate = Question().gate()
        first = await here.post(Question({"text": words(5)}, {"gate": gate}))
        await here.until(lambda first=first: here.text(first) == "".join(words(5)))
        second = await here.post(follow_up())
        if end == "a stop":
            await here.send({"type": "stop", "message": first})
        else:
            await upstream.open(gate)
        assert (await here.finished(second))["text"] == "".join(words(5, 200))


@on_both
async def test_a_stop_in_the_web_process_starts_it_in_a_worker_that_never_looks(upstream, stage, visitor, tab):
    alice = visitor(stage.server)
    here = await tab(alice, await alice.create_room())
    await stage.worker(**NEVER_LOOKS)
    first = await here.post(Question({"text": words(5)}, {"wait": "forever"}))
    await here.until(lambda: here.text(first) == "".join(words(5)), 15)
    second, third = await here.post(follow_up()), await here.post(follow_up(3))
    await here.send({"type": "stop", "message": first})
    for answer in (second, third):
        assert (await here.finished(answer))["status"] == "complete"
    stage.database.check_room(here.room)


@on_both
async def test_a_worker_that_is_killed_holds_up_nobody(upstream, stage, visitor, tab):
    """Another one ends its answer when its lease has run out, and then starts the next."""
    alice = visitor(stage.server)
    here = await tab(alice, await alice.create_room())
    dying = await stage.worker()
    first = await here.post(Question({"text": words(5)}, {"wait": "forever"}))
    await here.until(lambda: here.text(first) == "".join(words(5)), 15)
    second = await here.post(follow_up())
    await stage.worker()
    dying.kill()
    assert (await here.finished(first))["status"] == "interrupted"
    assert (await here.finished(second))["text"] == "".join(words(5, 200))
    stage.database.check_room(here.room)


@without_events
async def test_where_no_event_arrives_the_poll_finds_it(upstream, stage, visitor, tab):
    alice = visitor(stage.server)
    here = await tab(alice, await alice.create_room())
    await stage.worker()
    gate = Question().gate()
    first = await here.post(Question({"text": words(5)}, {"gate": gate}))
    await here.until(lambda: here.text(first) == "".join(words(5)), 15)
    second = await here.post(follow_up())
    await here.send({"type": "stop", "message": first})
    assert (await here.finished(second))["text"] == "".join(words(5, 200))
    await upstream.open(gate)


@pytest.mark.browser
async def test_the_page_says_that_it_waits_live_after_a_reload_and_without_scripts(
    upstream, server, alice, room, tab, page_of, browser_of
):
    here, page = await tab(alice, room), await page_of(alice, room)
    gate = Question().gate()
    answers = [await here.post(question) for question in (Question({"text": words(5)}, {"gate": gate}), follow_up())]
    waiting = page.locator(f"#m-{answers[1]} [data-part=meta]")
    await expect(waiting).to_have_text(WAITS)
    await expect(page.locator(f"#m-{answers[0]} [data-part=meta]")).to_have_text("writing…")
    await page.reload()
    await pages.live(page)
    await expect(waiting).to_have_text(WAITS)
    plain = await (await browser_of(alice, java_script_enabled=False, locale="de")).new_page()
    await plain.goto(f"{server.url}/rooms/{room}/")
    await expect(plain.locator(f"#m-{answers[1]} [data-part=meta]")).to_have_text("wartet auf die Antwort davor")
    await expect(plain.locator(f"#m-{answers[0]} [data-part=meta]")).to_have_text("schreibt…")
    third = await here.post(follow_up(3))
    await page.locator(f"#m-{answers[1]} [data-action=stop]").click()
    await eventually(lambda: here.status(answers[1]) == "stopped")
    await expect(page.locator(f"#m-{third} [data-part=meta]")).to_have_text(WAITS)
    await upstream.open(gate)
    for answer in (answers[0], third):
        assert (await pages.ended(page, message=answer))["status"] == "complete"
    assert await page.locator(f"#m-{third} [data-part=meta]").text_content() != WAITS
