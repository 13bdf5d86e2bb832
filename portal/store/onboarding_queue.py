"""The statement that claims due onboardings, and its order: nobody's page waits for a partner's bulk."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    CTE,
    ColumnElement,
    Integer,
    and_,
    bindparam,
    func,
    literal_column,
    not_,
    null,
    select,
    union_all,
    update,
)
from sqlalchemy.sql.dml import ReturningUpdate

from portal.domain.timings import LONGEST_WAIT
from portal.services.view_recorder import WATCHED_FOR
from portal.store.row_leases import LeasedTable, moment
from portal.store.tables import onboardings

leased_onboardings = LeasedTable(onboardings, latest_due=2 * LONGEST_WAIT)

_LIMIT = bindparam("limit", type_=Integer)


def claim_values(*, now: datetime, lease_until: datetime, limit: int) -> dict[str, Any]:
    """What `CLAIM_DUE` is executed with."""
    own = {"claimed_until": lease_until, "watched_since": now - WATCHED_FOR, "limit": limit}
    return leased_onboardings.moments(now) | own


def _claim_due() -> ReturningUpdate[tuple[str]]:
    due_at, free, now = onboardings.c.due_at, leased_onboardings.free, moment("now")
    # Keeps SQLite from using the index on `due_at`, where it would walk through those very thousands.
    unindexed = func.coalesce(due_at, null())
    # As the indexes have it: SQLite uses a partial index only if the query says its condition.
    earlier_starts, zero = onboardings.c.earlier_starts, literal_column("0", Integer)
    is_calm = and_(onboardings.c.current_validation.is_not(None), due_at.is_not(None), earlier_starts == zero)
    is_flood = and_(earlier_starts > zero, due_at.is_not(None))
    is_unsubmitted = and_(onboardings.c.current_validation.is_(None), due_at.is_not(None))
    is_watched = and_(onboardings.c.watched_at >= moment("watched_since"), is_unsubmitted, not_(is_flood))
    claimed: list[CTE] = []
    for name, condition, order in (
        ("submitted", and_(due_at <= now, free, is_calm), (due_at,)),
        ("watched", and_(unindexed <= now, free, is_watched), (unindexed,)),
        ("flood", and_(due_at <= now, free, is_flood), (earlier_starts, due_at)),
        ("due", leased_onboardings.claimable_in_time, (due_at,)),
        ("too_late", leased_onboardings.claimable_too_late, (due_at,)),
    ):
        claimed.append(_locked(name, condition, order, claimed))
    ids = union_all(*(select(cte.c.id) for cte in claimed)).subquery()
    return (
        update(onboardings)
        .where(onboardings.c.id.in_(select(ids.c.id).limit(_LIMIT)))  # the limit again, for PostgreSQL's plan
        .values(fence=onboardings.c.fence + 1, lease_until=moment("claimed_until"))
        .returning(onboardings.c.id)
    )


def _locked(name: str, condition: ColumnElement[bool], order: tuple[ColumnElement[Any], ...], before: list[CTE]) -> CTE:
    """Up to the limit, less what the CTEs `before` found."""
    room: ColumnElement[int] = _LIMIT
    ids = select(onboardings.c.id).where(condition).order_by(*order)
    for cte in before:
        room -= select(func.count()).select_from(cte).scalar_subquery()
        ids = ids.where(onboardings.c.id.not_in(select(cte.c.id)))
    # A CTE that locks rows is evaluated once; as a plain sub-select PostgreSQL may repeat it past the limit.
    return ids.limit(room).with_for_update(skip_locked=True).cte(name)


CLAIM_DUE = _claim_due()
"""Returns the ids. First what an applicant has submitted, then what one is looking at, then all the rest.

Of what is looked at, only what was not submitted is searched: thousands may be looking at a page that waits for gu1.

Of the starts from one address within an hour, each but the first waits behind everybody's earlier ones, so that a
flood holds up only itself. The rest are lookups for links that nobody has opened: a partner may create thousands at
once.
"""
