"""Fixtures of the end-to-end tests: real processes, shared by a pytest worker where a test doesn't end them.

Unit tests need none of this: `@pytest.mark.django_db(transaction=True)` is what async tests of the ORM use.
"""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, BrowserContext, Page

from . import profiles  # noqa: F401  registers Hypothesis profiles
from .harness import browser as chromium
from .harness.people import Person
from .harness.server import Server
from .harness.tab import Tab
from .harness.upstream import UpstreamProcess


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "browser: drives a real Chromium")


@pytest.fixture(scope="session")
def upstream(tmp_path_factory: pytest.TempPathFactory) -> Iterator[UpstreamProcess]:
    process = UpstreamProcess(tmp_path_factory.mktemp("upstream"))
    process.start()
    yield process
    process.stop()


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file, copied for every server: migrating takes longer than most tests."""
    folder = tmp_path_factory.mktemp("empty")
    Server(folder).migrate()
    return folder / "chatlab.sqlite3"


@pytest.fixture(scope="session")
def shared_server(
    tmp_path_factory: pytest.TempPathFactory, empty_database: Path, upstream: UpstreamProcess
) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("server")
    shutil.copy(empty_database, folder)
    process = Server(folder, upstream.base_url)
    process.start()
    yield process
    process.stop()


@pytest.fixture
def server(shared_server: Server) -> Iterator[Server]:
    """The server that all tests of this worker share. Whatever a test did to it, its log must have stayed clean."""
    if not shared_server.running:
        shared_server.start()
    mark = shared_server.mark()
    yield shared_server
    assert shared_server.running, f"the server died:\n{shared_server.log(mark)}"
    alarms = shared_server.alarms(mark)
    assert not alarms, alarms[0]


@pytest.fixture
def own_server(tmp_path: Path, empty_database: Path, upstream: UpstreamProcess) -> Iterator[Callable[..., Server]]:
    """`own_server(**settings)`: a server for this test alone, to be killed, frozen and restarted."""
    started: list[Server] = []

    def start(kind: str = "daphne", **settings: str) -> Server:
        folder = tmp_path / f"server-{len(started)}"
        folder.mkdir()
        process = Server(folder, upstream.base_url, kind, **settings)
        started.append(process)
        if "DATABASE_URL" in settings:
            process.migrate()
        else:
            shutil.copy(empty_database, folder)
        process.start()
        return process

    yield start
    for process in started:
        process.stop()
    for process in started:
        alarms = process.alarms()
        assert not alarms, alarms[0]


@pytest.fixture
async def visitor() -> AsyncIterator[Callable[[Server], Person]]:
    """`visitor(server)`: somebody with a cookie jar of their own, a member of nothing."""
    people: list[Person] = []

    def make(server: Server) -> Person:
        people.append(Person(server))
        return people[-1]

    yield make
    for person in people:
        await person.close()


@pytest.fixture
async def alice(server: Server, visitor: Callable) -> Person:
    """The owner of `room`."""
    return visitor(server)


@pytest.fixture
async def room(alice: Person) -> str:
    return await alice.create_room()


@pytest.fixture
async def bob(server: Server, room: str, visitor: Callable) -> Person:
    """A member of `room` who came in by its link."""
    person = visitor(server)
    await person.join(room, "Bob")
    return person


@pytest.fixture
async def tab() -> AsyncIterator[Callable[..., Awaitable[Tab]]]:
    """`await tab(person, room)`: an open tab, level with the room. At the end, none may have seen a promise broken."""
    tabs: list[Tab] = []

    async def make(person: Person, room: str, *, cursor: str = "", comes_back: bool = False) -> Tab:
        made = Tab(person.server.url, room, person.socket_headers, comes_back=comes_back)
        tabs.append(made)
        return await made.open(cursor)

    yield make
    for made in tabs:
        await made.close()
    assert [fault for made in tabs for fault in made.faults] == []


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with chromium.launched() as launched:
        yield launched


@pytest.fixture
async def browser_of(browser: Browser) -> Callable[[Person], Awaitable[BrowserContext]]:
    """`await browser_of(person)`: a browser window that is signed in as that person."""

    async def make(person: Person) -> BrowserContext:
        context = await browser.new_context(viewport={"width": 1280, "height": 800})
        jar = [{"name": c.name, "value": c.value, "url": person.server.url} for c in person.client.cookies.jar]
        await context.add_cookies(jar)
        return context

    return make


@pytest.fixture
async def page_of(browser_of: Callable) -> Callable[[Person, str], Awaitable[Page]]:
    """`await page_of(person, room)`: the room's page in a real browser."""

    async def make(person: Person, room: str) -> Page:
        page = await (await browser_of(person)).new_page()
        await page.goto(f"{person.server.url}/rooms/{room}/")
        return page

    return make
