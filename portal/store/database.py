"""Connections to SQLite or PostgreSQL, and the schema."""

from __future__ import annotations

import os
import random
import re
import sqlite3
import time
from ast import literal_eval
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from enum import StrEnum
from functools import partial
from pathlib import Path
from socket import gethostname
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    URL,
    Connection,
    Dialect,
    Engine,
    ExceptionContext,
    create_engine,
    event,
    func,
    inspect,
    make_url,
    select,
    text,
)
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.pool import ConnectionPoolEntry, QueuePool

from portal.config import Config, make_private
from portal.domain.errors import StoreUnavailable
from portal.store.database_errors import LockTaken, is_without_connections, store_errors
from portal.store.pooler import set_for_each_connection
from portal.store.write_turn import WriteTurn

if TYPE_CHECKING:  # importing Alembic takes a fifth of the time until the portal answers
    import psycopg
    from alembic.config import Config as AlembicConfig

STATEMENT_TIMEOUT = 10.0
WAL_TIMEOUT = 1.0
MIGRATION_TIMEOUT = 60.0
LOCK_TIMEOUT = 1.0
LOCK_PAUSE = 2.0

WRITE_TURN = "portal_write_turn"
"""Execution option of an engine for SQLite: the `WriteTurn` of its threads."""

PING_AFTER = 1.0
"""Seconds without use after which a pooled connection to PostgreSQL is tried before it is used."""

_SQLITE_CACHE_KIB = 512
_LONGEST_NAME = 63
"""Of an application in PostgreSQL."""
_WRITES = "portal_writes"
_USED_AT = "portal_used_at"
_MIGRATION_LOCK = 7_218_400_113
_HEADER = ("down_revision", "revision")
_MIGRATIONS = Path(__file__).parent / "migrations" / "versions"


def engine_of(config: Config) -> Engine:
    return make_engine(
        config.database_url, pool_size=config.database_pool_size, pool_timeout=config.database_pool_timeout
    )


def make_engine(url: str, *, lock_timeout: float = 5.0, pool_size: int = 5, pool_timeout: float = 2.0) -> Engine:
    """`lock_timeout`: how many seconds a write waits for another one.

    `pool_size`: how many connections stay open; as many again are opened while these are in use.
    `pool_timeout`: how many seconds to wait for one of them, or for a server that has none left.

    Raises `ValueError` for any other kind of URL, `StoreUnavailable` if SQLite's folder does not exist.
    """
    parsed = make_url(url)
    options: dict[str, Any] = {
        "hide_parameters": True,
        "pool_size": pool_size,
        "max_overflow": pool_size,
        "pool_timeout": pool_timeout,
        # Each connection keeps what it prepared, up to 100 KB a statement on SQLite: few of them shall know all.
        "pool_use_lifo": True,
    }
    if parsed.drivername in {"sqlite", "sqlite+pysqlite"}:
        return _sqlite(parsed, lock_timeout, options)
    if parsed.drivername == "postgresql+psycopg":
        return _postgresql(parsed, lock_timeout, options)
    raise ValueError(f"a database URL begins with sqlite:// or postgresql+psycopg://, not {parsed.drivername}://")


def pool_timeout_of(engine: Engine) -> float:
    assert isinstance(engine.pool, QueuePool)
    return engine.pool.timeout()


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


def migrate(
    engine: Engine,
    *,
    on_step: Callable[[int], None] = lambda _left: None,
    on_wait: Callable[[float], None] = lambda _seconds: None,
    patience: float = 300,
) -> None:
    """Upgrades the schema; if several processes try, one does it and the others wait.

    On PostgreSQL each migration is a transaction of its own, and waits for a lock only as long as everybody else can
    wait behind it. Then it gives way, calls `on_wait` with the seconds until it tries again, and gives up after
    `patience` seconds. On SQLite all migrations are one transaction. `on_step` is called after each migration, with
    the number of those that are left.
    """
    deadline = time.monotonic() + patience
    while True:
        try:
            if _migrate_once(engine, on_step):
                return
        except LockTaken:
            if time.monotonic() > deadline:
                raise
            on_wait(LOCK_PAUSE)
            time.sleep(LOCK_PAUSE)


