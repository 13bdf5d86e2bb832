"""Counts starts in the transaction that stores them; a start that is refused counts for nothing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from itertools import takewhile

from sqlalchemy import Connection, Executable, String, bindparam, case, literal, select, union_all

from portal.domain.errors import LimitReached
from portal.domain.start_limits import StartCounter
from portal.store.row_leases import moment
from portal.store.tables import start_counters
from portal.store.transactions import INSERTS


def count_start(connection: Connection, counters: Sequence[StartCounter], now: datetime) -> int:
    """How many starts came before from where this one does. Raises `LimitReached`."""
    first = list(takewhile(lambda it: not it.only_above, counters))
    used = _count(connection, first, now)
    is_above = any(it.effort_for(used[it.key]) for it in first)
    _count(connection, [it for it in counters[len(first) :] if is_above or not it.only_above], now)
    return used[first[0].key] - 1 if first else 0


def _count(connection: Connection, counters: Sequence[StartCounter], now: datetime) -> dict[str, int]:
    """How often each is used with this start, by its key."""
    if not counters:
        return {}
    values: dict[str, object] = {"now": now}
    for place, counter in enumerate(counters):
        values |= {f"key_{place}": counter.key, f"ends_at_{place}": now + counter.lasts}
    rows = {row.key: row for row in connection.execute(_one_more(connection.dialect.name, len(counters)), values)}
    for counter in counters:
        row = rows[counter.key]
        if not counter.admits(row.used):
            raise LimitReached(counter, row.used, row.ends_at)
    return {key: row.used for key, row in rows.items()}


@cache  # building such a statement takes longer than executing it
def _one_more(dialect: str, counters: int) -> Executable:
    """For all of them, because the work around a statement takes longer than its execution."""
    new = union_all(
        *(
            select(bindparam(f"key_{place}", type_=String), literal(1), moment(f"ends_at_{place}"))
            for place in range(counters)
        )
    )
    added = INSERTS[dialect](start_counters).from_select(["key", "used", "ends_at"], new)
    is_over = start_counters.c.ends_at <= moment("now")
    return added.on_conflict_do_update(
        index_elements=["key"],
        set_={
            "used": case((is_over, 1), else_=start_counters.c.used + 1),
            "ends_at": case((is_over, added.excluded.ends_at), else_=start_counters.c.ends_at),
        },
    ).returning(start_counters)
