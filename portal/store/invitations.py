"""One open onboarding for each customer of a partner, however often and at once it is asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, and_, select, update

from portal.domain.errors import KeyReused, StoreUnavailable
from portal.domain.onboarding import Onboarding
from portal.store.access import insert
from portal.store.tables import customers, idempotency_keys


@dataclass(frozen=True, slots=True)
class Invitations:
    """Inside one transaction that writes."""

    connection: Connection
    find: Callable[[str], Onboarding | None]
    add: Callable[[Onboarding], object]
    remove: Callable[[Onboarding], object]

    def keep(
        self, fresh: Onboarding, *, key: str | None, fingerprint: str, is_open: Callable[[Onboarding], bool]
    ) -> tuple[Onboarding, bool]:
        self.add(fresh)  # first, because the other rows refer to it
        kept, is_new = (key and self._answered(fresh, key, fingerprint)) or self._of_customer(fresh, is_open)
        if kept.id != fresh.id:
            if key and not is_new:
                self._answer_with(fresh, key, kept)
            self.remove(fresh)
        return kept, is_new

    def _answered(self, fresh: Onboarding, key: str, fingerprint: str) -> tuple[Onboarding, bool] | None:
        """What this key was answered with before; None where it is new."""
        values = {"partner": fresh.partner, "key": key, "fingerprint": fingerprint, "onboarding_id": fresh.id}
        table = idempotency_keys
        added = insert(self.connection, table).values(values | {"is_new": True, "created_at": fresh.created_at})
        if self.connection.scalar(added.on_conflict_do_nothing().returning(table.c.key)) is not None:
            return None
        row = self.connection.execute(select(table).where(self._this(fresh, key))).one()
        if row.fingerprint != fingerprint:
            raise KeyReused
        return self._found(row.onboarding_id), row.is_new

    def _of_customer(self, fresh: Onboarding, is_open: Callable[[Onboarding], bool]) -> tuple[Onboarding, bool]:
        values = {"partner": fresh.partner, "external_id": fresh.external_id, "onboarding_id": fresh.id}
        added = insert(self.connection, customers).values(values).on_conflict_do_nothing()
        if self.connection.scalar(added.returning(customers.c.onboarding_id)) is not None:
            return fresh, True
        this = and_(customers.c.partner == fresh.partner, customers.c.external_id == fresh.external_id)
        newest = select(customers.c.onboarding_id).where(this).with_for_update()
        earlier = self.find(str(self.connection.scalar(newest)))
        if earlier and is_open(earlier):
            return earlier, False
        self.connection.execute(update(customers).where(this).values(onboarding_id=fresh.id))
        return fresh, True

    def _answer_with(self, fresh: Onboarding, key: str, kept: Onboarding) -> None:
        answer = update(idempotency_keys).where(self._this(fresh, key))
        self.connection.execute(answer.values(onboarding_id=kept.id, is_new=False))

    def _found(self, onboarding_id: str) -> Onboarding:
        found = self.find(onboarding_id)
        if found is None:
            raise StoreUnavailable("the earlier onboarding of this key is gone")
        return found

    @staticmethod
    def _this(fresh: Onboarding, key: str) -> ColumnElement[bool]:
        return and_(idempotency_keys.c.partner == fresh.partner, idempotency_keys.c.key == key)
