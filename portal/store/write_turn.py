"""On SQLite the threads of a process write one after another, and those that wait share a commit.

A commit waits for the disk, for longer than most writes take. So whoever has written leaves the transaction open to
the next who waits, and goes on once the last of them has committed: all of it is kept then, or nothing is. Each writes
behind a savepoint, so that one that fails takes nothing of the others away.

SQLite's own wait is not used: whoever waits in it sleeps longer and longer between tries, some for seconds, and others
pass by meanwhile.
"""

from __future__ import annotations

import sqlite3
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from threading import Event, Lock
from typing import Any

from sqlalchemy import Connection, Engine, RootTransaction

from portal.domain.errors import StoreUnavailable

_LONGEST_SHARED = 0.02
"""Seconds after which a transaction is committed though others of the process wait: other processes wait too."""
_BETWEEN_TRIES = 0.001
_FOR_OTHER_PROCESSES = 2 * _BETWEEN_TRIES
"""Seconds between two transactions of a process, so that none that tries meanwhile is passed by."""


class WriteTurn:
    def __init__(self, timeout: float) -> None:
        """`timeout`: how many seconds a write waits, for other threads and for other processes together."""
        self._timeout = timeout
        self._mutex = Lock()
        self._waiting: deque[Event] = deque()
        self._is_taken = False
        self._shared: _Transaction | None = None
        """What the one before left open for whoever has the turn now."""

    @contextmanager
    def transaction(self, writer: Engine) -> Iterator[Connection]:
        """Raises `StoreUnavailable` if the wait took too long, or if the shared commit failed."""
        deadline = time.monotonic() + self._timeout
        self._take(deadline)
        try:
            shared, self._shared = self._shared, None
            own = shared or _Transaction(writer, deadline)
        except BaseException:
            self._pass_on()
            raise
        try:
            with own.part():
                yield own.connection
        except BaseException:
            self._leave(own)
            raise
        self._leave(own)
        own.wait()

    def _take(self, deadline: float) -> None:
        with self._mutex:
            if not self._is_taken:
                self._is_taken = True
                return
            mine = Event()
            self._waiting.append(mine)
        if mine.wait(deadline - time.monotonic()):
            return
        with self._mutex:
            if mine.is_set():  # at the last moment
                return
            self._waiting.remove(mine)
        raise StoreUnavailable("other writes of this process took too long")

    def _leave(self, transaction: _Transaction) -> None:
        with self._mutex:
            if self._waiting and transaction.is_open_to_others:
                self._shared = transaction
                self._waiting.popleft().set()
                return
        try:
            transaction.end()
            if self._waiting:
                time.sleep(_FOR_OTHER_PROCESSES)
        finally:
            self._pass_on()

    def _pass_on(self) -> None:
        with self._mutex:
            if self._waiting:
                self._waiting.popleft().set()
            else:
                self._is_taken = False


class _Transaction:
    """Of one connection. Each of those that share it writes a part of it."""

    def __init__(self, writer: Engine, deadline: float) -> None:
        self.connection = writer.connect()
        try:
            self._transaction = _begin(self.connection, deadline)
        except BaseException:
            self.connection.close()
            raise
        self._began = time.monotonic()
        self._written = 0
        self._is_broken = False
        self._ended = Event()
        self._failed = False

    @property
    def is_open_to_others(self) -> bool:
        return self._written > 0 and not self._is_broken and time.monotonic() - self._began < _LONGEST_SHARED

    @contextmanager
    def part(self) -> Iterator[None]:
        """One that fails is undone alone; the first one needs no savepoint for that."""
        try:
            with self.connection.begin_nested() if self._written else nullcontext():
                yield
        except BaseException:
            self._is_broken = not self._written or not self._is_under_way
            raise
        self._written += 1

    def end(self) -> None:
        """Commits what was written, or nothing if the transaction was lost."""
        self._failed = True
        try:
            with self.connection, self._transaction:
                if not self._written:
                    self._transaction.rollback()
                elif self._is_broken or not self._is_under_way:
                    raise StoreUnavailable("SQLite undid the writes that shared a transaction")
            self._failed = False
        finally:
            self._ended.set()

    def wait(self) -> None:
        """Until it has ended. Raises `StoreUnavailable` if nothing of it is kept."""
        self._ended.wait()
        if self._failed:
            raise StoreUnavailable("the commit that several writes shared failed")

    @property
    def _is_under_way(self) -> bool:
        """SQLite ends a transaction by itself after some errors, such as a full disk."""
        if self.connection.invalidated:
            return False
        driver: Any = self.connection.connection.driver_connection
        return bool(driver.in_transaction)


def _begin(connection: Connection, deadline: float) -> RootTransaction:
    driver: Any = connection.connection.driver_connection
    with not_waiting_for_lock(connection):
        while time.monotonic() < deadline and not _has_begun(driver):
            time.sleep(_BETWEEN_TRIES)
        return connection.begin()  # or the error, as SQLAlchemy reports it


def _has_begun(driver: sqlite3.Connection) -> bool:
    """False while another process writes."""
    try:
        driver.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError as error:
        return error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY
    return True


@contextmanager
def not_waiting_for_lock(connection: Connection) -> Iterator[None]:
    """SQLite refuses at once here while another connection holds the lock."""
    driver: Any = connection.connection.driver_connection
    usual = driver.execute("PRAGMA busy_timeout").fetchone()[0]
    driver.execute("PRAGMA busy_timeout=0")
    try:
        yield
    finally:
        with suppress(sqlite3.ProgrammingError):  # the connection broke, and was closed
            driver.execute(f"PRAGMA busy_timeout={usual}")
