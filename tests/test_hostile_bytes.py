"""Generated requests, handshakes and frames (tests/hostile.py) against real servers: no answer is a 5xx, no line of the
log a traceback, and neither the same room nor another one notices. `make soak` sends thousands of them, three times.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from signal import SIGTERM
from urllib.parse import urlsplit

import pytest

from .harness.engines import PostgreSQL, SQLite
from .harness.people import Person
from .harness.server import Server
from .hostile import Hostile, Input, Place, answered
from .test_xss import soaking

KINDS = ("daphne", "uvicorn")
COUNTS = (3_000, 600, 900) if soaking() else (230, 50, 60)  # requests, handshakes, sequences of frames
RUNS = 3 if soaking() else 1
AT_ONCE = 12
ENDS_WITHIN = 8.0  # a task that never ends is waited for for ten seconds
STATUS = re.compile(rb"HTTP/1\.[01] (\d\d\d) ")
MIB = 2**20
GROWS = 4 * MIB  # between the second and the third run


@pytest.fixture(scope="module", params=KINDS)
def shared_target(request, tmp_path_factory, engines: SQLite | PostgreSQL) -> Iterator[Server]:
    """Without limits, so that inputs get as far as they can, and with DEBUG off, as a site is."""
    folder = tmp_path_factory.mktemp("target")
    settings = engines.settings_for(folder) | {"DEBUG": "0", "CHATLAB_PROVIDER": "demo", "CHATLAB_DEMO_RATE": "2000"}
    process = Server(folder, "", request.param, STATIC_ROOT=str(folder), CHATLAB_BAD_FRAMES="1000/60", **settings)
    process.env["DJANGO_SUPERUSER_PASSWORD"] = "a-word-for-tests"
    process.manage("createsuperuser", "--noinput", "--username", "root", "--email", "root@example.org")
    process.start()
    yield process
    assert process.terminate(ENDS_WITHIN) in (0, -SIGTERM), "nothing that came in is left"


@pytest.fixture
async def target(shared_target: Server) -> AsyncIterator[Server]:
    mark = shared_target.mark()
    yield shared_target
    assert shared_target.running, shared_target.log(mark)
    assert not shared_target.alarms(mark), shared_target.alarms(mark)[0]


async def signed_in(person: Person) -> Person:
    await person.client.get("/login/")
    form = {"username": "root", "password": "a-word-for-tests"}
    token = {"X-CSRFToken": person.client.cookies["csrftoken"]}
    assert (await person.client.post("/login/", data=form, headers=token)).status_code == 302
    return person


async def link_of(person: Person, room: str) -> str:
    headers = {"X-CSRFToken": person.client.cookies["csrftoken"]}
    page = (await person.client.post(f"/rooms/{room}/links/", data={"lasts": ""}, headers=headers)).text
    return re.search(r"/shared/([\w-]+)/#", page)[1]


@pytest.fixture
async def site(target: Server, visitor, tab):
    """(place, a tab in the room of all inputs, a tab in another); whoever sends them is no owner there."""
    alice, mallory, staff = visitor(target), visitor(target), await signed_in(visitor(target))
    room, elsewhere = await alice.create_room(), await alice.create_room()
    member = (await mallory.join(room, "Mallory"))["id"]
    here, there = await tab(alice, room), await tab(alice, elsewhere)
    answer = await here.post("A question")
    await here.finished(answer)
    host, link = urlsplit(target.url).netloc, await link_of(alice, room)
    cookies = (mallory.cookie_header, staff.cookie_header, "a=b")
    return Place(host, room, member, answer, link, cookies), here, there


async def assail(url: str, inputs: Iterator[Input]) -> list[str]:
    """Send them, some at once; what must not be answered."""
    faults, inputs = [], iter(inputs)

    async def one_by_one() -> None:
        for sent in inputs:
            said = await answered(url, sent)
            if any(status.startswith(b"5") for status in STATUS.findall(said)):
                faults.append(f"{said[:120]!r} to {sent.name}")

    await asyncio.gather(*(one_by_one() for _ in range(AT_ONCE)))
    return faults


async def undisturbed(*tabs) -> None:
    """Each is on its first socket, and gets an answer, letter for letter."""
    for here in tabs:
        answer = await here.post("Is everything as it was?")
        await here.finished(answer)
        assert len(here.received("welcome")) == 1 and here.close_code is None and here.level and not here.faults


@pytest.mark.soak
async def test_hostile_bytes_are_answered_and_nobody_else_notices(target, site):
    place, here, there = site
    requests, handshakes, frames = COUNTS
    memory, faults = [], []
    for run in range(RUNS):
        hostile = Hostile(f"run {run}" if soaking() else "quick", place)
        faults += await assail(target.url, hostile.requests(requests))
        faults += await assail(target.url, hostile.handshakes(handshakes))
        faults += await assail(target.url, hostile.frames(frames))
        await undisturbed(here, there)
        memory.append(target.memory())
    assert not faults, "\n".join(faults[:20])
    assert RUNS == 1 or memory[-1] - memory[-2] < GROWS, [f"{size / MIB:.1f} MiB" for size in memory]
