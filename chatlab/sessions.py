"""Sessions in the database, as Django keeps them, for cookies that say anything and for requests that race."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from django.contrib.sessions.backends import db
from django.contrib.sessions.backends.base import CreateError
from django.db import router, transaction


class SessionStore(db.SessionStore):
    """Two requests of one session that each store something both have it stored: Django's last writer would write over
    what the others have stored since it read.
    """

    def __init__(self, session_key: str | None = None):
        super().__init__(session_key)
        self._as_read: dict[str, Any] = {}

    def _validate_session_key(self, key: str | None) -> bool:
        """Looks for no key that it cannot have made: PostgreSQL refuses NUL even in a question, and a cookie may hold
        it (`"\\000…"`).
        """
        return super()._validate_session_key(key) and key.isascii() and key.isalnum()

    def load(self) -> dict[str, Any]:
        stored = super().load()
        self._as_read = deepcopy(stored)
        return stored

    def begin(self, key: str) -> None:
        """Become the session of this key. Whichever request comes first makes it, and the others take it up."""
        self._session_key = key
        self._session_cache = {}
        try:
            self.save(must_create=True)
        except CreateError:
            self._session_cache = self.load()
        self.modified = True

    def save(self, must_create: bool = False) -> None:
        if self.session_key is None or must_create:
            super().save(must_create)
        else:
            with transaction.atomic(using=router.db_for_write(self.model)):
                self._take_over()
                super().save()
        self._as_read = deepcopy(self._session)

    def _take_over(self) -> None:
        """What others have stored since this was read; under the row's lock, so that nobody does so meanwhile."""
        row = self.model.objects.select_for_update().filter(pk=self.session_key).first()
        if row is None:
            return  # it was ended: Django says so to whoever saves it
        mine, before = self._session, self._as_read
        changed = {key: value for key, value in mine.items() if key not in before or before[key] != value}
        removed = before.keys() - mine
        theirs = {key: value for key, value in self.decode(row.session_data).items() if key not in removed}
        self._session_cache = theirs | changed
