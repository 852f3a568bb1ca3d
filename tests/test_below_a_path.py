"""A site below a path, behind nginx that passes the path on and behind nginx that takes it off: all of it is there."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pytest
from websockets.asyncio.client import connect

from rooms.below import BelowPath

from .harness import pages
from .harness.nginx import Nginx
from .harness.people import Person
from .harness.processes import environment
from .harness.server import manage
from .harness.upstream import Question

pytestmark = pytest.mark.page_only

WAYS = {"passed on": "", "taken off": "/"}
SITE = """
map $http_upgrade $connection_upgrade {{ default upgrade; "" ""; }}
server {{
    listen 127.0.0.1:{port};
    location = / {{ return 200 "another site"; }}
    location /chat/ {{
        proxy_pass http://127.0.0.1:{server}{end};
        proxy_http_version 1.1;
        proxy_set_header Host $http_host;
        proxy_set_header Upgrade $http_upgrade;
        proxy_set_header Connection $connection_upgrade;
    }}
}}
"""


@pytest.fixture
def below(own_server, tmp_path) -> Iterator[Callable[..., Nginx]]:
    """`below(way, kind)`: nginx with a site below /chat/, on a server of its own."""
    started: list[Nginx] = []

    def start(way: str, kind: str = "daphne", **settings: str) -> Nginx:
        nginx = Nginx(tmp_path)
        server = own_server(kind, CHATLAB_PATH="chat/", **settings)
        nginx.configure(SITE.format(port=nginx.port, server=server.port, end=WAYS[way]))
        nginx.start()
        started.append(nginx)
        nginx.url += "/chat"
        nginx.server = server
        return nginx

    yield start
    for nginx in started:
        nginx.stop()


def hardened(folder: Path) -> dict[str, str]:
    """As in production: DEBUG off, files under hashed names."""
    settings = {"DEBUG": "0", "SECRET_KEY": "only-for-tests-" + "x" * 40, "STATIC_ROOT": str(folder / "static")}
    manage("collectstatic", "--no-input", "-v", "0", env=environment(CHATLAB_PATH="/chat", **settings))
    return settings


@pytest.mark.browser
@pytest.mark.parametrize(("way", "kind"), [("taken off", "daphne"), ("passed on", "uvicorn")])
async def test_everything_is_below_the_path(below, browser, tmp_path, way, kind):
    """Pages, files, forms, sockets, what scripts ask for, links that are passed on, and cookies."""
    nginx = below(way, kind, **(hardened(tmp_path) if kind == "uvicorn" else {}))
    context = await browser.new_context()
    astray: list[str] = []

    def look(response) -> None:
        path = urlsplit(response.url).path
        if response.status >= 400 or not path.startswith("/chat"):
            astray.append(f"{response.status} {path}")

    context.on("response", look)
    page = await context.new_page()
    page.on("websocket", lambda socket: urlsplit(socket.url).path.startswith("/chat/ws/") or astray.append(socket.url))
    await page.goto(nginx.url)
    assert page.url == f"{nginx.url}/"
    await page.locator("[data-new-room] button").click()
    await page.wait_for_url("**/chat/rooms/*/")
    room = page.url
    await pages.live(page)
    await pages.ask(page, Question({"text": "Below."}))
    await pages.shows(page, "Below.")
    async with page.expect_response("**/chat/api/rooms"):
        await page.keyboard.press("Control+k")
        await page.keyboard.type("Below.")
    await page.locator("#palette mark").first.wait_for()
    await page.keyboard.press("Escape")
    await page.goto(f"{room}links/")
    await page.locator("form [name=lasts] + button").click()
    shared = await page.locator(".made input").input_value()
    assert shared.startswith(f"{nginx.url}/shared/")
    await page.goto(nginx.url)
    await page.locator("button[value=dark]").click()
    await page.locator("a.brand").click()
    assert page.url == f"{nginx.url}/" and await page.locator("html").get_attribute("data-theme") == "dark"
    await page.locator(".account a").click()
    await page.wait_for_url("**/chat/login/**")
    await page.locator("button[value=de]").click()
    assert await page.locator("html").get_attribute("lang") == "de"
    await page.goto(f"{nginx.url}/admin/")
    assert urlsplit(page.url).path == "/chat/admin/login/"
    cookies = await context.cookies()
    assert {cookie["path"] for cookie in cookies} == {"/chat/"} and len(cookies) >= 4
    reader = await (await browser.new_context()).new_page()
    reader.on("response", look)
    await reader.goto(shared)
    await pages.live(reader)
    assert astray == []
    assert (await page.goto(f"{nginx.url}/nowhere")).status == 404
    assert await page.locator("a.brand").get_attribute("href") == "/chat/"


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("told", ["", "/chat"])
async def test_a_server_that_was_told_the_path_puts_nothing_astray(below, way, told, tab):
    """uvicorn's --root-path, beside CHATLAB_PATH: it puts the path in front of whatever it was sent."""
    nginx = below(way, "uvicorn", **({"UVICORN_ROOT_PATH": told} if told else {}))
    person = Person(nginx)
    try:
        room = await person.create_room()
        here = await tab(person, room)
        await here.finished(await here.post(Question({"text": "Below."})))
        async with httpx2.AsyncClient(trust_env=False) as client:
            assert (await client.get(f"{nginx.url}/rooms/{room}")).headers["location"] == f"/chat/rooms/{room}/"
            for probe in (f"{nginx.server.url}/healthz", f"{nginx.server.url}/chat/readyz", f"{nginx.url}/healthz"):
                assert (await client.get(probe)).status_code == 200
    finally:
        await person.close()
    assert "export CHATLAB_PATH" not in nginx.server.log()


