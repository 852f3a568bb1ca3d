"""How the event loop reaches the database: reads on a few threads that keep their connections.

Not `database_sync_to_async`: that would send every socket of the process through one thread (one slow query stalls them
all) and, with CONN_MAX_AGE 0, open a connection for each call. Writes of the log have a thread of their own
(`rooms.log`).
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TypeVar

from django.conf import settings
from django.db import InterfaceError, InternalError, OperationalError, connection, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from .errors import TookTooLong

T = TypeVar("T")

# InternalError: what psycopg calls a transaction that PostgreSQL has ended because nobody went on with it.
CONNECTION_ERRORS = (OperationalError, InterfaceError, InternalError)
# PostgreSQL's codes for: a lock that did not come in time, a deadlock, a transaction that can't be serialized.
CONTENTION = ("55P03", "40P01", "40001")
# What takes nothing: SQLite's words for a disk that is full, broken, or only to be read; PostgreSQL's for a full one.
SATED = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY)
DISK_FULL = "53100"
CANCELED = "57014"  # it took longer than statement_timeout
STEPS = 20  # of SQLite's virtual machine, between two looks at the clock: one may compare a whole text

_threads: ThreadPoolExecutor | None = None
_connections: list[BaseDatabaseWrapper] = []  # of these threads
_lock = threading.Lock()


async def read(function: Callable[..., T], *args: object) -> T:
    """Run a function that only reads, on a database thread. A lost connection is opened anew, once."""
    return await asyncio.get_running_loop().run_in_executor(_pool(), _read, function, args)


async def is_reachable(within: float) -> bool:
    """Whether the database answers within so many seconds. (A thread that waits longer is not waited for.)"""
    try:
        async with asyncio.timeout(within):
            await read(clock)
    except (TimeoutError, *CONNECTION_ERRORS):
        return False
    return True


def is_contention(error: Exception) -> bool:
    """Whether somebody else was in the way of a transaction: the database itself is there."""
    return getattr(error.__cause__, "sqlstate", None) in CONTENTION


def is_sated(error: Exception) -> bool:
    """Whether the database is there and takes nothing: to wait for it is to keep people waiting for a refusal."""
    code = getattr(error.__cause__, "sqlite_errorcode", 0) & 0xFF  # without what kind of that it is
    return code in SATED or getattr(error.__cause__, "sqlstate", None) == DISK_FULL


def wait_for_disk(wait: bool) -> None:
    """Whether SQLite's next commit is on the disk before it is done, with all that were before it. Otherwise the system
    writes it there within half a minute, and whatever ends but the power leaves it whole.
    """
    if connection.vendor == "sqlite" and settings.DATABASE_SYNCHRONOUS == "FULL":
        connection.ensure_connection()
        with connection.wrap_database_errors:
            connection.connection.execute(f"PRAGMA synchronous={'FULL' if wait else 'NORMAL'}")


def quiet_connection() -> None:
    """Keep this thread's connection from collecting its queries under DEBUG: no request ends here to reset them."""
    connection.make_debug_cursor = connection.make_cursor


@contextmanager
def consistent_read() -> Iterator[None]:
    """All reads inside see one state of the database, without a write lock (`atomic()` takes SQLite's)."""
    if connection.in_atomic_block:
        yield
    elif connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("BEGIN DEFERRED")
            try:
                yield
            finally:
                cursor.execute("COMMIT")
    else:
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            yield


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """A consistent read whose statements the database breaks off after so long: TookTooLong."""
    try:
        with consistent_read(), _bounded(seconds):
            yield
    except OperationalError as error:
        if str(error) == "interrupted" or getattr(error.__cause__, "sqlstate", None) == CANCELED:
            raise took_too_long() from error
        raise


def took_too_long() -> TookTooLong:
    return TookTooLong("This took too long. Look for something longer, or rarer.")


@contextmanager
def _bounded(seconds: float) -> Iterator[None]:
    if connection.vendor == "sqlite":
        until, own = time.monotonic() + seconds, connection.connection
        own.set_progress_handler(lambda: time.monotonic() > until, STEPS)
        try:
            yield
        finally:
            own.set_progress_handler(None, STEPS)
    else:
        with connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL statement_timeout = {max(1, round(seconds * 1000))}")
        yield


def clock() -> datetime:
    """The database's time: leases are compared with no other clock."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("SELECT strftime('%Y-%m-%dT%H:%M:%f', 'now')")
            return datetime.fromisoformat(cursor.fetchone()[0]).replace(tzinfo=UTC)
        cursor.execute("SELECT clock_timestamp()")
        return cursor.fetchone()[0].astimezone(UTC)


def close() -> None:
    """End the threads and their connections; the next read starts new ones."""
    global _threads
    with _lock:
        threads, _threads = _threads, None
    if threads is not None:
        threads.shutdown(wait=True)
        while _connections:
            _connections.pop().close()


def _pool() -> ThreadPoolExecutor:
    global _threads
    with _lock:
        if _threads is None:
            _threads = ThreadPoolExecutor(
                settings.CHATLAB_DATABASE_THREADS, thread_name_prefix="chatlab-read", initializer=_begin_thread
            )
        return _threads


def _begin_thread() -> None:
    quiet_connection()
    # Closed by `close`: to a pool of connections, that of a thread which merely ended stays in use for ever.
    own = connections["default"]
    own.inc_thread_sharing()
    _connections.append(own)


def _read(function: Callable[..., T], args: tuple) -> T:
    try:
        return function(*args)
    except CONNECTION_ERRORS:
        had_one = connection.connection is not None
        connection.close()
        if not had_one:
            raise
        return function(*args)
