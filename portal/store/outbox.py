"""Notifications for partners' backends: stored in the transaction of each change, kept until delivered."""

from __future__ import annotations

import json
import logging
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import fields
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    Engine,
    Integer,
    RowMapping,
    Update,
    and_,
    bindparam,
    case,
    cast,
    delete,
    func,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.sql.dml import ReturningUpdate

from portal.domain.onboarding import Onboarding
from portal.services.meter import Meter, NoMeter
from portal.services.notification import Event, Notice
from portal.store.column_types import UtcDateTime
from portal.store.restores import SEQUENCES, last_before
from portal.store.row_leases import LeasedTable, moment
from portal.store.row_reader import RowReader, UnreadableRow
from portal.store.tables import events, onboardings
from portal.store.transactions import Transactions, insert

_leased = LeasedTable(events, latest_due=timedelta(days=2))
_reader = RowReader(events, [*(it.name for it in fields(Event) if it.name != "summary"), "payload"])

_SLICE = 500
_LIMIT = bindparam("limit", type_=Integer)

log = logging.getLogger(__name__)


def _claim() -> ReturningUpdate[Any]:
    due = select(events.c.id).where(events.c.partner == bindparam("claimed_for"), _leased.claimable)
    first = due.order_by(events.c.due_at).limit(_LIMIT)
    # A CTE that locks rows is evaluated once; as a plain sub-select PostgreSQL may repeat it past the limit.
    locked = first.with_for_update(skip_locked=True).cte("due")
    claimed = update(events).where(events.c.id.in_(select(locked.c.id)))
    return claimed.values(lease_until=moment("claimed_until")).returning(*events.c)


_CLAIM = _claim()
_DUE_PARTNERS = select(events.c.partner).where(or_(_leased.claimable_in_time, _leased.claimable_too_late)).distinct()


def _number(column: ColumnElement[int]) -> ColumnElement[int]:
    """0 for text, which SQLite may hold in a column of integers."""
    return cast(column, Integer)


_STORED = (
    select(func.max(_number(events.c.sequence))).where(events.c.onboarding_id == onboardings.c.id).scalar_subquery()
)
_LAST_SEQUENCES = select(
    _STORED.label("stored"), _number(onboardings.c.last_event).label("purged"), last_before.label("restore")
).where(onboardings.c.id == bindparam("id"))


def add_event(connection: Connection, onboarding: Onboarding, notice: Notice) -> None:
    """Needs the transaction that holds the onboarding's lock, so that `sequence` has no gap.

    But after a restore: its partner may have seen numbers that the backup does not have.
    """
    last = connection.execute(_LAST_SEQUENCES, {"id": onboarding.id}).one()
    values = {
        "id": f"evt_{secrets.token_urlsafe(16)}",
        "partner": onboarding.partner,
        "onboarding_id": onboarding.id,
        "sequence": max(last.stored or 0, last.purged, (last.restore or 0) * SEQUENCES) + 1,
        "type": notice.type,
        "payload": notice.payload,
        "created_at": notice.at,
        "due_at": notice.at,
        "attempts": 0,
    }
    connection.execute(insert(connection, events), values)


def find_event(connection: Connection, onboarding_id: str, event_id: str) -> Event | None:
    row = connection.execute(select(events).where(_this(onboarding_id, event_id))).mappings().first()
    return _event(row) if row else None


def resend_event(connection: Connection, onboarding_id: str, event_id: str, now: datetime) -> Event | None:
    again = _again(_this(onboarding_id, event_id), now)
    row = connection.execute(again.returning(*events.c)).mappings().first()
    return _event(row) if row else None


def _this(onboarding_id: str, event_id: str) -> ColumnElement[bool]:
    return and_(events.c.id == event_id, events.c.onboarding_id == onboarding_id)


