"""What is going on, in a few figures: for `portal status`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine, Integer, and_, cast, func, or_, select, text

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


@dataclass(frozen=True, slots=True)
class Waiting:
    """Notifications that one partner has not accepted yet."""

    number: int
    oldest_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueFigures:
    """What is cheap to know of the work, however many onboardings are finished."""

    due: int
    oldest_due_at: datetime | None
    running: int
    waiting: dict[str, Waiting]
    """By partner."""
    reads_this_hour: int


class OverviewReader:
    def __init__(self, engine: Engine) -> None:
        self._transactions = Transactions(engine)

    def read(self, now: datetime) -> Overview:
        """Raises `StoreUnavailable`. Reads each onboarding's last change, which takes seconds for millions of them."""
        with self._transactions.reading() as connection:
            due, oldest_due_at = _due(connection, now)
            undelivered, oldest_undelivered_at = _undelivered(connection)
            return Overview(
                stages=_stages(connection),
                due=due,
                oldest_due_at=oldest_due_at,
                running=_running(connection, now),
                undelivered=undelivered,
                oldest_undelivered_at=oldest_undelivered_at,
                reads_this_hour=_reads_this_hour(connection, now),
                machines=connection.scalar(_MACHINES) if connection.dialect.name == "postgresql" else None,
            )

    def read_queue(self, now: datetime) -> QueueFigures:
        """Raises `StoreUnavailable`."""
        with self._transactions.reading() as connection:
            due, oldest_due_at = _due(connection, now)
            return QueueFigures(
                due=due,
                oldest_due_at=oldest_due_at,
                running=_running(connection, now),
                waiting={row[0]: Waiting(*_counted((row[1], row[2]))) for row in connection.execute(_WAITING)},
                reads_this_hour=_reads_this_hour(connection, now),
            )


_WAITING = (
    select(events.c.partner, func.count(), func.min(events.c.created_at))
    .where(events.c.due_at.is_not(None))
    .group_by(events.c.partner)
)


def _running(connection: Connection, now: datetime) -> int:
    # What is leased is due: by the index of what waits, instead of a walk through the table.
    lease = onboardings.c.lease_until
    running = and_(onboardings.c.due_at <= now, lease >= now, lease <= now + LONGEST_LEASE)
    return connection.scalar(select(func.count()).select_from(onboardings).where(running)) or 0


def _reads_this_hour(connection: Connection, now: datetime) -> int:
    hour = now.replace(minute=0, second=0, microsecond=0)
    return connection.scalar(select(cast(budgets.c.used, Integer)).where(budgets.c.hour == hour)) or 0


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
