"""Onboardings at which something falls due by time alone."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Engine, select, update

from portal.store.tables import onboardings
from portal.store.transactions import Transactions


class ReminderQueue:
    """Fills `portal.services.reminders.ReminderQueue`."""

    def __init__(self, engine: Engine) -> None:
        self._transactions = Transactions(engine)

    def claim_reminders(self, now: datetime, *, again_at: datetime, limit: int) -> list[str]:
        remind_at = onboardings.c.reminder_due_at
        due = select(onboardings.c.id).where(remind_at.is_not(None), remind_at <= now).order_by(remind_at).limit(limit)
        those = due.with_for_update(skip_locked=True).cte("due")
        statement = update(onboardings).where(onboardings.c.id.in_(select(those.c.id)))
        with self._transactions.writing() as connection:
            return list(connection.scalars(statement.values(reminder_due_at=again_at).returning(onboardings.c.id)))