async def placed(**scope: object) -> dict:
    seen: list[dict] = []

    async def application(scope, receive, send) -> None:
        seen.append(scope)

    await BelowPath(application)({"type": "http", **scope}, None, None)
    return seen[0]


async def test_a_server_that_was_told_a_path_alone_says_which_setting_is_missing(settings, caplog):
    settings.CHATLAB_PATH = ""
    for kind in ("http", "websocket"):
        scope = await placed(type=kind, path="/chat/rooms/", root_path="/chat")
        assert (scope["path"], scope["root_path"]) == ("/rooms/", "")
    assert caplog.text.count("export CHATLAB_PATH=<path>") == 1


async def test_a_client_puts_itself_below_no_path(server, alice, room):
    """Daphne takes a path from a header, which anybody can send."""
    headers = {**alice.socket_headers, "Daphne-Root-Path": "/elsewhere"}
    address = f"{server.url.replace('http', 'ws', 1)}/ws/rooms/{room}/"
    async with connect(address, subprotocols=["chatlab.v1"], additional_headers=headers, proxy=None) as socket:
        assert "welcome" in await asyncio.wait_for(socket.recv(), 5)
    assert (await alice.request("GET", f"/rooms/{room}/", headers=headers)).status_code == 200


@pytest.mark.parametrize(("path", "line"), [("/rooms", "take another name"), ("https://x/chat", "for example /chat")])
def test_a_path_that_can_not_be_stops_the_start(path, line):
    done = manage("check", env=environment(SECRET_KEY="x", DEBUG="1", CHATLAB_PATH=path), check=False)
    assert done.returncode and line in done.stderr


def test_the_links_of_the_first_start_are_below_the_path(tmp_path):
    env = environment(SECRET_KEY="x", DEBUG="1", CHATLAB_PATH="/chat", DATABASE_URL=f"sqlite:///{tmp_path / 'db'}")
    links = re.findall(r"http://127\.0\.0\.1:8000(\S+)", manage("demo", "--no-server", env=env).stdout)
    assert len(links) == 3 and all(link.startswith("/chat/") for link in links)
