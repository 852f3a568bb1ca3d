"""The time-outs of our transactions are set by SET. As options of the connection, which cost nothing, PgBouncer
refuses them, or drops them without a word.

By default a connection is one of PostgreSQL's for as long as it lasts: one SET does. A pooler that gives each
transaction another one (OPTIONS["pooler_mode"] = "transaction") needs a SET LOCAL in each: what a plain SET leaves
behind there is found by somebody else, and missing where it is needed.
"""

from __future__ import annotations

from django.db.backends.postgresql import base
from psycopg import sql


class DatabaseWrapper(base.DatabaseWrapper):
    def get_connection_params(self) -> dict:
        params = super().get_connection_params()
        for own in ("pooler_mode", "timeouts"):
            params.pop(own, None)
        return params

    def _configure_connection(self, connection) -> bool:
        commit = super()._configure_connection(connection)
        if self._shares_connections:
            return commit
        connection.execute(self._timeouts("SET SESSION"))
        return True

    def _set_autocommit(self, autocommit: bool) -> None:
        super()._set_autocommit(autocommit)
        if self._shares_connections and not autocommit:  # a transaction begins
            with self.wrap_database_errors:
                self.connection.execute(self._timeouts("SET LOCAL"))

    @property
    def _shares_connections(self) -> bool:
        return self.settings_dict["OPTIONS"].get("pooler_mode") == "transaction"

    def _timeouts(self, command: str) -> sql.Composed:
        """All in one round trip."""
        timeouts = self.settings_dict["OPTIONS"].get("timeouts", {})
        return sql.SQL("; ").join(
            sql.SQL(f"{command} {{}} = {{}}").format(sql.Identifier(name), sql.Literal(value))
            for name, value in timeouts.items()
        )
