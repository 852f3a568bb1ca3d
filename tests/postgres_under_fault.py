"""PostgreSQL as a test of its faults sees it: one cluster, a wire before it, and two servers behind the wire, one as it
is and one that gives up sooner.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from .harness import postgres
from .harness.database import Database
from .harness.dump import disconnect_all
from .harness.people import Person
from .harness.server import Server
from .harness.tab import Tab
from .harness.upstream import UpstreamProcess
from .harness.wire import Wire

__all__ = ["Engine", "alice", "engine", "here", "shared_engine"]

LEASE = {"CHATLAB_LEASE": "4", "CHATLAB_LEASE_RENEW": "1"}
IMPATIENT = {
    "DJANGO_SETTINGS_MODULE": "tests.accidents.settings",
    "CHATLAB_ACCIDENT": "gives_up_after:2",
    "DATABASE_LOCK_TIMEOUT": "1",
}


@dataclass
class Engine:
    """The database, and who uses it. `url` is a superuser's way to it, past the wire."""

    cluster: postgres.Cluster
    wire: Wire
    url: str
    server: Server
    impatient: Server

    def connect(self) -> psycopg.Connection:
        return psycopg.connect(self.url, autocommit=True)

    @property
    def waiting_for_locks(self) -> int:
        """How many of our sessions wait for somebody."""
        query = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'app' AND wait_event_type = 'Lock'"
        with self.connect() as connection:
            return connection.execute(query).fetchone()[0]

    @contextmanager
    def locking(self, room: str) -> Iterator[None]:
        """Somebody else holds the room's row."""
        with closing(psycopg.connect(self.url)) as connection:
            connection.execute("SELECT 1 FROM rooms_room WHERE id = %s FOR UPDATE", [room])
            yield

    @contextmanager
    def refusing(self) -> Iterator[None]:
        """All connections there may be are taken, and those that were open are gone."""
        with self.connect() as connection:
            connection.execute("ALTER ROLE app CONNECTION LIMIT 0")
            disconnect_all(connection)
            try:
                yield
            finally:
                connection.execute("ALTER ROLE app CONNECTION LIMIT -1")


@pytest.fixture(scope="module")
def shared_engine(tmp_path_factory: pytest.TempPathFactory, upstream: UpstreamProcess) -> Iterator[Engine]:
    cluster = postgres.Cluster(postgres.require())
    cluster.start()
    url = cluster.new_database()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE ROLE app LOGIN")  # limits do not hold for a superuser
        connection.execute(f"ALTER DATABASE {urlsplit(url).path[1:]} OWNER TO app")
        connection.execute("ALTER SCHEMA public OWNER TO app")
    wire = Wire(url.replace("chatlab@", "app@"))
    wire.start()
    servers = []
    for name, address, settings in (("server", wire.url, {}), ("impatient", wire.url, IMPATIENT)):
        folder: Path = tmp_path_factory.mktemp(name)
        servers.append(Server(folder, upstream.base_url, DATABASE_URL=address, **LEASE, **settings))
        servers[-1].database = Database(url)
    servers[0].migrate()
    for server in servers:
        server.start()
    yield Engine(cluster, wire, url, *servers)
    for server in servers:
        server.stop()
    wire.stop()
    cluster.stop()


@pytest.fixture
def engine(shared_engine: Engine) -> Iterator[Engine]:
    """Whatever happened to the database: no server died of it, or has a traceback in its log."""
    servers = shared_engine.server, shared_engine.impatient
    marks = [server.mark() for server in servers]
    yield shared_engine
    shared_engine.wire.delay(0)
    for server, mark in zip(servers, marks, strict=True):
        assert server.running, server.log(mark)
        assert "Traceback" not in server.log(mark), server.log(mark)


@pytest.fixture
def alice(engine, visitor) -> Person:
    return visitor(engine.server)


@pytest.fixture
async def here(alice, tab) -> Tab:
    """A tab that comes back, in a room of its own."""
    return await tab(alice, await alice.create_room(), comes_back=True)
