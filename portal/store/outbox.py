"""What partners' backends are told: written together with what happened, and kept until they have it."""

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
    RowMapping,
    and_,
    case,
    delete,
    func,
    literal,
    or_,
    select,
    update,
)

from portal.domain.onboarding import Onboarding
from portal.services.notification import Event
from portal.store.column_types import Unreadable, UtcDateTime
from portal.store.mapping import UnreadableRow
from portal.store.tables import events
from portal.store.transactions import Transactions, insert

UNREADABLE_PAUSE = timedelta(hours=1)
_INSTANT = timedelta(microseconds=1)
_FARTHEST_DUE = timedelta(days=2)
_LONGEST_LEASE = timedelta(minutes=10)
_AS_THEY_ARE = [it.name for it in fields(Event) if it.name != "summary"]
_REQUIRED = {column.name for column in events.c if not column.nullable}

log = logging.getLogger(__name__)


def add_event(connection: Connection, onboarding: Onboarding, payload: str) -> None:
    """Inside the transaction that holds the onboarding's lock, which keeps `sequence` without a gap."""
    last = select(func.max(events.c.sequence)).where(events.c.onboarding_id == onboarding.id)
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
        waiting = select(events.c.due_at).where(events.c.due_at.is_not(None), _unheld(now))
        free = waiting.order_by(events.c.due_at).limit(1)
        astray = waiting.where(events.c.due_at > now + _FARTHEST_DUE).limit(1)
        # By when it is due, which is indexed: delivered events are many.
        held = select(events.c.lease_until).where(_due(now), events.c.lease_until.between(now, now + _LONGEST_LEASE))
        with self._transactions.reading() as connection:
            moments = [_or(now, moment) for moment in connection.scalars(free)]
            moments += [now for _ in connection.scalars(astray)]
            moments += [_or(now, moment) + _INSTANT for moment in connection.scalars(held)]
        return min(moments, default=None)

    def due_partners(self, now: datetime) -> list[str]:
        with self._transactions.reading() as connection:
            return list(connection.scalars(select(events.c.partner).where(_due(now), _unheld(now)).distinct()))

    def claim(self, partner: str, *, now: datetime, lease_until: datetime, limit: int) -> list[Event]:
        # A CTE that locks rows is evaluated once; as a plain sub-select PostgreSQL may repeat it past the limit.
        due = (
            select(events.c.id)
            .where(events.c.partner == partner, _due(now), _unheld(now))
            .order_by(events.c.due_at)
            .limit(limit)
            .with_for_update(skip_locked=True)
            .cte("due")
        )
        take = update(events).where(events.c.id.in_(select(due.c.id))).values(lease_until=lease_until)
        with self._transactions.writing() as connection:
            rows = connection.execute(take.returning(*events.c)).mappings().all()
            claimed = list(self._readable(connection, rows, now))
        return sorted(claimed, key=lambda event: (event.due_at or now, event.onboarding_id, event.sequence))

    def delivered(self, claimed: Event, *, now: datetime, outcome: str) -> None:
        self._settle(claimed, delivered_at=now, due_at=None, attempts=events.c.attempts + 1, outcome=outcome)

    def retry_later(self, claimed: Event, *, due_at: datetime | None, outcome: str) -> None:
        # Not where it was asked for again meanwhile: then it stays due.
        planned = case((events.c.due_at == claimed.due_at, literal(due_at, UtcDateTime)), else_=events.c.due_at)
        self._settle(claimed, due_at=planned, attempts=events.c.attempts + 1, outcome=outcome)

    def release(self, claimed: Event) -> None:
        self._settle(claimed)

    def postpone_all(self, partner: str, *, now: datetime, until: datetime, outcome: str) -> None:
        whole = update(events).where(events.c.partner == partner, _due(now), _unheld(now))
        with self._transactions.writing() as connection:
            connection.execute(whole.values(due_at=until, lease_until=None, outcome=outcome))

    def list_events(self, partner: str | None, *, undelivered_only: bool, limit: int) -> list[Event]:
        newest = select(events).order_by(events.c.created_at.desc(), events.c.sequence.desc()).limit(limit)
        if partner is not None:
            newest = newest.where(events.c.partner == partner)
        if undelivered_only:
            newest = newest.where(events.c.delivered_at.is_(None))
        with self._transactions.reading() as connection:
            rows = connection.execute(newest).mappings().all()
        return list(_only_readable(rows))

    def resend(self, event_ids: Sequence[str], now: datetime) -> set[str]:
        return set(self._made_due(events.c.id.in_(event_ids), now))

    def resend_undelivered(self, partner: str, now: datetime) -> int:
        return len(self._made_due(and_(events.c.partner == partner, events.c.delivered_at.is_(None)), now))

    def purge_delivered(self, before: datetime) -> None:
        """All but the last of each onboarding, which holds the place of its sequence."""
        later = events.alias("later")
        followed = and_(later.c.onboarding_id == events.c.onboarding_id, later.c.sequence > events.c.sequence)
        old = and_(events.c.delivered_at < before, events.c.due_at.is_(None))
        with self._transactions.writing() as connection:
            connection.execute(delete(events).where(old, select(later.c.id).where(followed).exists()))

    def _settle(self, claimed: Event, **values: object) -> None:
        """The lease that was given with the claim is its proof."""
        ours = and_(events.c.id == claimed.id, events.c.lease_until == claimed.lease_until)
        with self._transactions.writing() as connection:
            connection.execute(update(events).where(ours).values(lease_until=None, **values))

    def _made_due(self, which: ColumnElement[bool], now: datetime) -> Sequence[str]:
        # The lease stays: whoever is sending it just now may go on.
        again = update(events).where(which).values(due_at=now, attempts=0, delivered_at=None)
        with self._transactions.writing() as connection:
            return connection.scalars(again.returning(events.c.id)).all()

    @staticmethod
    def _readable(connection: Connection, rows: Sequence[RowMapping], now: datetime) -> Iterator[Event]:
        for row in rows:
            try:
                yield _event(row)
            except UnreadableRow as error:
                log.error("%s; left alone for %s", error, UNREADABLE_PAUSE)
                later = {"due_at": now + UNREADABLE_PAUSE, "lease_until": None}
                connection.execute(update(events).where(events.c.id == row["id"]).values(later))


