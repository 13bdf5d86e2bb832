"""Counts starts in the transaction that stores them; a start that is refused counts for nothing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, Executable, case

from portal.domain.errors import LimitReached
from portal.domain.start_limits import StartCounter
from portal.store.row_leases import moment
from portal.store.tables import start_counters
from portal.store.transactions import Insert, for_each_dialect


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


def _one_more(first: Insert) -> Executable:
    is_over = start_counters.c.ends_at <= moment("now")
    return first.on_conflict_do_update(
        index_elements=["key"],
        set_={
            "used": case((is_over, 1), else_=start_counters.c.used + 1),
            "ends_at": case((is_over, first.excluded.ends_at), else_=start_counters.c.ends_at),
        },
    ).returning(start_counters.c.used, start_counters.c.ends_at)


# Made once: building such a statement takes longer than executing it.
_ONE_MORE = for_each_dialect(lambda insert: _one_more(insert(start_counters)))


def _count(connection: Connection, counter: StartCounter, now: datetime) -> int:
    values = {"key": counter.key, "used": 1, "ends_at": now + counter.lasts, "now": now}
    row = connection.execute(_ONE_MORE[connection.dialect.name], values).one()
    if not counter.admits(row.used):
        raise LimitReached(counter, row.used, row.ends_at)
    return int(row.used)
