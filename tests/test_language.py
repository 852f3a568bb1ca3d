"""Whose language a page speaks: the browser's, or the one that was chosen. The log speaks none."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from django.conf import settings
from django.contrib.auth import get_user_model
from django.test import Client
from django.utils import translation
from playwright.async_api import Page

from rooms import export
from rooms.models import Generation, Member

from .fakes import Place, generation_of
from .harness import pages
from .harness.upstream import Question
from .test_links import guest

GERMAN = {"HTTP_ACCEPT_LANGUAGE": "de-AT,en;q=0.5"}


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    """Django's test client leaves the language of its last page behind."""
    with translation.override(settings.LANGUAGE_CODE):
        yield


def language_of(response) -> str:
    return re.search(r'<html lang="([^"]+)"', response.content.decode())[1]


def inside(place: Place) -> Client:
    return guest(Member.objects.get(pk=place.member).guest)


# -- in this process ---------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("alone")
def test_the_browser_says_which_language_until_one_is_chosen() -> None:
    client = Client()
    assert language_of(client.get("/login/")) == "en"
    assert language_of(client.get("/login/", **GERMAN)) == "de"
    assert language_of(client.get("/login/", HTTP_ACCEPT_LANGUAGE="fr,tlh;q=0.5")) == "en"
    client.post("/language/", {"language": "en"}, HTTP_REFERER="http://testserver/login/")
    assert language_of(client.get("/login/", **GERMAN)) == "en"
    client.post("/language/", {"language": "tlh"})
    assert language_of(client.get("/login/", **GERMAN)) == "en", "one that there is not changes nothing"
    chosen = client.cookies[settings.LANGUAGE_COOKIE_NAME]
    assert chosen["max-age"] > 300 * 86_400 and chosen["samesite"] == "Lax" and chosen["httponly"]


@pytest.mark.usefixtures("alone")
def test_a_choice_leads_back_to_its_page_and_to_no_other_host() -> None:
    client = Client(enforce_csrf_checks=True)
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', client.get("/search/?q=x").content.decode())[1]
    form = {"language": "de", "csrfmiddlewaretoken": token}

    def leads(referer: str, **more: str) -> str:
        return client.post("/language/", form | more, HTTP_REFERER=referer)["Location"]

    assert leads("http://testserver/search/?q=x") == "http://testserver/search/?q=x"
    assert leads("http://elsewhere.example/") == leads("", next="//elsewhere.example/") == "/"
    assert client.post("/language/", {"language": "de"}).status_code == 403


def test_an_answer_that_failed_says_why_in_the_language_of_the_page(place) -> None:
    pen = place.begin()
    pen.write("Half of it")
    pen.end("failed", failure_code="upstream", failure_detail="The model provider failed (502).")
    client, path = inside(place), f"/rooms/{place.room}/"
    note = re.compile(r'data-part="note">([^<]*?)\s*<')
    assert "The model provider failed (502)." in note.findall(client.get(path).content.decode())
    page = client.get(path, **GERMAN).content.decode()
    assert "Beim Anbieter des Modells ist etwas schiefgegangen." in note.findall(page)
    assert 'data-word="failure.upstream">Beim Anbieter' in page, "and scripts say the same"
    assert "The model provider failed (502)." in page, "the snapshot in it is everybody's"


def test_a_refusal_is_a_page_in_its_readers_language_and_english_on_the_wire(place, settings) -> None:
    settings.CHATLAB_RATE_ROOMS = (1, 600)
    client = inside(place)
    client.post("/rooms/", **GERMAN)
    page = client.post("/rooms/", **GERMAN)
    assert page.status_code == 429 and "Das war zu oft in kurzer Zeit. Versuch es in" in page.content.decode()
    wire = client.post("/api/rooms", "{}", content_type="application/json", **GERMAN)
    assert wire.status_code == 429 and wire.json()["detail"].startswith("Too many new rooms.")


@pytest.mark.usefixtures("alone")
def test_a_guest_is_named_in_the_language_they_come_in() -> None:
    """By a transaction, which runs on another thread."""
    Client().post("/rooms/", **GERMAN)
    Client().post("/rooms/")
    assert sorted(Member.objects.values_list("name", flat=True)) == ["Gast 1", "Guest 1"]


def test_a_file_speaks_the_language_that_it_was_asked_for_in(place) -> None:
    answer = place.post()
    place.stop(answer.answer)
    Generation.objects.filter(pk=generation_of(answer.answer)).update(model="")

    def file(language: str) -> str:
        return "".join(part() for part in export.parts(place.room, "md", language))

    assert "**Assistent** · " in file("de") and " · *gestoppt*" in file("de")
    assert "**assistant** · " in file("en") and " · *stopped*" in file("en")


def test_the_admin_speaks_german_too(place) -> None:
    get_user_model().objects.create_superuser("root", password="x")
    client = Client()
    client.login(username="root", password="x")
    message = place.answered("Text " * 300).answer
    page = client.get(f"/admin/rooms/message/{message}/change/", **GERMAN).content.decode()
    assert "1.500 Zeichen, gleich den zusammengefügten Deltas." in page and "Unversehrtheit" in page


