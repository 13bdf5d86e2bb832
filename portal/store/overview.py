"""What is going on, in a few figures: for `portal status`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, Engine, Integer, String, and_, cast, func, or_, select, text

from portal.store.column_types import Unreadable
from portal.store.row_leases import LONGEST_LEASE
from portal.store.tables import budgets, events, history, mails, onboardings
from portal.store.transactions import Transactions

_MACHINES = text(
    "SELECT count(DISTINCT application_name) FROM pg_stat_activity"
    " WHERE datname = current_database() AND application_name LIKE 'portal@%' AND pid <> pg_backend_pid()"
)


_MAIL_TROUBLE = select(mails.c.outcome).where(mails.c.due_at.is_not(None)).order_by(mails.c.created_at).limit(1)


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
    unsent_mails: int
    """Mails that the server has not taken and that are still tried."""
    oldest_unsent_mail_at: datetime | None
    mail_trouble: str | None
    """What came of the last try of the oldest of them."""
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
            unsent_mails, oldest_unsent_mail_at = _unsent(connection)
            return Overview(
                stages=_stages(connection),
                due=due,
                oldest_due_at=oldest_due_at,
                running=_running(connection, now),
                undelivered=undelivered,
                oldest_undelivered_at=oldest_undelivered_at,
                unsent_mails=unsent_mails,
                oldest_unsent_mail_at=oldest_unsent_mail_at,
                mail_trouble=connection.scalar(_MAIL_TROUBLE),
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

    def stages_by_day(self, now: datetime, *, days: int) -> dict[str, list[int]]:
        """For each stage how many onboardings came to it, by day in UTC; the last is today."""
        first = (now - timedelta(days=days - 1)).replace(hour=0, minute=0, second=0, microsecond=0)
        counts: dict[str, list[int]] = {}
        with self._transactions.reading() as connection:
            day = func.substr(cast(history.c.at, String), 1, 10)
            if connection.dialect.name == "postgresql":
                day = func.to_char(func.timezone("UTC", history.c.at), "YYYY-MM-DD")
            changed = history.c.new_stage.is_distinct_from(history.c.old_stage)
            found = select(history.c.new_stage, day, func.count()).where(
                history.c.id >= _first_entry_since(connection, first), history.c.at >= first, changed
            )
            for stage, date, number in connection.execute(found.group_by(history.c.new_stage, day)):
                index = (datetime.fromisoformat(date).replace(tzinfo=UTC) - first).days
                if 0 <= index < days:
                    counts.setdefault(stage, [0] * days)[index] += number
        return counts


def figures_of(found: QueueFigures, now: datetime) -> dict[str, object]:
    """In words, for a page."""
    figures: dict[str, object] = {
        "steps due": f"{found.due}{_for(found.oldest_due_at, now)}",
        "steps being taken": found.running,
        "reads of gu1 this hour": found.reads_this_hour,
    }
    for partner, waiting in sorted(found.waiting.items()):
        figures[f"notifications to {partner}"] = f"{waiting.number} wait{_for(waiting.oldest_at, now)}"
    return figures


def _for(since: datetime | None, now: datetime) -> str:
    return f", the oldest for {timedelta(seconds=int((now - since).total_seconds()))}" if since else ""


def _first_entry_since(connection: Connection, moment: datetime) -> int:
    """By halving: entries are in the order of their ids, and no index on their time is worth its writes.

    Two processes may write entries in another order by moments, so it is an hour generous.
    """
    moment -= timedelta(hours=1)
    low, high = connection.execute(select(func.min(history.c.id), func.max(history.c.id))).one()
    if low is None:
        return 0
    while low < high:
        middle = (low + high) // 2
        entry = select(history.c.id, history.c.at).where(history.c.id >= middle).order_by(history.c.id).limit(1)
        found = connection.execute(entry).one()
        if isinstance(found.at, Unreadable) or found.at >= moment:
            high = middle
        else:
            low = found.id + 1
    return int(low)


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


def _unsent(connection: Connection) -> tuple[int, datetime | None]:
    waiting = mails.c.due_at.is_not(None)
    return _counted(connection.execute(select(func.count(), func.min(mails.c.created_at)).where(waiting)).one())


def _counted(row: tuple[int, datetime | Unreadable | None]) -> tuple[int, datetime | None]:
    number, oldest = row
    return number, None if isinstance(oldest, Unreadable) else oldest
