"""Connections for reading, transactions for writing. Errors become `StoreUnavailable`."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, Table
from sqlalchemy.dialects import postgresql, sqlite

from portal.domain.errors import StoreUnavailable
from portal.store.database import WRITE_TURN, reads, writes
from portal.store.database_errors import store_errors

Insert = postgresql.Insert | sqlite.Insert
T = TypeVar("T")

_INSERTS: dict[str, Callable[[Table], Insert]] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}


class Transactions:
    def __init__(self, engine: Engine) -> None:
        self._reader = reads(engine)
        self._writer = writes(engine)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        with store_errors(self._reader), self._reader.connect() as connection:
            yield connection

    def writing(self) -> AbstractContextManager[Connection]:
        return writing(self._writer)


@contextmanager
def writing(writer: Engine) -> Iterator[Connection]:
    """A transaction of an engine from `writes`."""
    with store_errors(writer):
        if WRITE_TURN in writer.get_execution_options():
            with _writing_in_turn(writer) as connection:
                yield connection
        else:
            with writer.begin() as connection:
                yield connection


@contextmanager
def _writing_in_turn(writer: Engine) -> Iterator[Connection]:
    """On SQLite the threads of a process write one after another.

    Whoever waits for SQLite's own lock sleeps between tries: some for seconds, while others pass by. One time limit
    holds for both waits.
    """
    turn, timeout = writer.get_execution_options()[WRITE_TURN]
    deadline = time.monotonic() + timeout
    if not turn.acquire(timeout=timeout):
        raise StoreUnavailable("other writes of this process took too long")
    try:
        with writer.connect() as connection:
            with waiting_for_lock(connection, deadline - time.monotonic()):
                transaction = connection.begin()
            with transaction:
                yield connection
    finally:
        turn.release()


@contextmanager
def waiting_for_lock(connection: Connection, seconds: float) -> Iterator[None]:
    """How long SQLite waits here for the lock of another connection."""
    driver: Any = connection.connection.driver_connection
    usual = driver.execute("PRAGMA busy_timeout").fetchone()[0]
    driver.execute(f"PRAGMA busy_timeout={max(0, round(seconds * 1000))}")
    try:
        yield
    finally:
        with suppress(sqlite3.ProgrammingError):  # the connection broke, and was closed
            driver.execute(f"PRAGMA busy_timeout={usual}")


def insert(connection: Connection, table: Table) -> Insert:
    """An INSERT that may have ON CONFLICT, which SQLAlchemy has only per dialect."""
    return _INSERTS[connection.dialect.name](table)


def for_each_dialect(build: Callable[[Callable[[Table], Insert]], T]) -> dict[str, T]:
    """A statement by the name of a dialect; `build` gets what makes an INSERT."""
    return {dialect: build(insert) for dialect, insert in _INSERTS.items()}
