"""Tables that workers claim rows from: a row is claimable when `due_at` has come and no lease on it runs.

A worker that dies leaves its lease behind; when the lease ends, the next worker takes the row.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

from sqlalchemy import BindParameter, ColumnElement, Connection, RowMapping, Table, and_, bindparam, or_, select, update

from portal.domain.sealed import SealedValue
from portal.services.meter import Meter
from portal.store.column_types import Unreadable, UtcDateTime
from portal.store.row_reader import UnreadableRow

T = TypeVar("T")

UNREADABLE_PAUSE = timedelta(hours=1)
SEALED_PAUSE = timedelta(seconds=5)
"""Until the next process tries, which may have the key."""
LONGEST_LEASE = timedelta(minutes=10)
"""A lease that ends later comes from a wrong clock and does not count."""
_INSTANT = timedelta(microseconds=1)

log = logging.getLogger(__name__)


def moment(name: str) -> BindParameter[datetime | Unreadable]:
    """A time that a statement is executed with."""
    return bindparam(name, type_=UtcDateTime())


class LeasedTable:
    """Conditions for statements that are executed with `moments`."""

    def __init__(self, table: Table, *, latest_due: timedelta) -> None:
        """A row that is due later than `latest_due` from now comes from a wrong clock and counts as due."""
        self._table = table
        self._latest_due = latest_due
        due_at, lease_until = table.c.due_at, table.c.lease_until
        now, too_late, too_long = moment("now"), moment("too_late"), moment("too_long")
        self.free: ColumnElement[bool] = or_(lease_until.is_(None), lease_until < now, lease_until > too_long)
        # Each says what follows from it, because SQLite otherwise leaves the index on the rows that are due at all.
        self.claimable_in_time = and_(due_at.is_not(None), due_at <= now, self.free)
        self.claimable_too_late = and_(due_at.is_not(None), due_at > too_late, self.free)
        # For the first ones in the order of `due_at`. If fewer are due, SQLite walks through all that wait; with an OR
        # of the two above it would sort all that are due instead, however few are wanted.
        self.claimable = and_(due_at.is_not(None), or_(due_at <= now, due_at > too_late), self.free)
        # In the order of `due_at`, so that an index is used.
        waiting = select(due_at, lease_until).where(due_at.is_not(None)).order_by(due_at)
        self._due = waiting.where(self.free, due_at <= now).limit(1)
        self._too_late = waiting.where(self.free, due_at > too_late).limit(1)
        self._leased = waiting.where(due_at <= now)
        self._next = waiting.where(due_at > now).limit(1)

    def moments(self, now: datetime) -> dict[str, datetime]:
        return {"now": now, "too_late": now + self._latest_due, "too_long": now + LONGEST_LEASE}

    def next_due(self, connection: Connection, now: datetime) -> datetime | None:
        """When the next row can be claimed, or earlier; not after `now` if one already can.

        Reads only rows that are due, and one more. So there is no index on `lease_until`, which each claim would write.
        """
        moments = self.moments(now)
        if first := connection.execute(self._due, moments).first():
            return _time(first.due_at, now)
        if connection.execute(self._too_late, moments).first():
            return now
        # Without a lease, it has become due or was given back since the first look.
        leases = (lease for _, lease in connection.execute(self._leased, moments))
        found = [now if lease is None else _time(lease, now) + _INSTANT for lease in leases]
        found += [_time(due, now) for due, _ in connection.execute(self._next, moments)]
        return min(found, default=None)

    def read_or_postpone(
        self,
        connection: Connection,
        rows: Sequence[RowMapping],
        read: Callable[[RowMapping], T],
        *,
        now: datetime,
        meter: Meter,
    ) -> list[T]:
        """Claimed rows, read; those for which `read` raises `UnreadableRow` are released and due again in an hour.

        Those for which it raises `SealedValue` are left for another process, which may have the key.
        """
        readable = []
        for row in rows:
            try:
                readable.append(read(row))
            except SealedValue:
                log.warning("%s %s: a key is missing here; left for another process", self._table.name[:-1], row["id"])
                self._postpone(connection, row, now + SEALED_PAUSE)
            except UnreadableRow as error:
                log.error("%s; tried again in %s", error, UNREADABLE_PAUSE)
                meter.count("unreadable_rows", table=self._table.name)
                self._postpone(connection, row, now + UNREADABLE_PAUSE)
        return readable

    def _postpone(self, connection: Connection, row: RowMapping, due_at: datetime) -> None:
        later = {"due_at": due_at, "lease_until": None}
        connection.execute(update(self._table).where(self._table.c.id == row["id"]).values(later))


def _time(stored: datetime | Unreadable | None, now: datetime) -> datetime:
    """`now` also for a lease that ended between two of the queries."""
    return stored if isinstance(stored, datetime) else now
