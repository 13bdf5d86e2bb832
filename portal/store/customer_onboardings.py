"""One open onboarding for each customer of a partner and purpose, even if requests repeat or run at the same time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, Table, and_, select, update

from portal.domain.errors import KeyReused, PortalError, StoreUnavailable
from portal.domain.onboarding import Onboarding
from portal.services.ports import IdempotentRequest, RefusedReuse, ReusePolicy, StoredResult
from portal.store.locked_onboarding import LockedRow
from portal.store.tables import customer_purposes, customers, idempotency_keys
from portal.store.transactions import insert

_TRIES = 10
"""More than enough: each waits for the transaction that made the one before fail."""


@dataclass(frozen=True, slots=True)
class CustomerOnboardings:
    """Valid inside one transaction."""

    connection: Connection
    find: Callable[[str], Onboarding | None]
    lock: Callable[[str], LockedRow | None]
    add: Callable[[Onboarding], object]
    remove: Callable[[Onboarding], object]

    def keep(
        self,
        fresh: Onboarding,
        *,
        idempotent: IdempotentRequest | None,
        reuse: ReusePolicy,
        respond: Callable[[Onboarding], str],
    ) -> StoredResult:
        self.add(fresh)  # first, because the other rows refer to it
        result = self._first_result(fresh, idempotent, respond(fresh)) if idempotent else None
        if result is None:
            found, error = self._of_customer(fresh, reuse)
            result = StoredResult(found, found.id == fresh.id, respond(found), error)
            if idempotent and not result.is_new and not error:
                self._replace_result(fresh, idempotent, result)
        if result.onboarding.id != fresh.id:
            self.remove(fresh)
        return result

    def _first_result(self, fresh: Onboarding, idempotent: IdempotentRequest, response: str) -> StoredResult | None:
        """The result of the first such request; None if this is the first, and then `fresh` is stored as its result."""
        values = {
            "partner": fresh.partner,
            "key": idempotent.key,
            "fingerprint": idempotent.fingerprint,
            "onboarding_id": fresh.id,
            "is_new": True,
            "response": response,
            "created_at": fresh.created_at,
        }
        table = idempotency_keys
        added = insert(self.connection, table).values(values).on_conflict_do_nothing().returning(table.c.key)
        first = select(table).where(self._this(fresh, idempotent))
        for _ in range(_TRIES):
            if self.connection.scalar(added) is not None:
                return None
            row = self.connection.execute(first).first()
            if row is None:
                continue  # erased with its onboarding since
            if not idempotent.is_same(row.fingerprint):
                raise KeyReused
            return StoredResult(self._found(row.onboarding_id), row.is_new, row.response)
        raise StoreUnavailable("this key is erased and used again too often")

    def _of_customer(self, fresh: Onboarding, reuse: ReusePolicy) -> tuple[Onboarding, PortalError | None]:
        """The customer's open one, changed as `reuse` says; otherwise `fresh`, which becomes the customer's."""
        table, this = _customer(fresh)
        is_this = and_(*(table.c[name] == value for name, value in this.items()))
        newest = select(table.c.onboarding_id).where(is_this)
        for _ in range(_TRIES):
            added = insert(self.connection, table).values(this | {"onboarding_id": fresh.id}).on_conflict_do_nothing()
            if self.connection.scalar(added.returning(table.c.onboarding_id)) is not None:
                return fresh, None
            earlier = self._locked(newest)
            if earlier is None:
                continue
            renewed = reuse(earlier.onboarding)
            if isinstance(renewed, RefusedReuse):
                earlier.save(renewed.onboarding)
                return earlier.onboarding, renewed.error
            if renewed:
                earlier.save(renewed)
                return earlier.onboarding, None
            self.connection.execute(update(table).where(is_this).values(onboarding_id=fresh.id))
            return fresh, None
        raise StoreUnavailable("the onboardings of this customer change too often")

    def _locked(self, newest: Select[Any]) -> LockedRow | None:
        """None if it was erased or replaced while this waited. Locks the onboarding first, as erasing does."""
        earlier_id = self.connection.scalar(newest)
        row = self.lock(earlier_id) if earlier_id else None
        return row if row and self.connection.scalar(newest) == earlier_id else None

    def _replace_result(self, fresh: Onboarding, idempotent: IdempotentRequest, result: StoredResult) -> None:
        values = {"onboarding_id": result.onboarding.id, "is_new": False, "response": result.response}
        statement = update(idempotency_keys).where(self._this(fresh, idempotent))
        self.connection.execute(statement.values(values))

    def _found(self, onboarding_id: str) -> Onboarding:
        found = self.find(onboarding_id)
        if found is None:
            raise StoreUnavailable("the earlier onboarding of this key is gone")
        return found

    @staticmethod
    def _this(fresh: Onboarding, idempotent: IdempotentRequest) -> ColumnElement[bool]:
        return and_(idempotency_keys.c.partner == fresh.partner, idempotency_keys.c.key == idempotent.key)


def _customer(fresh: Onboarding) -> tuple[Table, dict[str, str | None]]:
    """The table that names the newest, and the key in it."""
    customer = {"partner": fresh.partner, "external_id": fresh.external_id}
    if fresh.purpose is None:
        return customers, customer
    return customer_purposes, customer | {"purpose": fresh.purpose}
