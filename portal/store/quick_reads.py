"""Reads of a few columns by a key, past SQLAlchemy, whose own work would be ten times that of the read.

The connections are the engine's own, with all its settings, and stay open between reads.
"""

from __future__ import annotations

import sqlite3
import time
import weakref
from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from queue import Empty, SimpleQueue
from typing import Any, Protocol

from sqlalchemy import Engine, event

from portal.domain.errors import StoreUnavailable, WouldBlock
from portal.store.database import pool_timeout_of
from portal.store.database_errors import store_errors, unavailable
from portal.store.pooler import is_pooled
from portal.store.quick_select import QuickSelect, Values
from portal.store.row_reader import UnreadableRow

NONBLOCKING_TIMEOUT = 0.05
SLOW = 0.02
"""Seconds of a read, after which nothing is read at once for a second."""
CONNECTIONS = 4

MOST_IN_ONE = 50
"""Keys in one read."""


class TookTooLong(Exception):
    """The server did not answer in time; beside the driver's own kind of error."""


class QuickReads:
    def __init__(self, engine: Engine, *, timeout: float | None = None) -> None:
        """`timeout`: the seconds that a read waits for PostgreSQL, and before that for one of the connections; those of
        the engine's pool if not given, so that during a pause of the database these reads wait as long as everything
        else.

        After a read that waited in vain, all reads fail at once for half of it, so that a database that hangs does
        not hold up every thread.
        """
        timeout = pool_timeout_of(engine) if timeout is None else timeout
        self._timeout = timeout
        self._url = engine.url
        self._errors: type[Exception] = engine.dialect.loaded_dbapi.Error
        self._free: SimpleQueue[_KeptConnection] = SimpleQueue()
        for _ in range(CONNECTIONS):
            self._free.put(_KeptConnection(partial(_connect, engine, timeout), self._errors, timeout))
        self._paused_until = 0.0
        self._slow_until = 0.0
        close = partial(_close_idle, self._free)
        event.listen(engine, "engine_disposed", close)
        weakref.finalize(self, _stop_listening, engine, close)

    def read(self, what: QuickSelect, key: str) -> Values | None:
        """The row with this key, if there is one. Raises `StoreUnavailable`."""
        if time.monotonic() < self._paused_until:
            raise StoreUnavailable("the database did not answer a moment ago")
        try:
            kept = self._free.get(timeout=self._timeout)
        except Empty:
            raise StoreUnavailable("every connection for quick reads is waiting for the database") from None
        try:
            found = kept.read(what, [key])
            return found[0] if found else None
        except self._errors as error:
            if isinstance(error, TookTooLong):
                self._paused_until = time.monotonic() + self._timeout / 2
            raise unavailable(error, self._url) from None
        except (ValueError, TypeError, OverflowError):
            raise UnreadableRow(f"row {key} of {what.table} cannot be read back") from None
        finally:
            self._free.put(kept)

    def read_nonblocking(self, what: QuickSelect, keys: Sequence[str]) -> list[Values]:
        """The rows that exist. For a thread that serves everybody.

        Raises `WouldBlock` unless all could be read quickly; `read` is to be asked then. A database that is slow, or
        far away, costs that thread one slow read a second.
        """
        began = time.monotonic()
        found: list[Values] = []
        if began < self._slow_until:
            raise WouldBlock
        try:
            kept = self._free.get_nowait()
        except Empty:
            raise WouldBlock from None
        try:
            for start in range(0, len(keys), MOST_IN_ONE):
                if time.monotonic() - began > SLOW:
                    raise WouldBlock
                found += kept.read_nonblocking(what, keys[start : start + MOST_IN_ONE])
            return found
        except (self._errors, ValueError, TypeError, OverflowError):
            raise WouldBlock from None
        finally:
            self._free.put(kept)
            ended = time.monotonic()
            if ended - began > SLOW:
                self._slow_until = ended + 1.0


class QuickConnection(Protocol):
    def read(self, what: QuickSelect, keys: Sequence[str], timeout: float) -> list[Values]:
        """`ValueError`, `TypeError` or `OverflowError` if a time cannot be read."""

    def close(self) -> None: ...


class _KeptConnection:
    """Opened by the first read, and once again by a read that fails: the server may have been restarted."""

    def __init__(self, connect: Callable[[], QuickConnection], errors: type[Exception], timeout: float) -> None:
        """`errors`: the driver's."""
        self._connect = connect
        self._errors = errors
        self._timeout = timeout
        self._connection: QuickConnection | None = None

    def read(self, what: QuickSelect, keys: Sequence[str]) -> list[Values]:
        if self._connection:
            try:
                return self._connection.read(what, keys, self._timeout)
            except TookTooLong:
                self.close()
                raise
            except self._errors:
                self.close()
        self._connection = self._connect()
        return self._read_or_close(self._connection, what, keys, self._timeout)

    def read_nonblocking(self, what: QuickSelect, keys: Sequence[str]) -> list[Values]:
        if self._connection is None:
            raise WouldBlock
        return self._read_or_close(self._connection, what, keys, NONBLOCKING_TIMEOUT)

    def _read_or_close(
        self, connection: QuickConnection, what: QuickSelect, keys: Sequence[str], timeout: float
    ) -> list[Values]:
        try:
            return connection.read(what, keys, timeout)
        except self._errors:
            self.close()
            raise

    def close(self) -> None:
        if self._connection:
            self._connection.close()
            self._connection = None


class _Sqlite:
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self.close = connection.close

    def read(self, what: QuickSelect, keys: Sequence[str], _timeout: float) -> list[Values]:
        rows = self._connection.execute(_sqlite_text(what, len(keys)), keys)
        return list(map(what.of_sqlite, rows))


@lru_cache
def _sqlite_text(what: QuickSelect, keys: int) -> str:
    return f"{what.text} IN ({', '.join('?' * keys)})"


def _connect(engine: Engine, timeout: float) -> QuickConnection:
    with store_errors(engine):
        pooled = engine.raw_connection()
        may_prepare = not is_pooled(pooled)
        pooled.detach()
    driver: Any = pooled.dbapi_connection
    if engine.dialect.name == "sqlite":
        return _Sqlite(driver)
    from portal.store.postgresql_quick_reads import PostgresConnection  # noqa: PLC0415 - SQLite needs no psycopg

    return PostgresConnection(driver, timeout, may_prepare=may_prepare)


def _close_idle(free: SimpleQueue[_KeptConnection], _engine: object = None) -> None:
    for _ in range(free.qsize()):
        try:
            kept = free.get_nowait()
        except Empty:
            return
        kept.close()
        free.put(kept)


def _stop_listening(engine: Engine, close: Callable[[], None]) -> None:
    event.remove(engine, "engine_disposed", close)
    close()
