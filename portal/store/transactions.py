"""Connections for reading, transactions for writing. Errors become `StoreUnavailable`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine, Table
from sqlalchemy.dialects import postgresql, sqlite

from portal.store.database import reads, turn_to_write, writes
from portal.store.database_errors import store_errors


class Transactions:
    def __init__(self, engine: Engine) -> None:
        self._reader = reads(engine)
        self._writer = writes(engine)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        with store_errors(self._reader), self._reader.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        with store_errors(self._writer), turn_to_write(self._writer), self._writer.begin() as connection:
            yield connection


def insert(connection: Connection, table: Table) -> postgresql.Insert | sqlite.Insert:
    """An INSERT that may have ON CONFLICT, which SQLAlchemy has only per dialect."""
    return sqlite.insert(table) if connection.dialect.name == "sqlite" else postgresql.insert(table)
