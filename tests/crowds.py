"""Fixtures of the tests about many or bad clients: a server of each kind for a module, limits on and times short."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .harness.engines import PostgreSQL, SQLite
from .harness.server import Server
from .harness.upstream import UpstreamProcess

__all__ = ["crowded", "shared_crowded"]

KINDS = ("daphne", "uvicorn")
TIMES = {"CHATLAB_WINDOW_TIMEOUT": "1.0", "CHATLAB_HEAD_CHECK": "0.25", "CHATLAB_HEARTBEAT": "1"}
ROOM = {
    "CHATLAB_ANSWER_MAX": "33554432",
    "CHATLAB_SOCKETS_PER_PERSON": "2000",
    "CHATLAB_RATE_SOCKETS": "9999/60",
    "CHATLAB_RATE_HANDSHAKES": "9999/60",
    "CHATLAB_RATE_POSTS": "1000/60",
}


@pytest.fixture(scope="module", params=KINDS)
def shared_crowded(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    engines: SQLite | PostgreSQL,
    upstream: UpstreamProcess,
) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp(request.param)
    settings = engines.settings_for(folder) | TIMES | ROOM
    process = Server(folder, upstream.base_url, request.param, CHATLAB_LIMITS="on", **settings)
    process.start()
    yield process
    process.stop()


@pytest.fixture
def crowded(shared_crowded: Server) -> Iterator[Server]:
    """The server that the tests of a module share. Whatever a test did to it, its log must have stayed clean."""
    mark = shared_crowded.mark()
    yield shared_crowded
    assert shared_crowded.running, f"the server died:\n{shared_crowded.log(mark)}"
    alarms = shared_crowded.alarms(mark)
    assert not alarms, alarms[0]
