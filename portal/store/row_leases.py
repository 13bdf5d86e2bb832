"""Tables that workers claim rows from: a row is claimable when `due_at` has come and no lease on it runs.

A worker that dies leaves its lease behind; when the lease ends, the next worker takes the row.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

from sqlalchemy import ColumnElement, Connection, RowMapping, Table, and_, or_, select, update

from portal.store.column_types import Unreadable
from portal.store.row_reader import UnreadableRow

T = TypeVar("T")

UNREADABLE_PAUSE = timedelta(hours=1)
LONGEST_LEASE = timedelta(minutes=10)
"""A lease that ends later comes from a wrong clock and does not count."""
_INSTANT = timedelta(microseconds=1)

log = logging.getLogger(__name__)


class LeasedTable:
    def __init__(self, table: Table, *, latest_due: timedelta) -> None:
        """A row that is due later than `latest_due` from now comes from a wrong clock and counts as due."""
        self._table = table
        self._latest_due = latest_due

    def due(self, now: datetime) -> ColumnElement[bool]:
        due_at = self._table.c.due_at
        return or_(due_at <= now, due_at > now + self._latest_due)

    def free(self, now: datetime) -> ColumnElement[bool]:
        lease_until = self._table.c.lease_until
        return or_(lease_until.is_(None), lease_until < now, lease_until > now + LONGEST_LEASE)

    def claimable(self, now: datetime) -> ColumnElement[bool]:
        return and_(self.due(now), self.free(now))

    def next_due(self, connection: Connection, now: datetime) -> datetime | None:
        """When the next row can be claimed; not after `now` if one already can."""
        due_at, lease_until = self._table.c.due_at, self._table.c.lease_until
        # In the order of `due_at`, so that SQLite uses its index and skips the many rows that are not due any more.
        waiting = select(due_at, lease_until).where(due_at.is_not(None)).order_by(due_at)
        first = waiting.where(self.free(now)).limit(1)
        too_late = waiting.where(self.free(now), due_at > now + self._latest_due).limit(1)
        leased = waiting.where(lease_until.between(now, now + LONGEST_LEASE))
        moments = [_moment(due, now) for due, _ in connection.execute(first)]
        if moments and moments[0] <= now:
            return moments[0]
        moments += [now for _ in connection.execute(too_late)]
        moments += [max(_moment(due, now), _moment(lease, now) + _INSTANT) for due, lease in connection.execute(leased)]
        return min(moments, default=None)

    def read_or_postpone(
        self, connection: Connection, rows: Sequence[RowMapping], read: Callable[[RowMapping], T], now: datetime
    ) -> list[T]:
        """Claimed rows, read; those for which `read` raises `UnreadableRow` are released and due again in an hour."""
        readable = []
        for row in rows:
            try:
                readable.append(read(row))
            except UnreadableRow as error:
                log.error("%s; tried again in %s", error, UNREADABLE_PAUSE)
                later = {"due_at": now + UNREADABLE_PAUSE, "lease_until": None}
                connection.execute(update(self._table).where(self._table.c.id == row["id"]).values(later))
        return readable


def _moment(stored: datetime | Unreadable, now: datetime) -> datetime:
    return now if isinstance(stored, Unreadable) else stored