class Outbox:
    """Fills `portal.services.ports.Outbox`."""

    def __init__(self, engine: Engine, meter: Meter | None = None) -> None:
        self._meter = meter or NoMeter()
        self._transactions = Transactions(engine)

    def next_due(self, now: datetime) -> datetime | None:
        with self._transactions.reading() as connection:
            return _leased.next_due(connection, now)

    def due_partners(self, now: datetime) -> list[str]:
        with self._transactions.reading() as connection:
            return list(connection.scalars(_DUE_PARTNERS, _leased.moments(now)))

    def claim(self, partner: str, *, now: datetime, lease_until: datetime, limit: int) -> list[Event]:
        values = _leased.moments(now) | {"claimed_for": partner, "claimed_until": lease_until, "limit": limit}
        with self._transactions.writing() as connection:
            rows = connection.execute(_CLAIM, values).mappings().all()
            claimed = _leased.read_or_postpone(connection, rows, _event, now=now, meter=self._meter)
        return sorted(claimed, key=lambda event: (event.due_at or now, event.onboarding_id, event.sequence))

    def delivered(self, claimed: Event, *, now: datetime, outcome: str) -> None:
        self._settle(claimed, delivered_at=now, due_at=None, attempts=events.c.attempts + 1, outcome=outcome)

    def retry_later(self, claimed: Event, *, due_at: datetime | None, outcome: str) -> None:
        # If it was resent meanwhile, it stays due.
        planned = case((events.c.due_at == claimed.due_at, literal(due_at, UtcDateTime)), else_=events.c.due_at)
        self._settle(claimed, due_at=planned, attempts=events.c.attempts + 1, outcome=outcome)

    def release(self, claimed: Event) -> None:
        self._settle(claimed)

    def postpone_all(self, partner: str, *, now: datetime, until: datetime, outcome: str) -> None:
        due = update(events).where(events.c.partner == partner, _leased.claimable)
        later = due.values(due_at=until, lease_until=None, outcome=outcome)
        with self._transactions.writing() as connection:
            connection.execute(later, _leased.moments(now))

    def list_events(self, partner: str | None, *, undelivered_only: bool, limit: int) -> list[Event]:
        newest = select(events).order_by(events.c.created_at.desc(), events.c.sequence.desc()).limit(limit)
        if partner is not None:
            newest = newest.where(events.c.partner == partner)
        if undelivered_only:
            newest = newest.where(events.c.delivered_at.is_(None))
        with self._transactions.reading() as connection:
            rows = connection.execute(newest).mappings().all()
        return list(_readable(rows))

    def events_of(self, onboarding_id: str, *, limit: int) -> list[Event]:
        newest = select(events).where(events.c.onboarding_id == onboarding_id).order_by(events.c.sequence.desc())
        with self._transactions.reading() as connection:
            rows = connection.execute(newest.limit(limit)).mappings().all()
        return list(reversed(list(_readable(rows))))

    def resend(self, event_ids: Sequence[str], now: datetime) -> set[str]:
        return set(self._make_due(events.c.id.in_(event_ids), now))

    def resend_undelivered(self, partner: str, now: datetime) -> Iterator[int]:
        """Slice by slice; yields how many events each had. Can be interrupted and repeated."""
        undelivered = and_(events.c.partner == partner, events.c.delivered_at.is_(None))
        with self._transactions.reading() as connection:
            ids = connection.scalars(select(events.c.id).where(undelivered)).all()
        for start in range(0, len(ids), _SLICE):
            slice_ = events.c.id.in_(ids[start : start + _SLICE])
            # What was delivered meanwhile is not sent again.
            yield len(self._make_due(and_(slice_, events.c.delivered_at.is_(None)), now))

    def purge_delivered(self, before: datetime, *, limit: int) -> int:
        with self._transactions.writing() as connection:
            # Locks the onboardings first, as every writer of their events does.
            owners = connection.scalars(_OWNERS_OF_OLD, {"before": before, "limit": limit}).all()
            connection.execute(_KEEP_SEQUENCE, {"ids": owners})
            return connection.execute(_PURGE, {"ids": owners, "before": before}).rowcount

    def _settle(self, claimed: Event, **values: object) -> None:
        """Only if the lease of this claim still stands."""
        ours = and_(events.c.id == claimed.id, events.c.lease_until == claimed.lease_until)
        with self._transactions.writing() as connection:
            connection.execute(update(events).where(ours).values(lease_until=None, **values))

    def _make_due(self, which: ColumnElement[bool], now: datetime) -> Sequence[str]:
        with self._transactions.writing() as connection:
            return connection.scalars(_again(which, now).returning(events.c.id)).all()


def _again(which: ColumnElement[bool], now: datetime) -> Update:
    # The lease stays: a delivery that is under way may finish.
    return update(events).where(which).values(due_at=now, attempts=0, delivered_at=None)


_IS_OLD = and_(events.c.delivered_at.is_not(None), events.c.delivered_at < moment("before"), events.c.due_at.is_(None))
_OLD = select(events.c.onboarding_id).where(_IS_OLD).order_by(events.c.delivered_at).limit(_LIMIT)
_OWNERS_OF_OLD = select(onboardings.c.id).where(onboardings.c.id.in_(_OLD)).with_for_update(skip_locked=True)
_THOSE: BindParameter[str] = bindparam("ids", expanding=True)
_KEEP_SEQUENCE = (
    update(onboardings)
    .where(onboardings.c.id.in_(_THOSE), onboardings.c.last_event < func.coalesce(_STORED, 0))
    .values(last_event=_STORED)
)
_PURGE = delete(events).where(events.c.onboarding_id.in_(_THOSE), _IS_OLD)


def _readable(rows: Sequence[RowMapping]) -> Iterator[Event]:
    for row in rows:
        try:
            yield _event(row)
        except UnreadableRow as error:
            log.error("%s", error)


def _event(row: RowMapping) -> Event:
    try:
        values = _reader.read(row)
        summary = _json_object(values.pop("payload"))
    except ValueError as error:
        raise UnreadableRow(f"event {row['id']} cannot be read back: {error}") from None
    return Event(**values, summary=summary)


def _json_object(payload: str) -> dict[str, object]:
    """Raises `ValueError`."""
    try:
        value = json.loads(payload)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise ValueError("payload")
    return value
