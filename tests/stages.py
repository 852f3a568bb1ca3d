"""Fixtures of the tests with several processes: a server with external workers, on each kind of database."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from .harness import postgres, redis
from .harness.engines import PostgreSQL, SQLite
from .harness.stage import Stage
from .harness.upstream import UpstreamProcess

__all__ = ["cluster", "layer", "shared_stage", "stage"]


@pytest.fixture(scope="module")
def layer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[redis.Redis]:
    process = redis.Redis(redis.require(), tmp_path_factory.mktemp("redis"))
    process.start()
    yield process
    process.stop()


@pytest.fixture(scope="module")
def cluster() -> Iterator[postgres.Cluster]:
    process = postgres.Cluster(postgres.require())
    process.start()
    yield process
    process.stop()


@pytest.fixture(scope="module")
def shared_stage(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    engines: SQLite | PostgreSQL,
    upstream: UpstreamProcess,
) -> Iterator[Stage]:
    """`sqlite`, `postgres` (both with Redis), or `no events`: SQLite, and each process with a layer of its own. What
    has one of these names is in the run of that name.
    """
    folder = tmp_path_factory.mktemp("stage")
    settings = engines.settings_for(folder)
    if request.param == "sqlite":
        settings |= {"REDIS_URL": request.getfixturevalue("layer").url}
    shared = Stage(folder, upstream.base_url, **settings)
    shared.server.start()
    yield shared
    shared.server.stop()


@pytest.fixture
async def stage(shared_stage: Stage) -> AsyncIterator[Stage]:
    """The stage of this module, with no worker on it yet. Nobody's log may hold an accident of its own."""
    mark = shared_stage.server.mark()
    yield shared_stage
    alarms = shared_stage.clear() + shared_stage.server.alarms(mark)
    assert shared_stage.server.running, shared_stage.server.log(mark)
    assert not alarms, alarms[0]
