"""`pytest --engines=postgres`: what depends on a database or a channel layer, once more on PostgreSQL and Redis.

One PostgreSQL and one Redis serve the whole run. Each xdist worker has a test database and a prefix of its own there,
and so has each server that a test starts (tests/harness/engines.py).

A plugin that pyproject.toml names, because it must be there before pytest-django imports the settings: those read the
environment once.
"""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from rooms.drill import postgres, redis
from rooms.drill.programs import Missing

from .harness.engines import POSTGRES, SQLITE

VARIABLES = ("DATABASE_URL", "REDIS_URL", "REDIS_PREFIX")
WORKER = "PYTEST_XDIST_WORKER"

# Who has none of these reaches no table: pytest-django refuses connections, and where servers come from is `engines`.
REACHES_TABLES = {"db", "transactional_db", "engines"}
# A PostgreSQL or a Redis: of tests/stages.py, of tests/postgres_under_fault.py.
BRINGS_ITS_OWN = {"cluster", "layer", "shared_engine"}

LEFT = pytest.StashKey[Counter[str]]()
MISSING = pytest.StashKey[str]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--engines",
        choices=(SQLITE, POSTGRES),
        default=SQLITE,
        help="postgres: run on PostgreSQL and Redis, and only what depends on them (default: SQLite, in-memory layer)",
    )


# -- starting ----------------------------------------------------------------------------------------------------------


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Iterator[None]:
    options = early_config.known_args_namespace
    if WORKER in os.environ:  # its environment is the controller's
        os.environ["REDIS_PREFIX"] = os.environ[WORKER]
    else:
        for name in VARIABLES:
            os.environ.pop(name, None)
        if options.engines == POSTGRES and not options.collectonly:
            _start(early_config)
    return (yield)


def _start(config: pytest.Config) -> None:
    try:
        binaries, executable = postgres.require(), redis.require()
    except Missing as missing:
        config.stash[MISSING] = str(missing)
        return
    running = ExitStack()
    config.add_cleanup(running.close)
    cluster = postgres.Cluster(binaries)
    running.callback(cluster.stop)
    cluster.start()
    layer = redis.Redis(executable, Path(running.enter_context(tempfile.TemporaryDirectory(prefix="chatlab-redis-"))))
    running.callback(layer.stop)
    layer.start()
    os.environ.update(DATABASE_URL=cluster.url("chatlab"), REDIS_URL=layer.url, REDIS_PREFIX="chatlab")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "sqlite_only(reason): is not in the run on PostgreSQL and Redis")
    config.addinivalue_line("markers", "postgres_only(reason): is only in the run on PostgreSQL and Redis")
    config.addinivalue_line("markers", "page_only: looks at the page alone, whatever keeps and brings what is on it")
    if MISSING in config.stash:
        line = f"The run on PostgreSQL and Redis is left out. {config.stash[MISSING]}"
        if os.environ.get("CI") == "true":  # where a skip would hide a hole
            raise pytest.UsageError(line)
        pytest.exit(line, returncode=0)


# -- what is in which run ----------------------------------------------------------------------------------------------


def left_out(item: pytest.Item, engines: str) -> str:
    """Why a test is not in the run on these engines; an empty string where it is."""
    for only, marker in ((SQLITE, "sqlite_only"), (POSTGRES, "postgres_only")):
        if (mark := item.get_closest_marker(marker)) and engines != only:
            return mark.args[0]
    stage = item.callspec.params.get("shared_stage") if hasattr(item, "callspec") else None
    if stage is not None:
        return "" if (stage == POSTGRES) == (engines == POSTGRES) else "names the other engines"
    if engines == POSTGRES:
        if item.get_closest_marker("page_only"):
            return "look at the page alone"
        if BRINGS_ITS_OWN & set(item.fixturenames):
            return "bring their own engines"
        if not (REACHES_TABLES & set(item.fixturenames) or item.get_closest_marker("django_db")):
            return "reach no table"
    return ""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    engines = config.getoption("engines")
    why = {item: left_out(item, engines) for item in items}
    config.stash[LEFT] = Counter(filter(None, why.values()))
    config.hook.pytest_deselected(items=[item for item in items if why[item]])
    items[:] = [item for item in items if not why[item]]


# -- what is said about it ---------------------------------------------------------------------------------------------


def pytest_sessionfinish(session: pytest.Session) -> None:
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["left"] = dict(session.config.stash.get(LEFT, {}))


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node) -> None:
    """Every worker has collected all tests; the controller none."""
    node.config.stash[LEFT] = Counter(getattr(node, "workeroutput", {}).get("left", {}))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    here = {SQLITE: "SQLite and the in-memory layer", POSTGRES: "PostgreSQL and Redis"}[config.getoption("engines")]
    ran = sum(len(terminalreporter.stats.get(outcome, ())) for outcome in ("passed", "failed", "xfailed", "xpassed"))
    left = [f"{count} {reason}" for reason, count in config.stash.get(LEFT, Counter()).most_common()]
    terminalreporter.write_line(f"{ran} tests on {here}" + (f"; left out: {', '.join(left)}" if left else ""))
