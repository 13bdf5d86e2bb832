"""Connections to PostgreSQL, directly or through a pooler such as PgBouncer.

A pooler refuses options at the start of a connection, and lends one connection of the server to many clients in turn.
So nothing here is an option of the start, and behind a pooler nothing outlives a transaction: no prepared statement,
no setting, no LISTEN.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, event
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection

from portal.store.database_errors import store_errors

if TYPE_CHECKING:  # SQLite needs no psycopg
    import psycopg

_POOLED = "portal_pooled"
_PREPARE_AFTER = 5
"""Executions, psycopg's own default."""


class Pooler(StrEnum):
    """What is between the portal and PostgreSQL."""

    SESSION = "session"
    TRANSACTION = "transaction"


def is_pooled(connection: PoolProxiedConnection) -> bool:
    return bool(connection.info.get(_POOLED))


def set_for_each_connection(engine: Engine, settings: Mapping[str, int]) -> None:
    """`settings` hold for everything that the engine's connections do, and behind a pooler for nobody else."""
    for_session = "; ".join(f"SET {name} = {value}" for name, value in settings.items())
    for_transaction = for_session.replace("SET ", "SET LOCAL ")

    def prepare(connection: psycopg.Connection, record: ConnectionPoolEntry) -> None:
        record.info[_POOLED] = _has_other_server(connection)
        if not record.info[_POOLED]:
            connection.prepare_threshold = _PREPARE_AFTER
            _execute(connection, for_session)

    def begin(connection: Connection) -> None:
        pooled = connection.connection
        if is_pooled(pooled):
            driver: psycopg.Connection = pooled.dbapi_connection  # type: ignore[assignment]
            # Also for what would be autocommit: one transaction sees one server. By SQLAlchemy, so that a connection
            # that the pooler has closed counts as lost, like one that PostgreSQL closed.
            connection.exec_driver_sql(f"BEGIN; {for_transaction}" if driver.autocommit else for_transaction)

    event.listen(engine, "connect", prepare)
    event.listen(engine, "begin", begin)


def pooler_of(engine: Engine) -> Pooler | None:
    """None if there is none. Raises `StoreUnavailable`."""
    if engine.dialect.name == "sqlite":
        return None
    with store_errors(engine):
        one, other = engine.raw_connection(), engine.raw_connection()
        try:
            if not is_pooled(one):
                return None
            # In session mode each client keeps its connection to the server; else the next one gets it.
            seen = {tuple(_server_of(it.driver_connection) for it in (one, other)) for _ in range(5)}  # type: ignore[arg-type]
            (mine, others), *changed = seen
            return Pooler.TRANSACTION if changed or mine == others else Pooler.SESSION
        finally:
            one.close()
            other.close()


def _has_other_server(connection: psycopg.Connection) -> bool:
    """A pooler invents the process that it says a client is connected to."""
    return _server_of(connection) != connection.info.backend_pid


def _server_of(connection: psycopg.Connection) -> int:
    row = _execute(connection, "SELECT pg_backend_pid()").fetchone()
    assert row
    return int(row[0])


def _execute(connection: psycopg.Connection, statement: str) -> psycopg.Cursor:
    autocommit, connection.autocommit = connection.autocommit, True
    try:
        return connection.execute(statement)
    finally:
        connection.autocommit = autocommit
