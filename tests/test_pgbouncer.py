"""Behind PgBouncer, by session and by transaction: everything works, and the time-outs hold where they are meant to."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import psycopg
import pytest

from .harness.pgbouncer import CONNECTIONS, PgBouncer
from .harness.postgres import Cluster
from .harness.processes import environment
from .harness.server import manage
from .harness.upstream import Question, words
from .stages import cluster

__all__ = ["cluster"]

pytestmark = [pytest.mark.sqlite_only("it has a PostgreSQL of its own"), pytest.mark.e2e]

ROOMY = 40  # by session each connection of ours is one of PostgreSQL's
TIMEOUTS = {"lock_timeout": "5s", "idle_in_transaction_session_timeout": "2s"}
NONE = {"lock_timeout": "0", "idle_in_transaction_session_timeout": "0"}
SHOW = """
import json
from django.db import connection, transaction
def shown():
    with connection.cursor() as cursor:
        found = {}
        for name in ("lock_timeout", "idle_in_transaction_session_timeout"):
            cursor.execute(f"SHOW {name}")
            found[name] = cursor.fetchone()[0]
        return found
with transaction.atomic():
    first = shown()
with transaction.atomic():
    with transaction.atomic():
        inner = shown()
print(json.dumps([first, inner]))
"""


@pytest.fixture(scope="module")
def bouncers(cluster) -> Iterator[Callable[[str], PgBouncer]]:
    started: dict[str, PgBouncer] = {}

    def start(mode: str) -> PgBouncer:
        if mode not in started:
            started[mode] = PgBouncer(cluster, mode, ROOMY if mode == "session" else CONNECTIONS)
            started[mode].start()
        return started[mode]

    yield start
    for bouncer in started.values():
        bouncer.stop()


def settings_for(url: str, mode: str) -> dict[str, str]:
    return environment(DATABASE_URL=url, DATABASE_POOLER_MODE=mode, SECRET_KEY="x", DEBUG="1")


def timeouts(connection: psycopg.Connection) -> dict[str, str]:
    return {name: connection.execute(f"SHOW {name}").fetchone()[0] for name in TIMEOUTS}


@pytest.mark.parametrize("mode", ["session", "transaction"])
async def test_a_site_behind_pgbouncer_works(cluster: Cluster, bouncers, own_server, visitor, tab, upstream, mode):
    """Many rooms at once, on few connections of PostgreSQL."""
    url = cluster.new_database()
    server = own_server(DATABASE_URL=bouncers(mode).url(url), DATABASE_POOLER_MODE=mode)
    alice = visitor(server)
    rooms = [await alice.create_room() for _ in range(8)]
    tabs = [await tab(alice, room) for room in rooms for _ in range(2)]
    answers = [(one, await one.post(Question({"text": words(30)}))) for one in tabs]
    for one, answer in answers:
        await one.finished(answer)
        assert one.text(answer) == "".join(words(30))
    for room in rooms:
        server.database.check_room(room)
    assert "8 rooms verified." in server.manage("verify").stdout
    assert (await alice.request("GET", f"/rooms/{rooms[0]}/")).status_code == 200


@pytest.mark.parametrize("mode", ["session", "transaction", "none"])
def test_time_outs_hold_in_each_transaction_and_are_left_to_nobody(cluster: Cluster, bouncers, mode):
    url = cluster.new_database()
    if mode != "none":
        url = bouncers(mode).url(url)
    env = settings_for(url, "session" if mode == "none" else mode)
    for _ in range(2):  # on connections that somebody else has had
        assert json.loads(manage("shell", "-v", "0", "-c", SHOW, env=env).stdout) == [TIMEOUTS, TIMEOUTS]
    with psycopg.connect(url, autocommit=True) as other:
        assert timeouts(other) == NONE


@pytest.mark.parametrize(
    ("pools_by", "mode", "found"),
    [
        ("transaction", "session", "rooms.E020"),
        ("statement", "session", "rooms.E021"),
        ("transaction", "transaction", ""),
        ("session", "session", ""),
    ],
)
def test_what_a_pooler_does_is_compared_with_what_the_settings_say(cluster, bouncers, pools_by, mode, found):
    url = bouncers(pools_by).url(cluster.new_database())
    done = manage("check", "--database", "default", env=settings_for(url, mode), check=False)
    shown = [word for word in ("rooms.E020", "rooms.E021") if word in done.stderr]
    assert shown == ([found] if found else []) and bool(done.returncode) == bool(found), done.stderr
    if found == "rooms.E020":
        assert "export DATABASE_POOLER_MODE=transaction" in done.stderr
        assert manage("migrate", env=settings_for(url, mode), check=False).returncode, "nor does it start"
