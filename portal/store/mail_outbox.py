"""Mails to applicants and, sealed, where they go: stored in the transaction of each change, kept until sent."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from dataclasses import fields
from datetime import datetime, timedelta

from sqlalchemy import (
    BindParameter,
    Connection,
    Engine,
    Integer,
    RowMapping,
    and_,
    bindparam,
    delete,
    exists,
    func,
    literal,
    or_,
    select,
    update,
)

from portal.domain.onboarding import Onboarding
from portal.domain.sealed import SealedValue
from portal.services.mail import MOST_MAILS, Mail, MailPlan, Recipient
from portal.services.meter import Meter, NoMeter
from portal.store.column_types import UtcDateTime
from portal.store.encryption import ColumnCipher, UndecryptableValue
from portal.store.row_leases import LeasedTable, moment
from portal.store.row_reader import RowReader, UnreadableRow
from portal.store.tables import mail_addresses, mail_stops, mails, onboardings
from portal.store.transactions import Transactions, insert

PlanMail = Callable[[Onboarding | None, Onboarding], MailPlan | None]
"""From before and after a change."""

_leased = LeasedTable(mails, latest_due=timedelta(days=2))
_reader = RowReader(mails, [it.name for it in fields(Mail)])
_LIMIT = bindparam("limit", type_=Integer)
_DUE = select(mails.c.id).where(_leased.claimable).order_by(mails.c.due_at).limit(_LIMIT)
_CLAIM = (
    update(mails)
    .where(mails.c.id.in_(select(_DUE.with_for_update(skip_locked=True).cte("due").c.id)))
    .values(lease_until=moment("claimed_until"))
    .returning(*mails.c)
)
# Made once: building such a statement takes longer than executing it.
_OF_ONBOARDING: BindParameter[str] = bindparam("of_onboarding")
_COUNT_MADE = select(func.count()).where(mails.c.onboarding_id == _OF_ONBOARDING)
_HAS_ADDRESS = select(exists().where(mail_addresses.c.onboarding_id == _OF_ONBOARDING))
_IS_STOPPED = select(exists().where(mail_stops.c.onboarding_id == _OF_ONBOARDING))
_FORGET_ADDRESS = delete(mail_addresses).where(mail_addresses.c.onboarding_id == _OF_ONBOARDING)
_PENDING = and_(mails.c.due_at.is_not(None), mails.c.handed_over_at.is_(None))


def apply_plan(connection: Connection, cipher: ColumnCipher, onboarding: Onboarding, plan: MailPlan) -> bool:
    """Needs the transaction that holds the onboarding's lock. True if a mail was added."""
    now = onboarding.updated_at
    this = {"of_onboarding": onboarding.id}
    if plan.forgets_recipient or plan.recipient:
        connection.execute(_FORGET_ADDRESS, this)
    is_stopped = connection.scalar(_IS_STOPPED, this)
    if plan.recipient and not is_stopped:
        sealed = cipher.encrypt(json.dumps([plan.recipient.address, plan.recipient.first_name]))
        values = {"onboarding_id": onboarding.id, "address_encrypted": sealed, "created_at": now}
        connection.execute(insert(connection, mail_addresses), values)
    has_address = connection.scalar(_HAS_ADDRESS, this)
    if plan.is_over or not has_address:
        _give_up(connection, mails.c.onboarding_id == onboarding.id, "outdated")
    is_added = bool(has_address) and plan.kind is not None and _add(connection, onboarding, plan, now)
    if plan.is_over and has_address and not is_added:
        connection.execute(_FORGET_ADDRESS, this)
    return is_added


def _add(connection: Connection, onboarding: Onboarding, plan: MailPlan, now: datetime) -> bool:
    made = connection.scalar(_COUNT_MADE, {"of_onboarding": onboarding.id}) or 0
    if made >= (MOST_MAILS if plan.is_over else MOST_MAILS - 1):
        return False
    values = {
        "id": secrets.token_urlsafe(16),
        "onboarding_id": onboarding.id,
        "kind": plan.kind,
        "occasion": plan.occasion,
        "is_last": plan.is_over,
        "created_at": now,
        "due_at": now,
        "attempts": 0,
    }
    added = insert(connection, mails).on_conflict_do_nothing().returning(mails.c.id)
    return connection.scalar(added, values) is not None


def forget_mails(connection: Connection, onboarding_id: str) -> None:
    for table in (mails, mail_addresses, mail_stops):
        connection.execute(delete(table).where(table.c.onboarding_id == onboarding_id))


def _give_up(connection: Connection, which: object, outcome: str) -> None:
    pending = update(mails).where(which, _PENDING)  # type: ignore[arg-type]
    connection.execute(pending.values(due_at=None, lease_until=None, outcome=outcome))


