"""Which columns a quick read gives, and their values as each database sends them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from sqlalchemy import Column

Values = tuple[Any, ...]

_POSTGRES_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)


class QuickSelect:
    """Some columns of the rows that have one of some keys."""

    def __init__(self, key: Column[str], columns: Sequence[Column[Any]], *, parsed: int = 0) -> None:
        """The columns are texts, whole numbers and times.

        `parsed`: of how many rows the values are kept, where the same ones are read again and again.
        """
        self.table = key.table.name
        self.columns = range(len(columns))
        self.text = f"SELECT {', '.join(it.name for it in columns)} FROM {self.table} WHERE {key.name}"  # noqa: S608
        kinds = [it.type.python_type for it in columns]
        self.of_sqlite: Callable[[Values], Values] = lru_cache(parsed)(
            lambda row: tuple(map(_sqlite_value, row, kinds))
        )
        """Raises `ValueError`, `TypeError` or `OverflowError` if a time cannot be read, as does `of_postgresql`."""
        self.of_postgresql: Callable[[Values], Values] = lru_cache(parsed)(
            lambda row: tuple(map(_postgresql_value, row, kinds))
        )


def _sqlite_value(value: Any, kind: type) -> Any:
    """SQLite keeps times as text in UTC."""
    return datetime.fromisoformat(value).replace(tzinfo=UTC) if kind is datetime and value is not None else value


def _postgresql_value(value: bytes | None, kind: type) -> Any:
    """PostgreSQL sends times as microseconds."""
    if value is None:
        return None
    if kind is int:
        return int.from_bytes(value, "big", signed=True)
    if kind is datetime:
        return _POSTGRES_EPOCH + timedelta(microseconds=int.from_bytes(value, "big", signed=True))
    return value.decode()
