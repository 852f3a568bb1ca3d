"""Sessions in the database, as Django keeps them, for cookies that say anything."""

from __future__ import annotations

from django.contrib.sessions.backends import db


class SessionStore(db.SessionStore):
    """Looks for no key that it cannot have made: PostgreSQL refuses NUL even in a question, and a cookie may hold it
    (`sessionid="\\000…"`).
    """

    def _validate_session_key(self, key: str | None) -> bool:
        return super()._validate_session_key(key) and key.isascii() and key.isalnum()
