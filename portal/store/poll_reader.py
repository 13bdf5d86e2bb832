"""The few columns that a poll reads, past SQLAlchemy, whose own work would be ten times that of the read.

The connections are the engine's own, with all its settings, and stay open between polls.
"""

from __future__ import annotations

import select
import sqlite3
import time
import weakref
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache, partial
from queue import Empty, SimpleQueue
from typing import Any, Protocol

import psycopg
from psycopg.pq import ExecStatus
from psycopg.pq.abc import PGresult
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

_SELECT = f"SELECT {', '.join(PollState._fields)} FROM onboardings WHERE id"  # noqa: S608, names of our own
_ID = PollState._fields.index("id")
_IS_TIME = [name.endswith("_at") for name in PollState._fields]
_COLUMNS = range(len(PollState._fields))
_IS_NUMBER = [name == "link_generation" for name in PollState._fields]
_DRIVER_ERRORS = (sqlite3.Error, psycopg.Error)

Values = tuple[Any, ...]


class NoAnswer(psycopg.OperationalError):
    """PostgreSQL took too long."""


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
        self._free: SimpleQueue[_KeptConnection] = SimpleQueue()
        for _ in range(CONNECTIONS):
            self._free.put(_KeptConnection(partial(_connect, engine, timeout), timeout))
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
        except _DRIVER_ERRORS as error:
            if isinstance(error, NoAnswer):
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
        except (*_DRIVER_ERRORS, ValueError, TypeError, OverflowError):
            raise WouldBlock from None
        finally:
            self._free.put(kept)
            ended = time.monotonic()
            if ended - began > SLOW:
                self._slow_until = ended + 1.0


class _Connection(Protocol):
    def read(self, onboarding_ids: Sequence[str], timeout: float) -> list[Values]:
        """The columns of `PollState`. `ValueError`, `TypeError` or `OverflowError` if a time cannot be read."""

    def close(self) -> None: ...


class _KeptConnection:
    """Opened by the first read, and once again by a read that fails: the server may have been restarted."""

    def __init__(self, connect: Callable[[], _Connection], timeout: float) -> None:
        self._connect = connect
        self._timeout = timeout
        self._connection: _Connection | None = None

    def read(self, onboarding_ids: Sequence[str]) -> list[Values]:
        if self._connection:
            try:
                return self._connection.read(onboarding_ids, self._timeout)
            except NoAnswer:
                self.close()
                raise
            except _DRIVER_ERRORS:
                self.close()
        self._connection = self._connect()
        return self._read_or_close(self._connection, onboarding_ids, self._timeout)

    def read_nonblocking(self, onboarding_ids: Sequence[str]) -> list[Values]:
        if self._connection is None:
            raise WouldBlock
        return self._read_or_close(self._connection, onboarding_ids, NONBLOCKING_TIMEOUT)

    def _read_or_close(self, connection: _Connection, onboarding_ids: Sequence[str], timeout: float) -> list[Values]:
        try:
            return connection.read(onboarding_ids, timeout)
        except _DRIVER_ERRORS:
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
    return f"{_SELECT} IN ({', '.join('?' * ids)})"


# A page polls the same row until something changes.
@lru_cache(maxsize=8192)
def _sqlite_values(row: Values) -> Values:
    return tuple(map(_sqlite_value, row, _IS_TIME))


def _sqlite_value(value: Any, is_time: bool) -> Any:
    """SQLite keeps times as text in UTC."""
    return datetime.fromisoformat(value).replace(tzinfo=UTC) if is_time and value is not None else value


class _Postgres:
    """Over libpq and without blocking, because psycopg would wait for ever for a server that hangs."""

    _STATEMENT = b"poll"
    _QUERY = f"{_SELECT} = ANY($1)".encode()
    _BINARY = 1

    def __init__(self, connection: psycopg.Connection[Any], timeout: float, *, may_prepare: bool) -> None:
        self._connection = connection
        self.close = connection.close
        self._libpq = connection.pgconn
        self._poll = select.poll()
        self._poll.register(self._libpq.socket, select.POLLIN)
        self._is_prepared = may_prepare
        try:
            if may_prepare:
                self._libpq.send_prepare(self._STATEMENT, self._QUERY)
                self._answer(timeout)
        except psycopg.Error:
            self.close()
            raise

    def read(self, onboarding_ids: Sequence[str], timeout: float) -> list[Values]:
        ids = [_postgres_array(onboarding_ids)]
        if self._is_prepared:
            self._libpq.send_query_prepared(self._STATEMENT, ids, result_format=self._BINARY)
        else:
            self._libpq.send_query_params(self._QUERY, ids, result_format=self._BINARY)
        answer = self._answer(timeout)
        rows = range(answer.ntuples)
        return [_postgres_values(tuple([answer.get_value(row, it) for it in _COLUMNS])) for row in rows]

    def _answer(self, timeout: float) -> PGresult:
        self._libpq.flush()
        deadline = time.monotonic() + timeout
        answer = self._result(deadline, timeout)
        while self._result(deadline, timeout):
            pass  # libpq takes the next query only after it gave a None
        if answer is None:
            raise psycopg.OperationalError("the connection was lost")
        if answer.status not in {ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK}:
            raise psycopg.errors.error_from_result(answer)
        return answer

    def _result(self, deadline: float, timeout: float) -> PGresult | None:
        while self._libpq.is_busy():
            if not self._poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
                raise NoAnswer(f"no answer within {timeout} s")
            self._libpq.consume_input()
        return self._libpq.get_result()


def _postgres_array(texts: Sequence[str]) -> bytes:
    escaped = (text.replace("\\", r"\\").replace('"', r"\"") for text in texts)
    return ("{" + ",".join(f'"{text}"' for text in escaped) + "}").encode()


_POSTGRES_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)


@lru_cache(maxsize=8192)
def _postgres_values(row: Values) -> Values:
    return tuple(map(_postgres_value, row, _IS_TIME, _IS_NUMBER))


def _postgres_value(value: bytes | None, is_time: bool, is_number: bool) -> Any:
    """PostgreSQL sends times as microseconds."""
    if value is None:
        return None
    if is_number:
        return int.from_bytes(value, "big", signed=True)
    if is_time:
        return _POSTGRES_EPOCH + timedelta(microseconds=int.from_bytes(value, "big", signed=True))
    return value.decode()


def _connect(engine: Engine, timeout: float) -> _Connection:
    with store_errors(engine):
        pooled = engine.raw_connection()
        may_prepare = not is_pooled(pooled)
        pooled.detach()
    driver: Any = pooled.dbapi_connection
    return _Sqlite(driver) if engine.dialect.name == "sqlite" else _Postgres(driver, timeout, may_prepare=may_prepare)


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
