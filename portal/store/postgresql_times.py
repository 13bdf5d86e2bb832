"""Times from PostgreSQL, read so that no single value makes a query fail."""

from __future__ import annotations

from typing import Any

from psycopg import Connection, DataError
from psycopg.abc import Buffer, Loader
from psycopg.adapt import AdaptersMap
from psycopg.pq import Format

from portal.store.column_types import Unreadable


def read_leniently(connection: Connection, _record: object) -> None:
    """For SQLAlchemy's event `connect`."""
    times = connection.adapters.types["timestamptz"]
    connection.adapters.register_loader("timestamptz", _lenient_loader(connection.adapters, times.oid))


def _lenient_loader(adapters: AdaptersMap, oid: int) -> type[Loader]:
    """psycopg's own loader, but `Unreadable.TIME` for `infinity` and years after 9999 instead of an error."""
    strict: Any = adapters.get_loader(oid, Format.TEXT)

    class Lenient:
        format = Format.TEXT

        def __init__(self, oid: int, context: Any = None) -> None:
            self._strict: Loader = strict(oid, context)

        def load(self, data: Buffer) -> Any:
            try:
                return self._strict.load(data)
            except DataError:
                return Unreadable.TIME

    return Lenient
