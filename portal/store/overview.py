"""What is going on, in a few figures: for `portal status`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine, func, or_, select, text

from portal.store.column_types import Unreadable
from portal.store.row_leases import LONGEST_LEASE
from portal.store.tables import budgets, events, history, onboardings
from portal.store.transactions import Transactions

_MACHINES = text(
    "SELECT count(DISTINCT application_name) FROM pg_stat_activity"
    " WHERE datname = current_database() AND application_name LIKE 'portal@%' AND pid <> pg_backend_pid()"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    stages: dict[str, int]
    """How many onboardings last changed to each stage."""
    due: int
    """Steps whose time has come and that nobody works on."""
    oldest_due_at: datetime | None
    running: int
    undelivered: int
    """Notifications that partners have not accepted and that are still tried."""
    oldest_undelivered_at: datetime | None
    reads_this_hour: int
    """What refreshes have spent of GU1_HOURLY_BUDGET."""
    machines: int | None
    """On which processes of the portal are connected; None on SQLite, which cannot tell."""


class OverviewReader:
    def __init__(self, engine: Engine) -> None:
        self._transactions = Transactions(engine)

    def read(self, now: datetime) -> Overview:
        """Raises `StoreUnavailable`. Reads each onboarding's last change, which takes seconds for millions of them."""
        with self._transactions.reading() as connection:
            due, oldest_due_at = _due(connection, now)
            undelivered, oldest_undelivered_at = _undelivered(connection)
            is_running = (onboardings.c.lease_until >= now, onboardings.c.lease_until <= now + LONGEST_LEASE)
            hour = now.replace(minute=0, second=0, microsecond=0)
            return Overview(
                stages=_stages(connection),
                due=due,
                oldest_due_at=oldest_due_at,
                running=connection.scalar(select(func.count()).select_from(onboardings).where(*is_running)) or 0,
                undelivered=undelivered,
                oldest_undelivered_at=oldest_undelivered_at,
                reads_this_hour=connection.scalar(select(budgets.c.used).where(budgets.c.hour == hour)) or 0,
                machines=connection.scalar(_MACHINES) if connection.dialect.name == "postgresql" else None,
            )


def _stages(connection: Connection) -> dict[str, int]:
    last = select(func.max(history.c.id)).group_by(history.c.onboarding_id)
    counted = select(history.c.new_stage, func.count()).where(history.c.id.in_(last)).group_by(history.c.new_stage)
    return {row[0]: row[1] for row in connection.execute(counted.order_by(history.c.new_stage))}


def _due(connection: Connection, now: datetime) -> tuple[int, datetime | None]:
    is_free = or_(onboardings.c.lease_until.is_(None), onboardings.c.lease_until < now)
    found = select(func.count(), func.min(onboardings.c.due_at)).where(onboardings.c.due_at <= now, is_free)
    return _counted(connection.execute(found).one())


def _undelivered(connection: Connection) -> tuple[int, datetime | None]:
    waiting = events.c.due_at.is_not(None)
    return _counted(connection.execute(select(func.count(), func.min(events.c.created_at)).where(waiting)).one())


def _counted(row: tuple[int, datetime | Unreadable | None]) -> tuple[int, datetime | None]:
    number, oldest = row
    return number, None if isinstance(oldest, Unreadable) else oldest
