"""Which onboardings are due and free: the statement that takes some of them, and when the next can be taken."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    CTE,
    ColumnElement,
    Connection,
    Integer,
    and_,
    func,
    literal,
    null,
    or_,
    select,
    union_all,
    update,
)
from sqlalchemy.sql.dml import ReturningUpdate

from portal.domain.timings import LONGEST_WAIT
from portal.services.onboardings import WATCHED_FOR
from portal.store.column_types import Unreadable
from portal.store.tables import onboardings

_INSTANT = timedelta(microseconds=1)
_FARTHEST_DUE = 2 * LONGEST_WAIT
_LONGEST_LEASE = timedelta(minutes=10)


def claim_due(*, now: datetime, lease_until: datetime, limit: int) -> ReturningUpdate[tuple[str]]:
    """First what somebody has submitted, then what somebody looks at, then look-ups for links that nobody opened yet.

    So one partner's thousand customer_onboardings hold up no person.
    """
    due_at, free = onboardings.c.due_at, _unheld(now)
    # Not by the index of `due_at`, in which SQLite would go through the very customer_onboardings that are to wait.
    unindexed = func.coalesce(due_at, null())
    taken: list[CTE] = []
    for name, condition, order in (
        ("submitted", and_(due_at <= now, free, onboardings.c.current_validation.is_not(None)), due_at),
        ("watched", and_(unindexed <= now, free, onboardings.c.watched_at >= now - WATCHED_FOR), unindexed),
        ("due", and_(_due(now), free), due_at),
    ):
        taken.append(_locked(name, condition, order, limit, taken))
    ids = union_all(*(select(cte.c.id) for cte in taken)).subquery()
    return (
        update(onboardings)
        .where(onboardings.c.id.in_(select(ids.c.id).limit(limit)))  # told once more, for PostgreSQL's plan
        .values(fence=onboardings.c.fence + 1, lease_until=lease_until)
        .returning(onboardings.c.id)
    )


def next_due(connection: Connection, now: datetime) -> datetime | None:
    """The earliest moment at which some onboarding can be claimed; in the past where one is overdue."""
    waiting = select(onboardings.c.due_at).where(onboardings.c.due_at.is_not(None))
    free = waiting.where(_unheld(now)).order_by(onboardings.c.due_at).limit(1)
    astray = waiting.where(_unheld(now), onboardings.c.due_at > now + _FARTHEST_DUE).limit(1)
    held = waiting.add_columns(onboardings.c.lease_until).where(
        onboardings.c.lease_until.between(now, now + _LONGEST_LEASE)
    )
    moments = list(connection.scalars(free))
    moments += [now for _ in connection.scalars(astray)]
    for due_at, lease_until in connection.execute(held):
        moments.append(max(_or(now, due_at), _or(now, lease_until) + _INSTANT))
    return min((_or(now, moment) for moment in moments), default=None)


def _locked(name: str, condition: ColumnElement[bool], order: ColumnElement[Any], limit: int, before: list[CTE]) -> CTE:
    """As many as those `before` leave room for."""
    room: ColumnElement[int] = literal(limit, Integer)
    ids = select(onboardings.c.id).where(condition).order_by(order)
    for cte in before:
        room -= select(func.count()).select_from(cte).scalar_subquery()
        ids = ids.where(onboardings.c.id.not_in(select(cte.c.id)))
    # A CTE that locks rows is evaluated once; as a plain sub-select PostgreSQL may repeat it past the limit.
    return ids.limit(room).with_for_update(skip_locked=True).cte(name)


def _or(now: datetime, moment: datetime | Unreadable) -> datetime:
    return now if isinstance(moment, Unreadable) else moment


def _due(now: datetime) -> ColumnElement[bool]:
    return or_(onboardings.c.due_at <= now, onboardings.c.due_at > now + _FARTHEST_DUE)


def _unheld(now: datetime) -> ColumnElement[bool]:
    lease_until = onboardings.c.lease_until
    return or_(lease_until.is_(None), lease_until < now, lease_until > now + _LONGEST_LEASE)
