"""The statement that claims due onboardings, and its order: nobody's page waits for a partner's bulk."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CTE, ColumnElement, Integer, and_, func, literal, null, select, union_all, update
from sqlalchemy.sql.dml import ReturningUpdate

from portal.domain.timings import LONGEST_WAIT
from portal.services.view_recorder import WATCHED_FOR
from portal.store.row_leases import LeasedTable
from portal.store.tables import onboardings

leased_onboardings = LeasedTable(onboardings, latest_due=2 * LONGEST_WAIT)


def claim_due(*, now: datetime, lease_until: datetime, limit: int) -> ReturningUpdate[tuple[str]]:
    """Returns the ids. First what an applicant has submitted, then what one is looking at, then all the rest.

    The rest are lookups for links that nobody has opened: a partner may create thousands at once.
    """
    due_at, free = onboardings.c.due_at, leased_onboardings.free(now)
    # Keeps SQLite from using the index on `due_at`, where it would walk through those very thousands.
    unindexed = func.coalesce(due_at, null())
    claimed: list[CTE] = []
    for name, condition, order in (
        ("submitted", and_(due_at <= now, free, onboardings.c.current_validation.is_not(None)), due_at),
        ("watched", and_(unindexed <= now, free, onboardings.c.watched_at >= now - WATCHED_FOR), unindexed),
        ("due", leased_onboardings.claimable(now), due_at),
    ):
        claimed.append(_locked(name, condition, order, limit, claimed))
    ids = union_all(*(select(cte.c.id) for cte in claimed)).subquery()
    return (
        update(onboardings)
        .where(onboardings.c.id.in_(select(ids.c.id).limit(limit)))  # the limit again, for PostgreSQL's plan
        .values(fence=onboardings.c.fence + 1, lease_until=lease_until)
        .returning(onboardings.c.id)
    )


def _locked(name: str, condition: ColumnElement[bool], order: ColumnElement[Any], limit: int, before: list[CTE]) -> CTE:
    """Up to `limit`, less what the CTEs `before` found."""
    room: ColumnElement[int] = literal(limit, Integer)
    ids = select(onboardings.c.id).where(condition).order_by(order)
    for cte in before:
        room -= select(func.count()).select_from(cte).scalar_subquery()
        ids = ids.where(onboardings.c.id.not_in(select(cte.c.id)))
    # A CTE that locks rows is evaluated once; as a plain sub-select PostgreSQL may repeat it past the limit.
    return ids.limit(room).with_for_update(skip_locked=True).cte(name)
