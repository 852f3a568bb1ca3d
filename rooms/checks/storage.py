"""Of databases: what SQLite is told by the settings, and what PostgreSQL, or what is in front of it, says of itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing

from django.apps import AppConfig
from django.conf import settings
from django.core import checks
from django.db import connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from ..database import CONNECTION_ERRORS
from ..log.index import fts5

TAG = "rooms"


@checks.register(TAG)
def database(app_configs: Iterable[AppConfig] | None, **kwargs: object) -> Iterator[checks.CheckMessage]:
    options = settings.DATABASES["default"].get("OPTIONS", {})
    if settings.DATABASES["default"]["ENGINE"] != "django.db.backends.sqlite3":
        return
    if ":memory:" in str(settings.DATABASES["default"]["NAME"]):
        yield checks.Error(
            "The database is SQLite in memory: each thread would see an empty one of its own.",
            hint="export DATABASE_URL=sqlite:///var/chatlab.sqlite3",
            id="rooms.E007",
        )
    command = options.get("init_command", "").lower().replace(" ", "")
    if options.get("transaction_mode") != "IMMEDIATE" or "journal_mode=wal" not in command:
        yield checks.Warning(
            'SQLite runs without WAL or IMMEDIATE transactions: writers would fail with "database is locked".',
            hint='DATABASES["default"]["OPTIONS"] = {"transaction_mode": "IMMEDIATE", "timeout": 20, '
            '"init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL"}',
            id="rooms.W001",
        )
    if "synchronous=full" not in command:
        yield checks.Warning(
            "SQLite does not wait for the disk: with the power goes what was acknowledged in the last half minute.",
            hint="export DATABASE_SYNCHRONOUS=FULL",
            id="rooms.W017",
        )
    if not fts5():
        yield checks.Warning(
            "SQLite has no FTS5: a search reads texts through, for CHATLAB_SEARCH_WITHIN, and finds nothing beyond.",
            hint="use a Python whose SQLite has it, then: python manage.py index_messages",
            id="rooms.W018",
        )


@checks.register(checks.Tags.database)
def durability(
    app_configs: Iterable[AppConfig] | None, databases: Iterable[str] | None = None, **kwargs: object
) -> Iterator[checks.CheckMessage]:
    """What PostgreSQL says of itself: whether a COMMIT is on its disk."""
    database = connections["default"]
    if "default" not in (databases or ()) or database.vendor != "postgresql":
        return
    for name in ("fsync", "full_page_writes", "synchronous_commit"):
        try:
            with database.cursor() as cursor:
                cursor.execute("SELECT current_setting(%s)", [name])
                is_off = cursor.fetchone()[0] == "off"
        except CONNECTION_ERRORS:
            return  # `pooler` says it
        if is_off:
            yield checks.Warning(
                f"PostgreSQL runs with {name} = off: with the power goes what was acknowledged"
                + (" last." if name == "synchronous_commit" else ", or the whole database."),
                hint=f"ALTER SYSTEM SET {name} = on; SELECT pg_reload_conf();   (or of the role, or the database)",
                id="rooms.W016",
            )


@checks.register(checks.Tags.database)
def pooler(
    app_configs: Iterable[AppConfig] | None, databases: Iterable[str] | None = None, **kwargs: object
) -> Iterator[checks.CheckMessage]:
    """At `migrate`, and at `check --database default`: it takes connections to see what is between."""
    database = connections["default"]
    if "default" not in (databases or ()) or database.vendor != "postgresql":
        return
    try:
        shares = _shares_connections(database)
        with transaction.atomic(), database.cursor() as cursor:
            cursor.execute("SELECT 1")
    except CONNECTION_ERRORS as error:
        yield checks.Error(
            f"PostgreSQL, or the pooler in front of it, does not serve as it must: {error}",
            hint="DATABASE_URL names it. PgBouncer: pool_mode = session, or transaction; never statement",
            id="rooms.E021",
        )
        return
    if shares and database.settings_dict["OPTIONS"].get("pooler_mode") != "transaction":
        yield checks.Error(
            "A pooler gives each transaction another connection, but DATABASE_POOLER_MODE says it gives a client its "
            "own: time-outs would be missing from transactions, and be found by others.",
            hint="export DATABASE_POOLER_MODE=transaction   or, in pgbouncer.ini: pool_mode = session",
            id="rooms.E020",
        )


def _shares_connections(database: BaseDatabaseWrapper) -> bool:
    """Whether two connections that are open at once are one of PostgreSQL's."""
    params, seen = database.get_connection_params() | {"autocommit": True}, [set(), set()]
    connect = database.Database.connect
    with database.wrap_database_errors, closing(connect(**params)) as first, closing(connect(**params)) as second:
        for _ in range(5):  # a pooler may hand them out in turns
            for connection, backends in zip((first, second), seen, strict=True):
                backends.add(connection.execute("SELECT pg_backend_pid()").fetchone()[0])
    return bool(seen[0] & seen[1])