class MailOutbox:
    """Fills `portal.services.ports.MailOutbox`."""

    def __init__(self, engine: Engine, cipher: ColumnCipher, meter: Meter | None = None) -> None:
        self._transactions = Transactions(engine)
        self._cipher = cipher
        self._meter = meter or NoMeter()

    def next_due(self, now: datetime) -> datetime | None:
        with self._transactions.reading() as connection:
            return _leased.next_due(connection, now)

    def claim(self, *, now: datetime, lease_until: datetime, limit: int) -> list[Mail]:
        values = _leased.moments(now) | {"claimed_until": lease_until, "limit": limit}
        with self._transactions.writing() as connection:
            rows = connection.execute(_CLAIM, values).mappings().all()
            return _leased.read_or_postpone(connection, rows, _mail, now=now, meter=self._meter)

    def recipient(self, onboarding_id: str) -> Recipient | None:
        sealed = select(mail_addresses.c.address_encrypted).where(mail_addresses.c.onboarding_id == onboarding_id)
        with self._transactions.reading() as connection:
            found = connection.scalar(sealed)
        if found is None:
            return None
        try:
            return Recipient(*json.loads(self._cipher.decrypt(found)))
        except UndecryptableValue:
            raise SealedValue from None

    def hand_over(self, mail: Mail, *, now: datetime) -> bool:
        """False if the lease was lost."""
        with self._transactions.writing() as connection:
            statement = update(mails).where(_ours(mail), mails.c.handed_over_at.is_(None))
            return connection.execute(statement.values(handed_over_at=now)).rowcount == 1

    def sent(self, mail: Mail, *, now: datetime, outcome: str) -> None:
        self._settle(mail, due_at=None, sent_at=now, attempts=mails.c.attempts + 1, outcome=outcome)

    def retry_later(self, mail: Mail, *, due_at: datetime, outcome: str) -> None:
        self._settle(mail, due_at=due_at, handed_over_at=None, attempts=mails.c.attempts + 1, outcome=outcome)

    def drop(self, mail: Mail, *, outcome: str) -> None:
        self._settle(mail, due_at=None, outcome=outcome)

    def refused(self, mail: Mail, *, now: datetime, outcome: str) -> None:
        self._settle(mail, due_at=None, attempts=mails.c.attempts + 1, outcome=outcome)
        self.stop(mail.onboarding_id, now=now, outcome="the address is refused")

    def release(self, mail: Mail) -> None:
        self._settle(mail)

    def stop(self, onboarding_id: str, *, now: datetime, outcome: str) -> bool:
        """No further mails, whatever address is given later, and the address is gone; False if there was none."""
        stopped = select(onboardings.c.id, literal(now, UtcDateTime)).where(onboardings.c.id == onboarding_id)
        with self._transactions.writing() as connection:
            # First, because it waits for a change that may add an address.
            mark = insert(connection, mail_stops).from_select(["onboarding_id", "created_at"], stopped)
            connection.execute(mark.on_conflict_do_nothing())
            gone = delete(mail_addresses).where(mail_addresses.c.onboarding_id == onboarding_id)
            found = connection.execute(gone).rowcount > 0
            _give_up(connection, mails.c.onboarding_id == onboarding_id, outcome)
        if found:
            self._meter.count("mails_stopped")
        return found

    def purge_addresses(self, created_until: datetime, *, limit: int) -> int:
        """Of onboardings as old as that, and those whose last mail is settled."""
        last = select(mails.c.onboarding_id).where(mails.c.is_last, mails.c.due_at.is_(None))
        those = (
            select(mail_addresses.c.onboarding_id)
            .join(onboardings)
            .where(
                or_(
                    onboardings.c.created_at <= created_until,
                    onboardings.c.erased_at.is_not(None),  # by a release that knew of no mails
                    mail_addresses.c.onboarding_id.in_(last),
                )
            )
            .limit(limit)
            .with_for_update(skip_locked=True, of=mail_addresses)
        )
        with self._transactions.writing() as connection:
            ids = connection.scalars(those).all()
            connection.execute(delete(mail_addresses).where(mail_addresses.c.onboarding_id.in_(ids)))
        return len(ids)

    def _settle(self, mail: Mail, **values: object) -> None:
        """Only if the lease of this claim still stands. After the last mail the address is deleted."""
        with self._transactions.writing() as connection:
            settled = update(mails).where(_ours(mail)).values(lease_until=None, **values)
            row = connection.execute(settled.returning(mails.c.is_last, mails.c.due_at)).first()
            if row and row.is_last and row.due_at is None:
                gone = mail_addresses.c.onboarding_id == mail.onboarding_id
                connection.execute(delete(mail_addresses).where(gone))


def _ours(mail: Mail):  # type: ignore[no-untyped-def]
    return and_(mails.c.id == mail.id, mails.c.lease_until == mail.lease_until)


def _mail(row: RowMapping) -> Mail:
    try:
        return Mail(**_reader.read(row))
    except ValueError as error:
        raise UnreadableRow(f"mail {row['id']} cannot be read back: {error}") from None
