"""All that is stored encrypted: which key opens it, and sealing it anew with the first key."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Engine, RowMapping, Table, and_, bindparam, select, tuple_, update

from portal.store.encryption import ColumnCipher, UndecryptableValue
from portal.store.key_lists import by_keys
from portal.store.tables import mail_addresses, onboardings, validations
from portal.store.transactions import Transactions

SLICE = 200


@dataclass(frozen=True, slots=True)
class Rekeyed:
    """What became of a slice of sealed values."""

    seen: int
    resealed: int
    without_key: int
    """Values that no key opens."""


@dataclass(frozen=True, slots=True)
class _Column:
    table: Table
    sealed: ColumnElement[Any]

    owner: str
    """Which column of the key is the id of the onboarding."""

    @property
    def key(self) -> list[ColumnElement[Any]]:
        return list(self.table.primary_key)


_COLUMNS = (
    _Column(onboardings, onboardings.c.details_encrypted, "id"),
    _Column(validations, validations.c.session_url_encrypted, "onboarding_id"),
    _Column(mail_addresses, mail_addresses.c.address_encrypted, "onboarding_id"),
)
_LOCK_OWNERS = by_keys(
    lambda any_of: (
        select(onboardings.c.id).where(any_of(onboardings.c.id, "ids")).order_by(onboardings.c.id).with_for_update()
    )
)["postgresql"]


class SealedValues:
    def __init__(self, engine: Engine, cipher: ColumnCipher) -> None:
        self._transactions = Transactions(engine)
        self._cipher = cipher

    def count_by_key(self, *, limit: int) -> Counter[int | None]:
        """How many values the first key (0) opens, how many the second (1), …; None for those that no key opens.

        Of each kind of value no more than about `limit` are looked at. Raises `StoreUnavailable`.
        """
        counted: Counter[int | None] = Counter()
        for column in _COLUMNS:
            seen = 0
            for rows in self._slices(column):
                counted.update(self._cipher.key_of(row["sealed"]) for row in rows)
                seen += len(rows)
                if seen >= limit:
                    break
        return counted

    def rekey(self) -> Iterator[Rekeyed]:
        """Seals with the first key whatever another one sealed, slice by slice. Can be interrupted and repeated.

        Raises `StoreUnavailable`.
        """
        for column in _COLUMNS:
            for rows in self._slices(column):
                yield self._reseal(column, rows)

    def _reseal(self, column: _Column, rows: list[RowMapping]) -> Rekeyed:
        resealed = without_key = 0
        same_row = [it == bindparam(f"key_{it.name}") for it in column.key]
        # What was changed meanwhile was sealed with the first key by whoever changed it.
        unchanged = and_(*same_row, column.sealed == bindparam("old"))
        statement = update(column.table).where(unchanged).values({column.sealed.key: bindparam("new")})
        with self._transactions.writing() as connection:
            if connection.dialect.name == "postgresql":
                # As whoever changes them does it: first the onboardings. Otherwise the two could wait for one another.
                connection.execute(_LOCK_OWNERS, {"ids": list({row[column.owner] for row in rows})})
            for row in rows:
                try:
                    fresh = self._cipher.resealed(row["sealed"])
                except UndecryptableValue:
                    without_key += 1
                    continue
                if fresh is not None:
                    key = {f"key_{it.name}": row[it.name] for it in column.key}
                    resealed += connection.execute(statement, key | {"old": row["sealed"], "new": fresh}).rowcount
        return Rekeyed(len(rows), resealed, without_key)

    def _slices(self, column: _Column) -> Iterator[list[RowMapping]]:
        key = tuple_(*column.key)
        statement = select(*column.key, column.sealed.label("sealed")).where(column.sealed.is_not(None))
        statement = statement.order_by(*column.key).limit(SLICE)
        last: tuple[Any, ...] | None = None
        while True:
            following = statement if last is None else statement.where(key > last)
            with self._transactions.reading() as connection:
                rows = list(connection.execute(following).mappings())
            if not rows:
                return
            yield rows
            last = tuple(rows[-1][it.name] for it in column.key)
