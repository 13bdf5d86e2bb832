"""The few columns that a poll reads, past SQLAlchemy, whose own work would be ten times that of the read.

The connections are the engine's own, with all its settings, and stay open between polls.
"""

from __future__ import annotations

import sqlite3
import time
import weakref
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import lru_cache, partial
from queue import Empty, SimpleQueue
from typing import Any, Protocol

from sqlalchemy import Engine, event

from portal.domain.errors import StoreUnavailable, UnknownOnboarding, WouldBlock
from portal.services.ports import PollState
from portal.store.database import pool_timeout_of
from portal.store.database_errors import store_errors, unavailable
from portal.store.pooler import is_pooled
from portal.store.row_reader import UnreadableRow

NONBLOCKING_TIMEOUT = 0.05
SLOW = 0.02
"""Seconds of a read, after which nothing is read at once for a second."""
CONNECTIONS = 4

MOST_IN_ONE = 50
"""Onboardings in one read."""

SELECT = f"SELECT {', '.join(PollState._fields)} FROM onboardings WHERE id"  # noqa: S608, names of our own
_ID = PollState._fields.index("id")
IS_TIME = [name.endswith("_at") for name in PollState._fields]

Values = tuple[Any, ...]


class TookTooLong(Exception):
    """The server did not answer in time; beside the driver's own kind of error."""


class PollReader:
    def __init__(self, engine: Engine, *, timeout: float | None = None) -> None:
        """`timeout`: the seconds that a read waits for PostgreSQL, and before that for one of the connections; those of
        the engine's pool if not given, so that during a pause of the database polls wait as long as everything else.

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

    def read(self, onboarding_id: str) -> PollState:
        """Raises `UnknownOnboarding` or `StoreUnavailable`."""
        if time.monotonic() < self._paused_until:
            raise StoreUnavailable("the database did not answer a moment ago")
        try:
            kept = self._free.get(timeout=self._timeout)
        except Empty:
            raise StoreUnavailable("every connection for polls is waiting for the database") from None
        try:
            found = kept.read([onboarding_id])
            if not found:
                raise UnknownOnboarding(onboarding_id)
            return PollState(*found[0])
        except self._errors as error:
            if isinstance(error, TookTooLong):
                self._paused_until = time.monotonic() + self._timeout / 2
            raise unavailable(error, self._url) from None
        except (ValueError, TypeError, OverflowError):
            raise UnreadableRow(f"onboarding {onboarding_id} cannot be read back") from None
        finally:
            self._free.put(kept)

    def read_nonblocking(self, onboarding_ids: Sequence[str]) -> dict[str, PollState]:
        """Those that exist, by id, as far as that is quick. For a thread that serves everybody.

        Raises `WouldBlock` if `read` is to be asked. A database that is slow, or far away, costs that thread one slow
        read a second.
        """
        began = time.monotonic()
        found: dict[str, PollState] = {}
        if began < self._slow_until:
            raise WouldBlock
        try:
            kept = self._free.get_nowait()
        except Empty:
            raise WouldBlock from None
        try:
            for start in range(0, len(onboarding_ids), MOST_IN_ONE):
                if time.monotonic() - began > SLOW:
                    break
                for values in kept.read_nonblocking(onboarding_ids[start : start + MOST_IN_ONE]):
                    found[values[_ID]] = PollState(*values)
            return found
        except (self._errors, ValueError, TypeError, OverflowError):
            raise WouldBlock from None
        finally:
            self._free.put(kept)
            ended = time.monotonic()
            if ended - began > SLOW:
                self._slow_until = ended + 1.0


class PollConnection(Protocol):
    def read(self, onboarding_ids: Sequence[str], timeout: float) -> list[Values]:
        """The columns of `PollState`. `ValueError`, `TypeError` or `OverflowError` if a time cannot be read."""

    def close(self) -> None: ...


class _KeptConnection:
    """Opened by the first read, and once again by a read that fails: the server may have been restarted."""

    def __init__(self, connect: Callable[[], PollConnection], errors: type[Exception], timeout: float) -> None:
        """`errors`: the driver's."""
        self._connect = connect
        self._errors = errors
        self._timeout = timeout
        self._connection: PollConnection | None = None

    def read(self, onboarding_ids: Sequence[str]) -> list[Values]:
        if self._connection:
            try:
                return self._connection.read(onboarding_ids, self._timeout)
            except TookTooLong:
                self.close()
                raise
            except self._errors:
                self.close()
        self._connection = self._connect()
        return self._read_or_close(self._connection, onboarding_ids, self._timeout)

    def read_nonblocking(self, onboarding_ids: Sequence[str]) -> list[Values]:
        if self._connection is None:
            raise WouldBlock
        return self._read_or_close(self._connection, onboarding_ids, NONBLOCKING_TIMEOUT)

    def _read_or_close(self, connection: PollConnection, onboarding_ids: Sequence[str], timeout: float) -> list[Values]:
        try:
            return connection.read(onboarding_ids, timeout)
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

    def read(self, onboarding_ids: Sequence[str], _timeout: float) -> list[Values]:
        rows = self._connection.execute(_sqlite_select(len(onboarding_ids)), onboarding_ids).fetchall()
        return [_sqlite_values(row) for row in rows]


@lru_cache
def _sqlite_select(ids: int) -> str:
    return f"{SELECT} IN ({', '.join('?' * ids)})"


# A page polls the same row until something changes.
@lru_cache(maxsize=8192)
def _sqlite_values(row: Values) -> Values:
    return tuple(map(_sqlite_value, row, IS_TIME))


def _sqlite_value(value: Any, is_time: bool) -> Any:
    """SQLite keeps times as text in UTC."""
    return datetime.fromisoformat(value).replace(tzinfo=UTC) if is_time and value is not None else value


def _connect(engine: Engine, timeout: float) -> PollConnection:
    with store_errors(engine):
        pooled = engine.raw_connection()
        may_prepare = not is_pooled(pooled)
        pooled.detach()
    driver: Any = pooled.dbapi_connection
    if engine.dialect.name == "sqlite":
        return _Sqlite(driver)
    from portal.store.postgresql_polls import PostgresPolls  # noqa: PLC0415 - SQLite needs no psycopg

    return PostgresPolls(driver, timeout, may_prepare=may_prepare)


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
