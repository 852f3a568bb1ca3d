"""A PostgreSQL database as it was at one moment, put back under the feet of those who are connected to it.

One transaction replaces every row and every counter, as a restored dump does, or a standby that is promoted without the
last commits. Those who use the database know of it what it answers, so to them it is the same thing.
"""

from __future__ import annotations

import psycopg
from psycopg import sql

_TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename"
_COUNTERS = (
    "SELECT sequencename, coalesce(last_value, 1), last_value IS NOT NULL FROM pg_sequences WHERE schemaname = 'public'"
)


class Dump:
    """Taken when it is made. `url` is a superuser's."""

    def __init__(self, url: str, name: str):
        self._url, self._schema = url, sql.Identifier(name)
        with psycopg.connect(url) as connection:
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            connection.execute(sql.SQL("CREATE SCHEMA {}").format(self._schema))
            self._tables = [sql.Identifier(name) for (name,) in connection.execute(_TABLES)]
            self._counters = connection.execute(_COUNTERS).fetchall()
            for table in self._tables:
                copy = sql.SQL("CREATE TABLE {schema}.{table} AS TABLE public.{table}")
                connection.execute(copy.format(schema=self._schema, table=table))

    def restore(self, *, disconnect: bool = False) -> None:
        """`disconnect`: sessions end by it, as in a failover."""
        for _ in range(20):
            try:
                return self._restore(disconnect)
            except psycopg.errors.DeadlockDetected:
                continue  # with a writer of ours, which holds one table and wants another
        raise AssertionError("the tables are never to be had")

    def _restore(self, disconnect: bool) -> None:
        with psycopg.connect(self._url) as connection:
            connection.execute("SET LOCAL session_replication_role = replica")  # no foreign keys meanwhile
            connection.execute(sql.SQL("TRUNCATE {}").format(sql.SQL(", ").join(self._tables)))
            for table in self._tables:
                fill = sql.SQL("INSERT INTO public.{table} SELECT * FROM {schema}.{table}")
                connection.execute(fill.format(schema=self._schema, table=table))
            for name, value, used in self._counters:
                connection.execute("SELECT setval(%s, %s, %s)", [f"public.{name}", value, used])
            if disconnect:
                disconnect_all(connection)


def disconnect_all(connection: psycopg.Connection) -> None:
    """End every other session of this database."""
    others = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    connection.execute(f"SELECT pg_terminate_backend(pid) {others}")
