"""Times in the database, aware and in UTC, and words of closed lists. What cannot be read never fails a whole query."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from enum import Enum, StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, DateTime, Dialect, TypeDecorator
from sqlalchemy.dialects.sqlite import DATETIME
from sqlalchemy.types import TypeEngine


def one_of(column: str, words: type[StrEnum]) -> CheckConstraint:
    # Not sqlalchemy.Enum: one unknown word would make the whole query fail.
    listed = ", ".join(f"'{word}'" for word in words)
    return CheckConstraint(f"{column} IN ({listed})", name=column)


class Unreadable(Enum):
    """Stands for a stored time that Python cannot represent, or that is no time at all."""

    TIME = "time"


class UtcDateTime(TypeDecorator[datetime | Unreadable]):
    impl = DateTime(timezone=True)
    cache_ok = True

    @property
    def python_type(self) -> type[datetime]:
        return datetime

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        lenient: TypeEngine[Any] = _LenientText()  # type: ignore[no-untyped-call]
        return dialect.type_descriptor(lenient if dialect.name == "sqlite" else self.impl_instance)

    def process_bind_param(self, value: Any, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.utcoffset() is None:
            raise ValueError("a time without a time zone cannot be stored")
        return value.astimezone(UTC)  # type: ignore[no-any-return]

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | Unreadable | None:
        if not isinstance(value, datetime):
            return value  # type: ignore[no-any-return]
        # SQLite stores no time zone.
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class _LenientText(DATETIME):
    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], Any]:
        read: Any = super().result_processor(dialect, coltype)

        def lenient(value: Any) -> Any:
            try:
                return read(value)
            except (ValueError, TypeError):
                return Unreadable.TIME

        return lenient