def _migrate_once(engine: Engine, on_step: Callable[[int], None]) -> bool:
    """True if nothing is left to do."""
    from alembic import command  # noqa: PLC0415

    with migration(engine) as connection:
        if _schema_of(connection) is Schema.BEHIND:
            config = alembic_config(connection)
            config.attributes["on_version_apply"] = lambda **_: on_step(_migrations_left(connection))
            command.upgrade(config, "head" if _is_sqlite(engine) else "+1")
        return _schema_of(connection) is not Schema.BEHIND


@contextmanager
def migration(engine: Engine) -> Iterator[Connection]:
    """A transaction for changing the schema; only one runs at a time."""
    with store_errors(engine), writes(engine).connect() as connection:
        connection.detach()
        if _is_sqlite(engine):
            _without_foreign_keys(connection)
        with connection.begin():
            if not _is_sqlite(engine):
                _wait_for_other_migrations(connection)
            yield connection


def migrations_left(engine: Engine) -> int:
    with store_errors(engine), reads(engine).connect() as connection:
        return _migrations_left(connection)


def schema_of(engine: Engine) -> Schema:
    with store_errors(engine), reads(engine).connect() as connection:
        return _schema_of(connection)


def alembic_config(connection: Connection | None = None) -> AlembicConfig:
    """For Alembic's own commands; works in a checkout and in a wheel."""
    from alembic.config import Config as AlembicConfig  # noqa: PLC0415

    config = AlembicConfig()
    config.set_main_option("script_location", "portal.store:migrations")
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def _schema_of(connection: Connection) -> Schema:
    present, known = _applied_last(connection), _migrations()
    if present == known.keys() - known.values():
        return Schema.CURRENT
    return Schema.BEHIND if present <= known.keys() else Schema.AHEAD


def _migrations_left(connection: Connection) -> int:
    present, known = _applied_last(connection), _migrations()
    if not present <= known.keys():  # of a newer release
        return 0
    applied = next(iter(present), None)
    left: list[str] = []
    revision: str | None = next(iter(known.keys() - known.values()))
    while revision is not None and revision != applied:
        left.append(revision)
        revision = known[revision]
    return len(left)


def _applied_last(connection: Connection) -> set[str]:
    if not inspect(connection).has_table("alembic_version"):
        return set()
    return set(connection.scalars(text("SELECT version_num FROM alembic_version")))


def _migrations() -> dict[str, str | None]:
    """Each revision and the one before it, as Alembic would read them from the same files."""
    found = {}
    for path in _MIGRATIONS.glob("[0-9]*.py"):
        before, revision = (re.search(rf"^{it} = (.+)$", path.read_text("utf-8"), re.M) for it in _HEADER)
        assert before and revision, path.name
        found[literal_eval(revision[1])] = literal_eval(before[1])
    return found


def _is_sqlite(engine: Engine) -> bool:
    return engine.dialect.name == "sqlite"


def _sqlite(url: URL, lock_timeout: float, options: dict[str, Any]) -> Engine:
    if (
        url.database in {None, "", ":memory:"}
        or "mode=memory" in str(url.database)
        or url.query.get("mode") == "memory"
    ):
        raise ValueError("SQLite needs a file: sqlite:///portal.db")
    file = Path(str(url.database).removeprefix("file:"))
    if not file.parent.is_dir():
        raise StoreUnavailable(f"the folder of the database does not exist: {file.parent.resolve()}")
    _make_private(file)
    engine = create_engine(url, connect_args={"timeout": lock_timeout}, **options)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    event.listen(engine, "handle_error", _drop_broken_connections)
    engine.update_execution_options(**{WRITE_TURN: WriteTurn(lock_timeout)})
    return engine


