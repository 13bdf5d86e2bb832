"""Notifications for partners' backends: stored in the transaction of each change, kept until delivered."""

from __future__ import annotations

import json
import logging
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import fields
from datetime import datetime, timedelta

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Integer,
    RowMapping,
    and_,
    case,
    cast,
    delete,
    func,
    literal,
    select,
    update,
)

from portal.domain.onboarding import Onboarding
from portal.services.notification import Event
from portal.store.column_types import UtcDateTime
from portal.store.row_leases import LeasedTable
from portal.store.row_reader import RowReader, UnreadableRow
from portal.store.tables import events
from portal.store.transactions import Transactions, insert

_leased = LeasedTable(events, latest_due=timedelta(days=2))
_reader = RowReader(events, [*(it.name for it in fields(Event) if it.name != "summary"), "payload"])

log = logging.getLogger(__name__)


def add_event(connection: Connection, onboarding: Onboarding, payload: str) -> None:
    """Needs the transaction that holds the onboarding's lock, so that `sequence` has no gap."""
    last = select(func.max(_number(events.c.sequence))).where(events.c.onboarding_id == onboarding.id)
    values = {
        "id": f"evt_{secrets.token_urlsafe(16)}",
        "partner": onboarding.partner,
        "onboarding_id": onboarding.id,
        "sequence": (connection.scalar(last) or 0) + 1,
        "payload": payload,
        "created_at": onboarding.updated_at,
        "due_at": onboarding.updated_at,
        "attempts": 0,
    }
    connection.execute(insert(connection, events).values(values))


class Outbox:
    """Fills `portal.services.ports.Outbox`."""

    def __init__(self, engine: Engine) -> None:
        self._transactions = Transactions(engine)

    def next_due(self, now: datetime) -> datetime | None:
        with self._transactions.reading() as connection:
            return _leased.next_due(connection, now)

    def due_partners(self, now: datetime) -> list[str]:
        with self._transactions.reading() as connection:
            return list(connection.scalars(select(events.c.partner).where(_leased.claimable(now)).distinct()))

    def claim(self, partner: str, *, now: datetime, lease_until: datetime, limit: int) -> list[Event]:
        # A CTE that locks rows is evaluated once; as a plain sub-select PostgreSQL may repeat it past the limit.
        due = (
            select(events.c.id)
            .where(events.c.partner == partner, _leased.claimable(now))
            .order_by(events.c.due_at)
            .limit(limit)
            .with_for_update(skip_locked=True)
            .cte("due")
        )
        claim = update(events).where(events.c.id.in_(select(due.c.id))).values(lease_until=lease_until)
        with self._transactions.writing() as connection:
            rows = connection.execute(claim.returning(*events.c)).mappings().all()
            claimed = _leased.read_or_postpone(connection, rows, _event, now)
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
        due = update(events).where(events.c.partner == partner, _leased.claimable(now))
        with self._transactions.writing() as connection:
            connection.execute(due.values(due_at=until, lease_until=None, outcome=outcome))

    def list_events(self, partner: str | None, *, undelivered_only: bool, limit: int) -> list[Event]:
        newest = select(events).order_by(events.c.created_at.desc(), events.c.sequence.desc()).limit(limit)
        if partner is not None:
            newest = newest.where(events.c.partner == partner)
        if undelivered_only:
            newest = newest.where(events.c.delivered_at.is_(None))
        with self._transactions.reading() as connection:
            rows = connection.execute(newest).mappings().all()
        return list(_readable(rows))

    def resend(self, event_ids: Sequence[str], now: datetime) -> set[str]:
        return set(self._make_due(events.c.id.in_(event_ids), now))

    def resend_undelivered(self, partner: str, now: datetime) -> int:
        return len(self._make_due(and_(events.c.partner == partner, events.c.delivered_at.is_(None)), now))

    def purge_delivered(self, before: datetime) -> None:
        """All but the last of each onboarding, from which the next `sequence` is counted."""
        later = events.alias("later")
        followed = and_(later.c.onboarding_id == events.c.onboarding_id, _number(later.c.sequence) > events.c.sequence)
        old = and_(events.c.delivered_at < before, events.c.due_at.is_(None))
        with self._transactions.writing() as connection:
            connection.execute(delete(events).where(old, select(later.c.id).where(followed).exists()))

    def _settle(self, claimed: Event, **values: object) -> None:
        """Only if the lease of this claim still stands."""
        ours = and_(events.c.id == claimed.id, events.c.lease_until == claimed.lease_until)
        with self._transactions.writing() as connection:
            connection.execute(update(events).where(ours).values(lease_until=None, **values))

    def _make_due(self, which: ColumnElement[bool], now: datetime) -> Sequence[str]:
        # The lease stays: a delivery that is under way may finish.
        again = update(events).where(which).values(due_at=now, attempts=0, delivered_at=None)
        with self._transactions.writing() as connection:
            return connection.scalars(again.returning(events.c.id)).all()


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


def _number(column: ColumnElement[int]) -> ColumnElement[int]:
    """0 for text, which SQLite may hold in a column of integers."""
    return cast(column, Integer)
