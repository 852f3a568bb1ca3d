"""An answer without a text, on the page: why there is none, and what was thought, which is all that there is to see."""

from __future__ import annotations

import pytest
from django.conf import settings
from playwright.async_api import expect

from .harness import pages
from .harness.upstream import Question

pytestmark = [pytest.mark.browser, pytest.mark.page_only]


async def test_a_thought_without_an_answer_is_open_and_says_so_in_the_readers_language(server, alice, room, page_of):
    page = await page_of(alice, room)
    await pages.live(page)
    await pages.ask(page, Question({"reasoning": ["Let me ", "think."]}))
    answer = page.locator("article[data-role=assistant]").last
    thought, note = answer.locator("details.reasoning"), answer.locator("[data-part=note]")
    await expect(note).to_have_text("The model thought, and ended without an answer.")
    await expect(thought).to_have_attribute("open", "")
    await expect(answer.locator("[data-part=reasoning]")).to_contain_text("Let me think.")
    await thought.locator("summary").click()
    await pages.ask(page, Question({"reasoning": ["Hm."]}, {"text": "So."}))
    await pages.shows(page, "So.")
    answers = page.locator("article[data-role=assistant] details.reasoning")
    assert await answers.evaluate_all("boxes => boxes.map(box => box.open)") == [False, False], "as it was left"

    await page.context.add_cookies([{"name": settings.LANGUAGE_COOKIE_NAME, "value": "de", "url": server.url}])
    await page.reload()
    await expect(page.locator("article[data-role=assistant] [data-part=note]").first).to_have_text(
        "Das Modell hat nachgedacht und ohne Antwort geendet."
    )
    assert await answers.evaluate_all("boxes => boxes.map(box => box.open)") == [True, False]