# -- in a browser ------------------------------------------------------------------------------------------------------

ENGLISH = re.compile(
    r"\b(the|and|you|your|is|are|of|with|Sign|Password|Rooms?|Message|Copy|Send|Search|Answer|Offline|Live|Connecting"
    r"|Wire|wire|chars|digest|characters|More|Light|Dark|new|typing|updates?)\b"
)
# All that is said: texts that can be seen, and the names of what has none.
SAID = """() => {
  const own = "[data-part=text], .account-name, kbd, option, [lang=en], .brand";
  const said = [document.body.innerText];
  for (const node of document.querySelectorAll(own)) said[0] = said[0].replace(node.innerText, "");
  for (const name of ["aria-label", "title", "placeholder", "alt"])
    for (const node of document.querySelectorAll(`[${name}]`)) said.push(node.getAttribute(name));
  return said.join("\\n");
}"""
# A function of one of the page's modules, whatever name its file has.
CALL = """async ([module, name, ...values]) => {
  const file = new RegExp(`/${module}(\\\\.\\\\w+)?\\\\.js`);
  const loaded = performance.getEntriesByType("resource").find(({ name }) => file.test(name));
  return (await import(loaded.name))[name](...values);
}"""
COUNTED = [("jump", 1), ("jump", 2), ("replay.chars", 1500)]
PANE_TITLES = "() => [...document.querySelectorAll('.pane-bar h2')].map(({ offsetHeight }) => offsetHeight)"
WIDE = "() => document.documentElement.scrollWidth - innerWidth"


async def speaks_german(page: Page) -> None:
    assert await page.get_attribute("html", "lang") == "de"
    found = sorted(set(ENGLISH.findall(await page.evaluate(SAID))))
    assert found == [], await page.evaluate(SAID)
    assert await page.evaluate(WIDE) <= 0


@pytest.mark.page_only
@pytest.mark.browser
async def test_a_german_browser_reads_german(upstream, server, alice, room, tab, browser_of) -> None:
    there = await tab(alice, room)
    stopped = await there.post(Question({"text": "Wort " * 240}, {"gate": "german-gate"}))
    await there.until(lambda: len(there.text(stopped)) == 1200)
    await there.send({"type": "stop", "message": stopped})
    await there.finished(stopped)
    answer = await there.post(Question({"status": 401}))
    await there.finished(answer)
    page = await (await browser_of(alice, locale="de-DE")).new_page()
    for width in (1280, 390):
        await page.set_viewport_size({"width": width, "height": 800})
        for path in ("/login/", "/", f"/rooms/{room}/links/"):
            await page.goto(f"{server.url}{path}")
            await speaks_german(page)
        await page.goto(f"{server.url}/demo/sync/")
        await page.locator("#verdict[data-state=identical]").wait_for()
        await speaks_german(page)
        assert max(await page.evaluate(PANE_TITLES)) < 30, "a tab's name stands in one line"
        await page.goto(f"{server.url}/rooms/{room}/")
        await pages.live(page)
        await speaks_german(page)
    day = re.compile(r"(Mon|Diens|Donners|Frei|Sams|Sonn)tag, |Mittwoch, ")
    assert day.match(await page.locator(f"#m-{answer} time").get_attribute("title"))
    drawn = [note for note in await page.locator("#messages [data-part=note]").all_inner_texts() if note]
    assert drawn == ["Gestoppt von dir nach 1.200 Zeichen.", "Der Anbieter des Modells hat den Schlüssel abgelehnt."]
    sent = await page.request.get(page.url, headers={"Accept-Language": "de"})
    assert re.findall(r'data-part="note">([^<]+)<', await sent.text()) == drawn, "nothing changes when scripts begin"
    said = [await page.evaluate(CALL, ["words", "word", key, {"n": n}]) for key, n in COUNTED]
    assert said == ["1 neue", "2 neue", "1.500 Zeichen"]
    late = {"code": "rate_limited", "detail": "Too many messages.", "retry_after": 6.8}
    assert await page.evaluate(CALL, ["reasons", "refusalOf", late]) == (
        "Das war zu oft in kurzer Zeit. Versuch es in 7 s noch einmal."
    )
    strange = {"code": "strange", "detail": "Not known here."}
    assert await page.evaluate(CALL, ["reasons", "refusalOf", strange]) == "Not known here."


@pytest.mark.page_only
@pytest.mark.browser
async def test_the_language_is_chosen_where_the_theme_is(server, alice, room, page_of) -> None:
    page = await page_of(alice, room)
    await pages.live(page)
    await page.locator("textarea[name=text]").fill("half a question")
    await page.locator("#room-menu summary").click()
    await page.locator("#room-menu [name=language][value=de]").click()
    await page.locator("html[lang=de]").wait_for()
    assert await page.locator("#room-menu [name=language]").all_text_contents() == ["English", "Deutsch"]
    await pages.live(page)
    assert page.url == f"{server.url}/rooms/{room}/"
    assert await page.locator("textarea[name=text]").input_value() == "half a question"
