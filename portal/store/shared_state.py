"""What replicas share besides onboardings: webhooks received, the hourly budget of reads, turns of singleton jobs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Engine, Integer, Table, bindparam, cast, delete, or_, select, tuple_
from sqlalchemy.sql.dml import ReturningDelete

from portal.store.column_types import Unreadable
from portal.store.quick_reads import QuickReads
from portal.store.quick_select import QuickSelect
from portal.store.row_leases import moment
from portal.store.tables import (
    budgets,
    idempotency_keys,
    installation_history,
    start_counters,
    turns,
    webhook_deliveries,
)
from portal.store.transactions import Transactions, for_each_dialect, insert

_LIMIT = bindparam("limit", type_=Integer)
WEBHOOK = QuickSelect(webhook_deliveries.c.body_sha256, [webhook_deliveries.c.body_sha256])


def _delete_old(table: Table, age: ColumnElement[Any]) -> ReturningDelete[Any]:
    """The oldest rows, up to a limit. Processes that do the same at once take others."""
    old = select(*table.primary_key).where(age < moment("before")).order_by(age).limit(_LIMIT)
    those = old.with_for_update(skip_locked=True).cte("old")
    # Returned to be counted: for a statement that begins with WITH, SQLite's driver counts no rows.
    return delete(table).where(tuple_(*table.primary_key).in_(select(*those.c))).returning(age)


# Made once: building such a statement takes longer than executing it.
REMEMBER_WEBHOOK = for_each_dialect(lambda insert: insert(webhook_deliveries).on_conflict_do_nothing())
_NEXT_TURN = select(turns.c.next_at).where(turns.c.name == bindparam("name"))
_PURGE_WEBHOOKS = _delete_old(webhook_deliveries, webhook_deliveries.c.received_at)
_PURGE_COUNTERS = _delete_old(start_counters, start_counters.c.ends_at)
_PURGE_KEYS = _delete_old(idempotency_keys, idempotency_keys.c.created_at)
_PURGE_HISTORY = _delete_old(installation_history, installation_history.c.at)


def webhook_values(body_sha256: str, now: datetime) -> dict[str, Any]:
    """For `REMEMBER_WEBHOOK`."""
    return {"body_sha256": body_sha256, "received_at": now}


class SharedState:
    """Fills `portal.services.ports.SharedState`."""

    def __init__(self, engine: Engine, quick_reads: QuickReads | None = None) -> None:
        self._transactions = Transactions(engine)
        self._quick_reads = quick_reads or QuickReads(engine)

    def has_webhook(self, body_sha256: str) -> bool:
        return self._quick_reads.read(WEBHOOK, body_sha256) is not None

    def webhooks_nonblocking(self, body_sha256s: Sequence[str]) -> set[str]:
        return {body_sha256 for (body_sha256,) in self._quick_reads.read_nonblocking(WEBHOOK, body_sha256s)}

    def remember_webhook(self, body_sha256: str, now: datetime) -> None:
        with self._transactions.writing() as connection:
            connection.execute(REMEMBER_WEBHOOK[connection.dialect.name], webhook_values(body_sha256, now))

    def purge_webhooks(self, before: datetime, *, limit: int) -> int:
        return self._purge(_PURGE_WEBHOOKS, before, limit)

    def purge_idempotency_keys(self, before: datetime, *, limit: int) -> int:
        return self._purge(_PURGE_KEYS, before, limit)

    def purge_start_counters(self, before: datetime, *, limit: int) -> int:
        return self._purge(_PURGE_COUNTERS, before, limit)

    def purge_installation_history(self, before: datetime, *, limit: int) -> int:
        return self._purge(_PURGE_HISTORY, before, limit)

    def _purge(self, old: ReturningDelete[Any], before: datetime, limit: int) -> int:
        with self._transactions.writing() as connection:
            return len(connection.execute(old, {"before": before, "limit": limit}).all())

    def take_turn(self, name: str, now: datetime, *, every: timedelta) -> bool:
        next_at = now + every
        with self._transactions.writing() as connection:
            # A time further ahead comes from a clock that ran ahead.
            is_free = or_(turns.c.next_at <= now, turns.c.next_at > next_at)
            first = insert(connection, turns).values(name=name, next_at=next_at)
            later = first.on_conflict_do_update(index_elements=["name"], set_={"next_at": next_at}, where=is_free)
            return connection.scalar(later.returning(turns.c.name)) is not None

    def next_turn(self, name: str) -> datetime | None:
        with self._transactions.reading() as connection:
            found = connection.scalar(_NEXT_TURN, {"name": name})
        return None if isinstance(found, Unreadable) else found

    def set_turn(self, name: str, next_at: datetime) -> None:
        """For one that many processes wait for together, so nobody takes it."""
        with self._transactions.writing() as connection:
            first = insert(connection, turns).values(name=name, next_at=next_at)
            connection.execute(first.on_conflict_do_update(index_elements=["name"], set_={"next_at": next_at}))

    def spend(self, hour: datetime, limit: int) -> bool:
        if limit < 1:
            return False
        with self._transactions.writing() as connection:
            one = insert(connection, budgets).values(hour=hour, used=1)
            one_more = one.on_conflict_do_update(
                index_elements=["hour"], set_={"used": budgets.c.used + 1}, where=budgets.c.used < limit
            )
            return connection.scalar(one_more.returning(budgets.c.used)) is not None

    def spent(self, hour: datetime) -> int:
        with self._transactions.reading() as connection:
            return connection.scalar(select(cast(budgets.c.used, Integer)).where(budgets.c.hour == hour)) or 0
