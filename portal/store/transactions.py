"""Connections for reading, transactions for writing. Errors become `StoreUnavailable`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TypeVar

from sqlalchemy import Connection, Engine, Table
from sqlalchemy.dialects import postgresql, sqlite

from portal.store.database import WRITE_TURN, reads, writes
from portal.store.database_errors import store_errors
from portal.store.write_turn import WriteTurn

Insert = postgresql.Insert | sqlite.Insert
T = TypeVar("T")

INSERTS: dict[str, Callable[[Table], Insert]] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}


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
    turn: WriteTurn | None = writer.get_execution_options().get(WRITE_TURN)
    with store_errors(writer), turn.transaction(writer) if turn else writer.begin() as connection:
        yield connection


def insert(connection: Connection, table: Table) -> Insert:
    """An INSERT that may have ON CONFLICT, which SQLAlchemy has only per dialect."""
    return INSERTS[connection.dialect.name](table)


def for_each_dialect(build: Callable[[Callable[[Table], Insert]], T]) -> dict[str, T]:
    """A statement by the name of a dialect; `build` gets what makes an INSERT."""
    return {dialect: build(insert) for dialect, insert in INSERTS.items()}
