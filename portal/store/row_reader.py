"""Checked values of rows: a damaged database, or one edited by hand, may hold anything."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import RowMapping, Table

from portal.domain.errors import StoreUnavailable


class UnreadableRow(StoreUnavailable):
    """A row that is damaged, encrypted with a lost key, or written by a newer release."""


class RowReader:
    def __init__(self, table: Table, names: Iterable[str], *, prefix: str = "") -> None:
        """For rows in which the column `name` of `table` is labelled `prefix + name`."""
        columns = [(prefix + name, name, table.c[name]) for name in names]
        self._columns = [(label, name, it.type.python_type, it.nullable) for label, name, it in columns]

    def read(self, row: RowMapping) -> dict[str, Any]:
        """Values by column name. Raises `ValueError` with the names of the columns that hold another type."""
        values, wrong = {}, []
        for label, name, python_type, is_nullable in self._columns:
            value = values[name] = row[label]
            # SQLite keeps text in a column of integers if it is not a number.
            if not (isinstance(value, python_type) or (value is None and is_nullable)):
                wrong.append(name)
        if wrong:
            raise ValueError(", ".join(wrong))
        return values
