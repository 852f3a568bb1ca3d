"""What a fresh start meets first: a wrong link under DEBUG, what browsers ask for by themselves, and scripts that come
all at once.
"""

from __future__ import annotations

import struct
from urllib.parse import urlsplit

import pytest
from django.contrib.staticfiles import finders
from django.test import Client

from rooms.templatetags.modules import imported

from .harness import pages

pytestmark = [pytest.mark.django_db, pytest.mark.page_only]


@pytest.mark.parametrize("debug", [True, False])
@pytest.mark.parametrize("link", ["/nowhere/", "/rooms/nowhere/", "/rooms/no where?/", "/admin/nowhere/"])
def test_a_wrong_link_is_a_page_of_the_house_under_debug_too(settings, admin_client, debug, link) -> None:
    settings.DEBUG = debug
    for client in (Client(), admin_client):
        page = client.get(link, follow=True)
        text = page.content.decode()
        if client is not admin_client and link.startswith("/admin/"):
            assert page.status_code == 200 and "Sign in" in text or "Log in" in text  # the admin's own door
            continue
        assert page.status_code == 404 and "There is nothing here." in text
        assert "DEBUG" not in text and "urlpatterns" not in text and "URLconf" not in text


@pytest.mark.parametrize("debug", [True, False])
@pytest.mark.parametrize("link", ["/rooms/", "/theme/", "/rooms/x/join/"])
def test_the_address_of_a_form_is_no_blank_page(settings, debug, link) -> None:
    settings.DEBUG = debug
    page = Client().get(link)
    assert page.status_code == 405 and "There is nothing here." in page.content.decode() and "POST" in page["Allow"]


def test_the_api_says_what_is_not_there_in_its_own_words_under_debug(settings) -> None:
    settings.DEBUG = True
    for path in ("/api/nowhere", "/api/rooms/nowhere"):
        assert Client().get(path)["Content-Type"] == "application/problem+json"


def test_crawlers_are_told_what_is_for_everybody() -> None:
    answer = Client().get("/robots.txt")
    assert answer["Content-Type"] == "text/plain"
    assert answer.content.decode() == "User-agent: *\nAllow: /$\nDisallow: /\n"


@pytest.mark.parametrize(
    ("name", "size"), [("favicon.ico", 32), ("apple-touch-icon.png", 180), ("apple-touch-icon-precomposed.png", 180)]
)
def test_icons_are_where_browsers_look_for_them(name, size) -> None:
    answer = Client().get(f"/{name}")
    assert answer.status_code == 302
    path = finders.find(answer["Location"].removeprefix("/static/"))
    with open(path, "rb") as file:
        image = file.read()
    png = image[image.index(b"\x89PNG") :]
    assert struct.unpack(">II", png[16:24]) == (size, size)
    if name.startswith("apple"):
        assert f'href="{answer["Location"]}"' in Client().get("/").content.decode()


def test_a_script_names_all_that_it_imports_and_nothing_else() -> None:
    assert imported("rooms/theme.js") == ("rooms/place.js",)
    of_room = imported("rooms/main.js")
    assert {"rooms/session.js", "rooms/socket.js", "rooms/log.js", "rooms/digest.js"} < set(of_room)
    assert len(of_room) == len(set(of_room)) and all(map(finders.find, of_room))
    assert "rooms/sync.js" not in of_room and "rooms/main.js" not in of_room


@pytest.mark.browser
async def test_no_script_of_a_room_waits_for_another_to_be_found(server, alice, room, browser_of):
    """What the page names ahead is what it loads: nothing is found later, and nothing is loaded for nothing."""
    page = await (await browser_of(alice, base_url=server.url)).new_page()  # which has loaded nothing before
    await page.goto(f"/rooms/{room}/")
    await pages.live(page)
    ahead = await page.eval_on_selector_all("link[rel=modulepreload]", "links => links.map(link => link.href)")
    (entry,) = await page.eval_on_selector_all("script[type=module]", "scripts => scripts.map(script => script.src)")
    loaded = await page.evaluate(
        "() => performance.getEntriesByType('resource').map(({name}) => name).filter(name => name.endsWith('.js'))"
    )
    assert sorted(loaded) == sorted([entry, *ahead])
    assert {urlsplit(url).path for url in ahead} == {f"/static/{name}" for name in imported("rooms/main.js")}
