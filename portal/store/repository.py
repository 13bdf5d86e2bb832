"""Onboardings in the database, changed only under a lock."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager, contextmanager
from contextvars import copy_context
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    RowMapping,
    and_,
    bindparam,
    case,
    delete,
    func,
    or_,
    select,
    text,
    update,
)

from portal.domain.errors import StoreUnavailable, UnknownOnboarding
from portal.domain.onboarding import Onboarding
from portal.domain.sealed import SealedDetails, SealedValue
from portal.domain.start_limits import StartCounter
from portal.domain.validation import Validation
from portal.services.entity_history import UsedEntity
from portal.services.meter import Meter, NoMeter
from portal.services.ports import FindAnyAttempts, IdempotentRequest, ListPosition, ReusePolicy, StoredResult
from portal.store.counted_attempts import find_attempts
from portal.store.counted_starts import count_start
from portal.store.customer_onboardings import CustomerOnboardings
from portal.store.database_errors import store_errors
from portal.store.encryption import ColumnCipher
from portal.store.group_commit import GroupCommit, RowChange
from portal.store.history import ADD_ENTRY, entry_values
from portal.store.locked_onboarding import (
    NO_CONSEQUENCES,
    Consequences,
    LockedRow,
    read_other_attempts,
    write_validation,
)
from portal.store.mail_outbox import apply_plan
from portal.store.mapping import joined, onboarding_values, read_onboarding
from portal.store.newest_onboardings import newest_entities, newest_of_partner
from portal.store.onboarding_queue import CLAIM_DUE, claim_values, leased_onboardings
from portal.store.poll_reader import PollReader
from portal.store.purges import FORGET_DOCUMENTS, FORGET_SESSIONS, PURGE_DETAILS, PURGE_SESSIONS
from portal.store.quick_reads import QuickReads
from portal.store.recorded_views import record_views
from portal.store.restores import last_restore
from portal.store.row_locks import BY_IDS, RowLocks, find_onboarding
from portal.store.stage_log import StageLog
from portal.store.tables import VERIFIED, onboardings, validations
from portal.store.transactions import Transactions, for_each_dialect, insert

T = TypeVar("T")

PING_MILLISECONDS = 1000
LONGEST_VALIDITY = timedelta(days=60)
"""Twice the longest time between two checks of an approval."""

# Built once: SQLAlchemy takes longer to recognise so long a statement anew than to execute it.
_ADD = for_each_dialect(
    lambda insert: insert(onboardings).on_conflict_do_nothing(index_elements=["submission"]).returning(onboardings.c.id)
)
_OWNER_OF_NONCE = select(validations.c.onboarding_id).where(validations.c.nonce == bindparam("nonce"))
_SET_EARLIER_STARTS = (
    update(onboardings).where(onboardings.c.id == bindparam("this")).values(earlier_starts=bindparam("earlier"))
)


class Repository:
    """Fills `portal.services.ports.Store`."""

    def __init__(
        self,
        engine: Engine,
        cipher: ColumnCipher,
        consequences: Consequences = NO_CONSEQUENCES,
        *,
        meter: Meter | None = None,
    ) -> None:
        self._pinger = engine
        self._transactions = Transactions(engine)
        self.quick_reads = QuickReads(engine)
        polls = PollReader(self.quick_reads)
        # Not methods of this class: that would be one more call for each poll.
        self.poll_state, self.poll_states_nonblocking = polls.read, polls.read_nonblocking
        self._cipher = cipher
        self._consequences = consequences
        self._meter = meter or NoMeter()
        self._locks = RowLocks(self._transactions, cipher, consequences, self._meter)
        self._group_commit = GroupCommit(self._locks.change_together, self._locks.change_alone)

    def add(self, onboarding: Onboarding, counters: Sequence[StartCounter] = ()) -> Onboarding:
        onboarding = replace(onboarding, reminder_due_at=self._consequences.remind_at(onboarding))
        values = onboarding_values(onboarding, self._cipher)
        with self._locks.writing() as (connection, _, stage_log):
            added = connection.scalar(_ADD[connection.dialect.name], values)
            if added is None:
                return self._submitted(connection, onboarding.submission)
            write_validation(connection, onboarding, self._cipher)
            self._record_new(connection, onboarding, stage_log)
            plan = self._consequences.plan_mail(None, onboarding)
            has_mail = plan is not None and apply_plan(connection, self._cipher, onboarding, plan)
            # Last, because everybody's starts count in some of these rows, which are locked from here on.
            earlier = count_start(connection, counters, onboarding.created_at)
            if earlier:
                onboarding = replace(onboarding, earlier_starts=earlier)
                connection.execute(_SET_EARLIER_STARTS, {"this": added, "earlier": earlier})
        if has_mail:
            self._consequences.on_mail()
        return onboarding

    def add_for_customer(
        self,
        onboarding: Onboarding,
        counters: Sequence[StartCounter] = (),
        *,
        idempotent: IdempotentRequest | None,
        reuse: ReusePolicy,
        respond: Callable[[Onboarding], str],
    ) -> StoredResult:
        onboarding = replace(onboarding, reminder_due_at=self._consequences.remind_at(onboarding))
        values = onboarding_values(onboarding, self._cipher)
        with self._locks.writing() as (connection, pending, stage_log):
            customer_onboardings = CustomerOnboardings(
                connection,
                find=lambda earlier_id: find_onboarding(connection, earlier_id, self._cipher),
                lock=lambda earlier_id: self._locks.lock(connection, earlier_id, pending),
                add=lambda _fresh: connection.execute(insert(connection, onboardings), values),
                remove=lambda fresh: connection.execute(delete(onboardings).where(onboardings.c.id == fresh.id)),
            )
            result = customer_onboardings.keep(onboarding, idempotent=idempotent, reuse=reuse, respond=respond)
            if result.onboarding.id == onboarding.id:
                self._record_new(connection, onboarding, stage_log)
                count_start(connection, counters, onboarding.created_at)
        if result.error:
            raise result.error
        return result

    def get(self, onboarding_id: str) -> Onboarding:
        with self._transactions.reading() as connection:
            return _known(find_onboarding(connection, onboarding_id, self._cipher), onboarding_id)

    def get_of_partner(self, partner: str, onboarding_id: str) -> Onboarding:
        is_theirs = and_(_of_partner(partner, onboarding_id), onboardings.c.erased_at.is_(None))
        with self._transactions.reading() as connection:
            return _known(self._first(connection, is_theirs), onboarding_id)

    def list_of_partner(
        self,
        partner: str,
        *,
        external_id: str | None,
        purpose: str | None,
        created_after: datetime | None,
        after: ListPosition | None,
        limit: int,
    ) -> list[Onboarding]:
        customer = {"external_id": external_id, "purpose": purpose}
        newest = newest_of_partner(partner, customer, created_after, after).limit(limit)
        with self._transactions.reading() as connection:
            return [self._read(row) for row in connection.execute(newest).mappings()]

    def used_entities(self, partner: str, external_id: str, *, limit: int) -> list[UsedEntity]:
        with self._transactions.reading() as connection:
            return [UsedEntity(*row) for row in connection.execute(newest_entities(partner, external_id).limit(limit))]

    def find_by_session(self, session_id: str) -> Onboarding | None:
        if "\0" in session_id:  # it comes from a URL, and PostgreSQL rejects NUL
            return None
        with self._transactions.reading() as connection:
            # The owner first: otherwise SQLite walks through all validations.
            this = validations.c.session_id == session_id
            owner = select(validations.c.onboarding_id).where(this)
            return self._first(connection, and_(onboardings.c.id.in_(owner), this))

    def find_by_validation(self, gu1_id: str) -> Onboarding | None:
        owner = select(validations.c.onboarding_id).where(validations.c.gu1_id == gu1_id)
        with self._transactions.reading() as connection:
            return self._first(connection, onboardings.c.id.in_(owner))

    def locked(self, onboarding_id: str) -> AbstractContextManager[LockedRow]:
        return self._locks.locked_by_id(onboarding_id)

    @contextmanager
    def locked_of_partner(self, partner: str | None, onboarding_id: str) -> Iterator[LockedRow]:
        theirs = select(onboardings.c.id).where(_of_partner(partner, onboarding_id))
        with self._locks.locked(lambda connection: connection.scalar(theirs)) as row:
            if row is None:
                raise UnknownOnboarding(onboarding_id)
            yield row

    def locked_by_validation(self, gu1_id: str) -> AbstractContextManager[LockedRow | None]:
        return self._locks.locked_by_validation(gu1_id)

    @contextmanager
    def locked_by_nonce(self, nonce: str) -> Iterator[LockedRow | None]:
        with self._locks.locked(lambda connection: connection.scalar(_OWNER_OF_NONCE, {"nonce": nonce})) as row:
            current = row.onboarding.validation if row else None
            yield row if current and current.nonce == nonce else None

    def change(self, onboarding_id: str, make: Callable[[LockedRow], T]) -> Future[T]:
        return self._group_commit.submit(RowChange(onboarding_id=onboarding_id, make=make))

    def change_by_validation(self, gu1_id: str, make: Callable[[LockedRow], T]) -> Future[T | None]:
        return self._group_commit.submit(RowChange(gu1_id=gu1_id, make=make))

    def adopted_ids(self, gu1_ids: list[str]) -> set[str]:
        with self._transactions.reading() as connection:
            return set(connection.scalars(select(validations.c.gu1_id).where(validations.c.gu1_id.in_(gu1_ids))))

    def closed_nonces(self, onboarding_id: str) -> set[str]:
        left = validations.c.number.is_distinct_from(onboardings.c.current_validation)
        closed = and_(validations.c.onboarding_id == onboarding_id, or_(validations.c.gu1_id.is_not(None), left))
        with self._transactions.reading() as connection:
            return set(connection.scalars(select(validations.c.nonce).join(onboardings).where(closed)))

    def other_attempts(self, onboarding_id: str) -> list[Validation]:
        with self._transactions.reading() as connection:
            return read_other_attempts(connection, onboarding_id, self._cipher)

    def is_shared_with_unanswered(self, onboarding: Onboarding) -> bool:
        others = and_(onboardings.c.entity_id == onboarding.entity_id, onboardings.c.id != onboarding.id)
        answered = case((validations.c.gu1_id.is_(None), 0), else_=1)
        unanswered = select(validations.c.nonce).join(onboardings).where(others, validations.c.sends > answered)
        with self._transactions.reading() as connection:
            return connection.scalar(unanswered.limit(1)) is not None

    @contextmanager
    def reading_attempts(self) -> Iterator[FindAnyAttempts]:
        with self._transactions.reading() as connection:
            yield partial(find_attempts, connection)

    def last_restore(self) -> datetime | None:
        with self._transactions.reading() as connection:
            return last_restore(connection)

    def claim(self, *, now: datetime, lease_until: datetime, limit: int) -> list[Onboarding]:
        with self._transactions.writing() as connection:
            values = claim_values(now=now, lease_until=lease_until, limit=limit)
            claimed = connection.scalars(CLAIM_DUE, values).all()
            rows = connection.execute(BY_IDS[connection.dialect.name], {"ids": claimed}).mappings().all()
            return leased_onboardings.read_or_postpone(connection, rows, self._read_to_work, now=now, meter=self._meter)

    def next_due(self, now: datetime) -> datetime | None:
        with self._transactions.reading() as connection:
            return leased_onboardings.next_due(connection, now)

    def record_views(
        self, viewed: Sequence[str], came: Sequence[str], now: datetime, told_by: datetime | None = None
    ) -> list[str]:
        with self._transactions.writing() as connection:
            return record_views(connection, viewed, came, now, told_by or now)

    def count_watched(self, since: datetime) -> int:
        """Without those that have nothing left to do."""
        watched = and_(onboardings.c.watched_at >= since, onboardings.c.due_at.is_not(None))
        with self._transactions.reading() as connection:
            return connection.scalar(select(func.count()).select_from(onboardings).where(watched)) or 0

    def purge_details(self, created_until: datetime, *, limit: int) -> int:
        with self._transactions.writing() as connection:
            purged = connection.execute(PURGE_DETAILS, {"created_until": created_until, "limit": limit}).all()
            connection.execute(FORGET_DOCUMENTS, {"ids": [it.id for it in purged]})
            connection.execute(FORGET_SESSIONS, {"ids": [it.id for it in purged if it.due_at is None]})
        return len(purged)

    def purge_sessions(self, created_until: datetime, finished_until: datetime, *, limit: int) -> int:
        with self._transactions.writing() as connection:
            times = {"created_until": created_until, "finished_until": finished_until}
            return len(connection.execute(PURGE_SESSIONS, times | {"limit": limit}).all())

    def start_verification_checks(self, now: datetime, *, limit: int) -> None:
        check_at = onboardings.c.verification_check_at
        # A time so far ahead is of a clock that ran ahead.
        has_come = or_(check_at <= now, check_at > now + LONGEST_VALIDITY)
        due = select(onboardings.c.id).where(check_at.is_not(None), has_come, onboardings.c.due_at.is_(None))
        those = due.limit(limit).with_for_update(skip_locked=True).cte("due")
        statement = update(onboardings).where(onboardings.c.id.in_(select(those.c.id)))
        with self._transactions.writing() as connection:
            connection.execute(statement.values(due_at=now, verification_check_at=now))

    def forget_earlier_verifications(self, onboarding: Onboarding) -> None:
        earlier = and_(
            VERIFIED,
            onboardings.c.partner == onboarding.partner,
            onboardings.c.external_id == onboarding.external_id,
            onboardings.c.purpose.is_not_distinct_from(onboarding.purpose),
            onboardings.c.id != onboarding.id,
            onboardings.c.created_at <= onboarding.created_at,
        )
        statement = update(onboardings).where(earlier)
        with self._transactions.writing() as connection:
            connection.execute(statement.values(verification_check_at=None, reverification_due_at=None))

    def forget_persons(self, before: datetime, *, limit: int) -> int:
        was_opened = and_(validations.c.onboarding_id == onboardings.c.id, validations.c.opened_at > before)
        idle = select(onboardings.c.id).where(
            onboardings.c.person.is_not(None),
            or_(onboardings.c.consent_given_at <= before, onboardings.c.consent_given_at.is_(None)),
            ~select(validations.c.nonce).where(was_opened).exists(),
        )
        those = idle.limit(limit).with_for_update(skip_locked=True).cte("idle")
        statement = update(onboardings).where(onboardings.c.id.in_(select(those.c.id)))
        forgotten = statement.values(person=None).returning(onboardings.c.id)
        with self._transactions.writing() as connection:
            return len(connection.scalars(forgotten).all())

    def ping(self) -> None:
        """Fails also if the tables are missing."""
        with store_errors(self._pinger), self._pinger.begin() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(text(f"SET LOCAL statement_timeout = {PING_MILLISECONDS}"))
            connection.execute(select(1).select_from(onboardings).limit(1))

    def _record_new(self, connection: Connection, onboarding: Onboarding, stage_log: StageLog) -> None:
        entry = self._consequences.record_of(None, onboarding, None)
        if entry:
            connection.execute(ADD_ENTRY, entry_values(onboarding.id, entry))
            stage_log.note(onboarding, entry, None, copy_context())

    def _submitted(self, connection: Connection, submission: str | None) -> Onboarding:
        found = self._first(connection, onboardings.c.submission == submission)
        if found is None:
            raise StoreUnavailable("the earlier onboarding of this submission is gone")
        return found

    def _first(self, connection: Connection, condition: ColumnElement[bool]) -> Onboarding | None:
        row = connection.execute(joined().where(condition)).mappings().first()
        return self._read(row) if row else None

    def _read(self, row: RowMapping) -> Onboarding:
        return read_onboarding(row, self._cipher)

    def _read_to_work(self, row: RowMapping) -> Onboarding:
        """Raises `SealedValue` for details that only a process with another key can send to gu1."""
        onboarding = self._read(row)
        if isinstance(onboarding.details, SealedDetails):
            raise SealedValue
        return onboarding


def _known(found: Onboarding | None, onboarding_id: str) -> Onboarding:
    if found is None:
        raise UnknownOnboarding(onboarding_id)
    return found


def _of_partner(partner: str | None, onboarding_id: str) -> ColumnElement[bool]:
    """In the query, so that another partner's onboarding takes as long as none."""
    return and_(onboardings.c.id == onboarding_id, onboardings.c.partner.is_not_distinct_from(partner))
