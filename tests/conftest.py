"""Fixtures: the real log in this process for unit tests, and real processes for end-to-end tests, which share what a
test doesn't end.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from django.apps import apps
from django.conf import settings
from django.db import connection, transaction
from django.test import TransactionTestCase
from playwright.async_api import Browser, BrowserContext, Page

from . import (
    fakes,
    profiles,  # noqa: F401  registers Hypothesis profiles
)
from .harness import browser as chromium
from .harness.engines import POSTGRES, PostgreSQL, SQLite
from .harness.people import Person
from .harness.server import Server
from .harness.tab import Tab
from .harness.upstream import UpstreamProcess


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "browser: drives a real Chromium")
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # of a run in a shell's background, and so of all it starts
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
async def nothing_goes_on() -> AsyncIterator[None]:
    """What a test has left running on the event loop of this worker ends with it."""
    before = asyncio.all_tasks()
    yield
    left = asyncio.all_tasks() - before - {asyncio.current_task()}
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)


# -- the log in this process -------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def django_db_keepdb(request: pytest.FixtureRequest) -> bool:
    """PostgreSQL goes, and all its databases with it."""
    return request.config.getoption("engines") == POSTGRES


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None) -> Iterator[None]:
    """The test database; what tests commit to it is deleted behind them.

    Not by Django's `flush`: TRUNCATE of all tables, and content types and permissions made anew, take PostgreSQL 50 ms
    and SQLite 10 ms, after each of many hundred tests. Few tables hold a row, and those have few.

    A password is hashed cheaply: a million rounds for each test's admin take longer than the test, and on a busy
    machine longer than PostgreSQL lets a transaction of ours stand idle.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(settings, "PASSWORD_HASHERS", ["django.contrib.auth.hashers.MD5PasswordHasher"])
        patch.setattr(TransactionTestCase, "_fixture_teardown", lambda case: _delete_everything())
        yield


def _delete_everything() -> None:
    """In one transaction: foreign keys are looked at when it ends."""
    kept = {"auth.permission", "contenttypes.contenttype"}  # made by `migrate`
    models = [model for model in apps.get_models(include_auto_created=True) if model._meta.label_lower not in kept]
    with transaction.atomic(), connection.cursor() as cursor:
        for model in models:
            cursor.execute(f"DELETE FROM {connection.ops.quote_name(model._meta.db_table)}")


@pytest.fixture
def alone(transactional_db: None) -> Iterator[None]:
    """A test with an empty log, and with database threads and limits of its own."""
    with fakes.alone():
        yield


@pytest.fixture
def place(alone: None) -> fakes.Place:
    """A room, and the member who made it."""
    return fakes.new_place("A room")


# -- processes ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def upstream(tmp_path_factory: pytest.TempPathFactory) -> Iterator[UpstreamProcess]:
    process = UpstreamProcess(tmp_path_factory.mktemp("upstream"))
    process.start()
    yield process
    process.stop()


@pytest.fixture(scope="session")
def engines(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> SQLite | PostgreSQL:
    """What servers of this run stand on. (`--engines`)"""
    if request.config.getoption("engines") == POSTGRES:
        return PostgreSQL()
    return SQLite(tmp_path_factory.mktemp("empty"))


@pytest.fixture(scope="session")
def shared_server(
    tmp_path_factory: pytest.TempPathFactory, engines: SQLite | PostgreSQL, upstream: UpstreamProcess
) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("server")
    process = Server(folder, upstream.base_url, **engines.settings_for(folder))
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
def own_server(
    tmp_path: Path, engines: SQLite | PostgreSQL, upstream: UpstreamProcess
) -> Iterator[Callable[..., Server]]:
    """`own_server(**settings)`: a server for this test alone, to be killed, frozen and restarted. It may bring a
    database of its own (DATABASE_URL).
    """
    started: list[Server] = []

    def start(kind: str = "daphne", **settings: str) -> Server:
        folder = tmp_path / f"server-{len(started)}"
        folder.mkdir()
        own = "DATABASE_URL" in settings
        place = {} if own else engines.settings_for(folder)
        process = Server(folder, upstream.base_url, kind, **place | settings)
        started.append(process)
        if own:
            process.migrate()
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


@pytest.fixture(scope="session")
async def shared_browser() -> AsyncIterator[Browser]:
    async with chromium.launched() as running:
        yield running


@pytest.fixture(scope="session")
def kept_windows() -> list[BrowserContext]:
    """Of this worker's browser. (`browser_of`)"""
    return []


@pytest.fixture
async def browser(shared_browser: Browser, kept_windows: list[BrowserContext]) -> AsyncIterator[Browser]:
    """The one Chromium of this worker; nothing is left in it of tests before."""
    yield shared_browser
    for context in shared_browser.contexts:
        if context not in kept_windows:
            await context.close()


@pytest.fixture
async def browser_of(
    browser: Browser, shared_server: Server, kept_windows: list[BrowserContext]
) -> AsyncIterator[Callable[..., Awaitable[BrowserContext]]]:
    """`await browser_of(person)`: a browser window that is signed in as that person. Options are Playwright's.

    Without options and at the shared server it is kept for the next test, without what was in it: all that is left are
    scripts and pictures, whose loading costs 0.8 s of CPU each time.
    """
    free, used = list(kept_windows), []

    async def make(person: Person, **options: object) -> BrowserContext:
        if options or person.server is not shared_server:
            window = await browser.new_context(**{"viewport": chromium.VIEWPORT} | options)
        else:
            if not free:
                free.append(await chromium.to_be_kept(browser, base_url=shared_server.url))
                kept_windows.append(free[-1])
            window = free.pop(0)
            used.append(window)
        await window.add_cookies(person.browser_cookies)
        return window

    yield make
    for window in used:
        if not await chromium.emptied(window):
            kept_windows.remove(window)


@pytest.fixture
async def page_of(browser_of: Callable) -> Callable[[Person, str], Awaitable[Page]]:
    """`await page_of(person, room)`: the room's page in a real browser."""

    async def make(person: Person, room: str) -> Page:
        page = await (await browser_of(person)).new_page()
        await page.goto(f"{person.server.url}/rooms/{room}/")
        return page

    return make
