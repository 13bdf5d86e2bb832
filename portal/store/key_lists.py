"""Rows by a list of keys, in one statement for lists of every length: a connection keeps each that it has prepared."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from sqlalchemy import JSON, ColumnElement, Text, any_, bindparam, func, select
from sqlalchemy.dialects import postgresql

T = TypeVar("T")
AnyOf = Callable[[ColumnElement[str], str], ColumnElement[bool]]
"""From a column and the name of a parameter: that the column has one of the keys in this parameter, a list."""


def by_keys(build: Callable[[AnyOf], T]) -> dict[str, T]:
    """A statement by the name of a dialect."""
    return {"sqlite": build(_of_json), "postgresql": build(_of_array)}


def _of_json(column: ColumnElement[str], name: str) -> ColumnElement[bool]:
    listed = func.json_each(bindparam(name, type_=JSON)).table_valued("value")
    return column.in_(select(listed.c.value))


def _of_array(column: ColumnElement[str], name: str) -> ColumnElement[bool]:
    keys: Any = bindparam(name, type_=postgresql.ARRAY(Text))
    return column == any_(keys)
