"""What replicas share besides onboardings: webhooks received, and the hourly budget of reads at gu1."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Engine, Integer, cast, delete, select

from portal.store.tables import budgets, idempotency_keys, webhook_deliveries
from portal.store.transactions import Transactions, insert


class SharedState:
    """Fills `portal.services.ports.Notes`."""

    def __init__(self, engine: Engine) -> None:
        self._transactions = Transactions(engine)

    def knows_webhook(self, body_sha256: str) -> bool:
        query = select(webhook_deliveries.c.body_sha256).where(webhook_deliveries.c.body_sha256 == body_sha256)
        with self._transactions.reading() as connection:
            return connection.scalar(query) is not None

    def remember_webhook(self, body_sha256: str, now: datetime) -> None:
        delivery = {"body_sha256": body_sha256, "received_at": now}
        with self._transactions.writing() as connection:
            connection.execute(insert(connection, webhook_deliveries).values(delivery).on_conflict_do_nothing())

    def purge_webhooks(self, before: datetime) -> None:
        with self._transactions.writing() as connection:
            connection.execute(delete(webhook_deliveries).where(webhook_deliveries.c.received_at < before))

    def purge_idempotency_keys(self, before: datetime) -> None:
        with self._transactions.writing() as connection:
            connection.execute(delete(idempotency_keys).where(idempotency_keys.c.created_at < before))

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
