"""The promise on one page: kill -9 in the middle of a sentence, and every open tab sees the sentence go on."""

from __future__ import annotations

import pytest

from .harness import pages
from .harness.upstream import Question, words
from .harness.waiting import eventually
from .stages import *  # noqa: F403

pytestmark = [pytest.mark.e2e, pytest.mark.browser]

SENTENCE = words(400)
RATE = 100  # words a second


@pytest.mark.parametrize("shared_stage", ["sqlite", "postgres"], indirect=True)
async def test_kill_9_of_the_worker_in_mid_sentence_and_both_tabs_finish_it(upstream, stage, visitor, browser_of):
    """Two worker processes, a provider in a process of its own that talks on, two tabs in a real browser."""
    await stage.workers_of({"OPENAI_BACKGROUND": "1"}, {"OPENAI_BACKGROUND": "1"})
    alice = visitor(stage.server)
    room = await alice.create_room()
    window = await browser_of(alice)
    tabs = [await window.new_page() for _ in range(2)]
    for page in tabs:
        await page.goto(f"{stage.server.url}/rooms/{room}/")
        await pages.live(page)
    question = Question({"text": SENTENCE, "rate": RATE})
    await pages.ask(tabs[0], question)
    (answer,) = await eventually(lambda: stage.database.answers(room))
    for page in tabs:
        await pages.shows(page, " ")

    async def in_the_middle() -> bool:
        return "w100 " in (await pages.answer(tabs[1]))["text"]

    await eventually(in_the_middle, 20, "a quarter of the sentence is shown")
    killed = await stage.holder(answer)
    killed.kill()
    shown = (await pages.answer(tabs[1]))["text"]
    assert shown and stage.database.status(answer) == "streaming"

    whole = "".join(SENTENCE)
    for page in tabs:
        assert (await pages.ended(page, within=20))["text"] == whole
    assert whole.startswith(shown)
    assert "".join(stage.database.appended(answer)) == stage.database.text(answer) == whole
    states = [await pages.state(page) for page in tabs]
    assert len({(state["cursor"], state["digest"], state["length"]) for state in states}) == 1
    stage.database.check_room(room)

    response = stage.generation(answer, "response_id")
    resumed = [entry for entry in await upstream.requests() if entry["path"] == f"/v1/responses/{response}"]
    assert len(await upstream.requests(question)) == len(resumed) == 1, "the provider was asked once, and resumed once"