def _only_readable(rows: Sequence[RowMapping]) -> Iterator[Event]:
    for row in rows:
        try:
            yield _event(row)
        except UnreadableRow as error:
            log.error("%s", error)


def _event(row: RowMapping) -> Event:
    try:
        summary = json.loads(row["payload"])
    except (ValueError, TypeError, RecursionError):
        summary = None
    values = {name: row[name] for name in _AS_THEY_ARE}
    astray = [
        name for name, value in values.items() if value is Unreadable.TIME or (value is None and name in _REQUIRED)
    ]
    if not isinstance(summary, dict) or astray:
        raise UnreadableRow(f"event {row['id']} cannot be read back: {', '.join(astray) or 'payload'}")
    return Event(**values, summary=summary)


def _is_astray(name: str, value: object) -> bool:
    if value is None:
        return name in _REQUIRED
    return value is Unreadable.TIME or (name in {"sequence", "attempts"} and not isinstance(value, int))


def _or(now: datetime, moment: datetime | Unreadable) -> datetime:
    return now if isinstance(moment, Unreadable) else moment


def _due(now: datetime) -> ColumnElement[bool]:
    return or_(events.c.due_at <= now, events.c.due_at > now + _FARTHEST_DUE)


def _unheld(now: datetime) -> ColumnElement[bool]:
    lease_until = events.c.lease_until
    return or_(lease_until.is_(None), lease_until < now, lease_until > now + _LONGEST_LEASE)