def _make_private(file: Path) -> None:
    """Also the files of the write-ahead log, which get the database's permissions only if they are new.

    A file that exists is not opened: closing it would release the locks of all of this process's connections to it, and
    then another process, when it ends, deletes the write-ahead log while they still write to it.
    """
    if "?" not in str(file):
        with suppress(OSError):  # `portal check` and the first query tell of a file that cannot be made
            os.close(os.open(file, os.O_CREAT | os.O_EXCL, 0o600))
        for suffix in ("", "-wal", "-shm"):
            make_private(file.with_name(file.name + suffix))


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # the driver must not begin transactions; `_begin_sqlite` does
    _use_wal(connection)
    # In WAL mode, NORMAL may lose the last commits in a power failure, and a submitted form must not get lost.
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA foreign_keys=ON")
    # Each connection has a cache of its own, and there are dozens. A commit of another one empties it anyway.
    connection.execute(f"PRAGMA cache_size=-{_SQLITE_CACHE_KIB}")
    # What was erased must not stay in the file; SQLite otherwise only marks the place as free.
    connection.execute("PRAGMA secure_delete=ON")


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
        driver: Any = connection.connection.dbapi_connection
        if not driver.in_transaction:
            connection.exec_driver_sql("BEGIN IMMEDIATE")


def _without_foreign_keys(connection: Connection) -> None:
    """SQLite alters a table by rebuilding it, which would delete the rows that refer to it."""
    driver: Any = connection.connection.dbapi_connection
    driver.execute("PRAGMA foreign_keys=OFF")


def _postgresql(url: URL, lock_timeout: float, options: dict[str, Any]) -> Engine:
    from portal.store.postgresql_times import read_leniently  # noqa: PLC0415 - SQLite needs no psycopg

    settings = {
        "statement_timeout": int(STATEMENT_TIMEOUT * 1000),
        "lock_timeout": int(lock_timeout * 1000),
        "idle_in_transaction_session_timeout": int(STATEMENT_TIMEOUT * 1000),
    }
    # The timeouts above are the server's; those below detect that the server is gone.
    arguments: dict[str, Any] = {
        "prepare_threshold": None,
        "client_encoding": "utf8",
        "connect_timeout": 3,
        "keepalives_idle": 5,
        "keepalives_interval": 2,
        "keepalives_count": 3,
        "tcp_user_timeout": int(STATEMENT_TIMEOUT * 1000),
    }
    if "application_name" not in url.query:
        arguments["application_name"] = f"portal@{gethostname()}"[:_LONGEST_NAME]
    engine = create_engine(url, connect_args=arguments, isolation_level="READ COMMITTED", **options)
    event.listen(engine, "do_connect", partial(_connect_patiently, options["pool_timeout"]))
    set_for_each_connection(engine, settings)
    event.listen(engine, "connect", read_leniently)
    event.listen(engine, "checkin", _note_use)
    event.listen(engine, "checkout", _replace_if_dead)
    return engine


def _connect_patiently(
    patience: float, _dialect: Dialect, _record: object, arguments: list[Any], options: dict[str, Any]
) -> psycopg.Connection:
    """A server whose connections are all taken often has one again a moment later."""
    import psycopg  # noqa: PLC0415 - SQLite needs no psycopg

    deadline = time.monotonic() + patience
    while True:
        try:
            return psycopg.connect(*arguments, **options)
        except psycopg.OperationalError as error:
            if not is_without_connections(error) or time.monotonic() > deadline:
                raise
        time.sleep(0.1 + random.random() / 5)  # noqa: S311 - so that those who wait do not ask all at once


def _note_use(_connection: object, record: ConnectionPoolEntry) -> None:
    record.info[_USED_AT] = time.monotonic()


def _replace_if_dead(connection: psycopg.Connection, record: ConnectionPoolEntry, _proxy: object) -> None:
    """SQLAlchemy's pre-ping, but not for a connection that just worked: under load that were a round trip each time."""
    import psycopg  # noqa: PLC0415 - SQLite needs no psycopg

    if time.monotonic() - record.info.get(_USED_AT, float("inf")) < PING_AFTER:
        return
    try:
        autocommit, connection.autocommit = connection.autocommit, True
        connection.execute("SELECT 1")
        connection.autocommit = autocommit
    except psycopg.Error:
        raise DisconnectionError from None  # the pool then connects anew


def _wait_for_other_migrations(connection: Connection) -> None:
    connection.execute(text("SET LOCAL statement_timeout = 0"))
    connection.execute(text(f"SET LOCAL lock_timeout = {int(MIGRATION_TIMEOUT * 1000)}"))
    connection.execute(select(func.pg_advisory_xact_lock(_MIGRATION_LOCK)))
    # While a migration waits for a table, every query of that table waits behind it.
    connection.execute(text(f"SET LOCAL lock_timeout = {int(LOCK_TIMEOUT * 1000)}"))
