"""Counts starts in the transaction that stores them; a start that is refused counts for nothing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, case

from portal.domain.errors import LimitReached
from portal.domain.start_limits import StartCounter
from portal.store.tables import start_counters
from portal.store.transactions import insert


def count_start(connection: Connection, counters: Sequence[StartCounter], now: datetime) -> int:
    """How many starts came before from where this one does. Raises `LimitReached`."""
    before, is_above = 0, False
    for place, counter in enumerate(counters):
        if counter.only_above and not is_above:
            continue
        used = _count(connection, counter, now)
        is_above = is_above or counter.effort_for(used) > 0
        before = before if place else used - 1
    return before


def _count(connection: Connection, counter: StartCounter, now: datetime) -> int:
    first = insert(connection, start_counters).values(key=counter.key, used=1, ends_at=now + counter.lasts)
    is_over = start_counters.c.ends_at <= now
    one_more = first.on_conflict_do_update(
        index_elements=["key"],
        set_={
            "used": case((is_over, 1), else_=start_counters.c.used + 1),
            "ends_at": case((is_over, first.excluded.ends_at), else_=start_counters.c.ends_at),
        },
    ).returning(start_counters.c.used, start_counters.c.ends_at)
    row = connection.execute(one_more).one()
    if not counter.admits(row.used):
        raise LimitReached(counter, row.used, row.ends_at)
    return int(row.used)
