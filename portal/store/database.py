"""Connections to SQLite or PostgreSQL, and the schema."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Any

import psycopg
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import URL, Connection, Engine, ExceptionContext, create_engine, event, func, make_url, select, text
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.pool import ConnectionPoolEntry

from portal.domain.errors import StoreUnavailable
from portal.store.column_types import lenient_loader
from portal.store.database_errors import store_errors

STATEMENT_TIMEOUT = 10.0
POOL_TIMEOUT = 2.0
WAL_TIMEOUT = 1.0
MIGRATION_TIMEOUT = 60.0

PING_AFTER = 1.0
"""Seconds without use after which a pooled connection to PostgreSQL is tried before it is used."""

_WRITES = "portal_writes"
_USED_AT = "portal_used_at"
_MIGRATION_LOCK = 7_218_400_113


def make_engine(url: str, *, lock_timeout: float = 5.0, pool_size: int = 5) -> Engine:
    """`lock_timeout`: how many seconds a write waits for another one.

    Raises `ValueError` for any other kind of URL, `StoreUnavailable` if SQLite's folder does not exist.
    """
    parsed = make_url(url)
    options: dict[str, Any] = {
        "hide_parameters": True,
        "pool_size": pool_size,
        "max_overflow": pool_size,
        "pool_timeout": POOL_TIMEOUT,
    }
    if parsed.drivername in {"sqlite", "sqlite+pysqlite"}:
        return _sqlite(parsed, lock_timeout, options)
    if parsed.drivername == "postgresql+psycopg":
        return _postgresql(parsed, lock_timeout, options)
    raise ValueError(f"a database URL begins with sqlite:// or postgresql+psycopg://, not {parsed.drivername}://")


def reads(engine: Engine) -> Engine:
    """For single SELECTs: autocommit, which saves the round trips of a transaction."""
    return engine if _is_sqlite(engine) else engine.execution_options(isolation_level="AUTOCOMMIT")


def writes(engine: Engine) -> Engine:
    """Takes SQLite's write lock at the beginning: a transaction that reads first and then writes can fail at once."""
    return engine.execution_options(**{_WRITES: True})


class Schema(StrEnum):
    """A database's schema compared with this release."""

    BEHIND = "behind"
    CURRENT = "current"
    AHEAD = "ahead"
    """Of a newer release. This one can use it, because migrations only add."""


def migrate(engine: Engine) -> None:
    """Upgrades the schema; if several processes try, one does it and the others wait."""
    with migration(engine) as connection:
        if _schema_of(connection) is Schema.BEHIND:
            command.upgrade(alembic_config(connection), "head")


@contextmanager
def migration(engine: Engine) -> Iterator[Connection]:
    """A transaction for changing the schema; only one runs at a time."""
    with store_errors(), writes(engine).connect() as connection:
        connection.detach()
        if _is_sqlite(engine):
            _without_foreign_keys(connection)
        with connection.begin():
            if not _is_sqlite(engine):
                _wait_for_other_migrations(connection)
            yield connection


def schema_of(engine: Engine) -> Schema:
    with store_errors(), reads(engine).connect() as connection:
        return _schema_of(connection)


def alembic_config(connection: Connection | None = None) -> Config:
    """For Alembic's own commands; works in a checkout and in a wheel."""
    config = Config()
    config.set_main_option("script_location", "portal.store:migrations")
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def _schema_of(connection: Connection) -> Schema:
    present = set(MigrationContext.configure(connection).get_current_heads())
    scripts = ScriptDirectory.from_config(alembic_config())
    if present == set(scripts.get_heads()):
        return Schema.CURRENT
    known = {script.revision for script in scripts.walk_revisions()}
    return Schema.BEHIND if present <= known else Schema.AHEAD


def _is_sqlite(engine: Engine) -> bool:
    return engine.dialect.name == "sqlite"


def _sqlite(url: URL, lock_timeout: float, options: dict[str, Any]) -> Engine:
    if (
        url.database in {None, "", ":memory:"}
        or "mode=memory" in str(url.database)
        or url.query.get("mode") == "memory"
    ):
        raise ValueError("SQLite needs a file: sqlite:///portal.db")
    folder = Path(str(url.database).removeprefix("file:")).parent
    if not folder.is_dir():
        raise StoreUnavailable(f"the folder of the database does not exist: {folder.resolve()}")
    engine = create_engine(url, connect_args={"timeout": lock_timeout}, **options)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    event.listen(engine, "handle_error", _drop_broken_connections)
    return engine


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # the driver must not begin transactions; `_begin_sqlite` does
    _use_wal(connection)
    # In WAL mode, NORMAL may lose the last commits in a power failure, and a submitted form must not get lost.
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA foreign_keys=ON")


def _drop_broken_connections(context: ExceptionContext) -> None:
    """A connection that was opened while the file was read-only stays read-only."""
    code = getattr(context.original_exception, "sqlite_errorcode", 0) & 0xFF
    if code in {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN}:
        context.is_disconnect = True


def _use_wal(connection: sqlite3.Connection) -> None:
    """Retries, because SQLite's busy timeout does not cover this change, and several processes may start at once."""
    deadline = time.monotonic() + WAL_TIMEOUT
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)


def _begin_sqlite(connection: Connection) -> None:
    if connection.get_execution_options().get(_WRITES):
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def _without_foreign_keys(connection: Connection) -> None:
    """SQLite alters a table by rebuilding it, which would delete the rows that refer to it."""
    driver: Any = connection.connection.dbapi_connection
    driver.execute("PRAGMA foreign_keys=OFF")


def _postgresql(url: URL, lock_timeout: float, options: dict[str, Any]) -> Engine:
    settings = {
        "statement_timeout": int(STATEMENT_TIMEOUT * 1000),
        "lock_timeout": int(lock_timeout * 1000),
        "idle_in_transaction_session_timeout": int(STATEMENT_TIMEOUT * 1000),
    }
    given = url.query.get("options", "")
    # The timeouts above are the server's; those below detect that the server is gone.
    arguments = {
        "options": " ".join([*(f"-c {name}={value}" for name, value in settings.items()), str(given)]).strip(),
        "client_encoding": "utf8",
        "connect_timeout": 3,
        "keepalives_idle": 5,
        "keepalives_interval": 2,
        "keepalives_count": 3,
        "tcp_user_timeout": int(STATEMENT_TIMEOUT * 1000),
    }
    engine = create_engine(url, connect_args=arguments, isolation_level="READ COMMITTED", **options)
    event.listen(engine, "connect", _prepare_postgresql)
    event.listen(engine, "checkin", _note_use)
    event.listen(engine, "checkout", _replace_if_dead)
    return engine


def _note_use(_connection: psycopg.Connection | None, record: ConnectionPoolEntry) -> None:
    record.info[_USED_AT] = time.monotonic()


def _replace_if_dead(connection: psycopg.Connection, record: ConnectionPoolEntry, _proxy: object) -> None:
    """SQLAlchemy's pre-ping, but not for a connection that just worked: under load that were a round trip each time."""
    if time.monotonic() - record.info.get(_USED_AT, float("inf")) < PING_AFTER:
        return
    try:
        autocommit, connection.autocommit = connection.autocommit, True
        connection.execute("SELECT 1")
        connection.autocommit = autocommit
    except psycopg.Error:
        raise DisconnectionError from None  # the pool then connects anew


def _prepare_postgresql(connection: psycopg.Connection, _record: object) -> None:
    times = connection.adapters.types["timestamptz"]
    connection.adapters.register_loader("timestamptz", lenient_loader(connection.adapters, times.oid))


def _wait_for_other_migrations(connection: Connection) -> None:
    connection.execute(text("SET LOCAL statement_timeout = 0"))
    connection.execute(text(f"SET LOCAL lock_timeout = {int(MIGRATION_TIMEOUT * 1000)}"))
    connection.execute(select(func.pg_advisory_xact_lock(_MIGRATION_LOCK)))
