"""One locked onboarding, and everything that is written together with it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import Connection, Executable, and_, bindparam, delete, select, update

from portal.domain.errors import KeyReused, UnknownOnboarding
from portal.domain.onboarding import Onboarding
from portal.domain.start_limits import StartCounter
from portal.domain.validation import Validation
from portal.services.change_history import Cause, HistoryEntry
from portal.services.notification import Event, Notice
from portal.services.ports import CountedAttempt, IdempotentRequest
from portal.services.request_ids import current_request_id
from portal.store.counted_attempts import find_attempts, lock_person
from portal.store.counted_starts import count_start
from portal.store.encryption import ColumnCipher
from portal.store.history import delete_notes
from portal.store.mail_outbox import PlanMail, apply_plan, forget_mails
from portal.store.mapping import attempts, onboarding_changes, read_attempt, validation_changes, validation_values
from portal.store.outbox import add_event, find_event, resend_event
from portal.store.pending_writes import PendingWrites
from portal.store.shared_state import REMEMBER_WEBHOOK, webhook_values
from portal.store.tables import customer_purposes, customers, events, idempotency_keys, onboardings, validations
from portal.store.transactions import Insert, for_each_dialect, insert

_INSTANT = timedelta(microseconds=1)
_SECOND = timedelta(seconds=1)

DescribeChange = Callable[[Onboarding, Onboarding], Sequence[Notice]]
"""From before and after a change: the notifications for the partner's backend."""

PlanReminder = Callable[[Onboarding], datetime | None]
"""When an onboarding next falls due by time alone."""

RecordChange = Callable[[Onboarding | None, Onboarding, Cause | None], HistoryEntry | None]
"""From before and after a change and its cause: the entry in the history, or None."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Consequences:
    """What follows from a change, in its transaction, and who is woken after the commit."""

    notify_of: DescribeChange = lambda _before, _after: ()
    on_notification: Callable[[], None] = lambda: None
    record_of: RecordChange = lambda _before, _after, _cause: None
    remind_at: PlanReminder = lambda onboarding: onboarding.reminder_due_at
    plan_mail: PlanMail = lambda _before, _after: None
    on_mail: Callable[[], None] = lambda: None
    on_erasure: Callable[[], None] = lambda: None


NO_CONSEQUENCES = Consequences()


class LockedRow:
    """Valid inside the transaction that holds the lock."""

    def __init__(
        self,
        connection: Connection,
        cipher: ColumnCipher,
        onboarding: Onboarding,
        consequences: Consequences,
        pending: PendingWrites,
    ) -> None:
        """`pending`: what its transaction is about to write."""
        self.onboarding = onboarding
        self.has_notification = False
        self.has_mail = False
        self.is_erased_now = False
        self._connection = connection
        self._cipher = cipher
        self._consequences = consequences
        self._pending = pending
        self._was_saved = False

    def _flushed(self) -> Connection:
        """For what has to see all that was written before, or writes at once."""
        self._pending.writes += 1
        self._pending.flush()
        return self._connection

    @property
    def onboarding_not_erased(self) -> Onboarding:
        if self.onboarding.erased_at:
            raise UnknownOnboarding(self.onboarding.id)
        return self.onboarding

    def earlier_response(self, request: IdempotentRequest) -> str | None:
        table, partner = idempotency_keys, self.onboarding.partner
        this = and_(table.c.partner == partner, table.c.key == request.key)
        found = self._flushed().execute(select(table.c.fingerprint, table.c.response).where(this)).first()
        if found and not request.is_same(found.fingerprint):
            raise KeyReused
        return found.response if found else None

    def remember_response(self, request: IdempotentRequest, response: str, now: datetime) -> None:
        values = {
            "partner": self.onboarding.partner,
            "key": request.key,
            "fingerprint": request.fingerprint,
            "onboarding_id": self.onboarding.id,
            "is_new": False,
            "response": response,
            "created_at": now,
        }
        added = insert(self._flushed(), idempotency_keys).values(values).on_conflict_do_nothing()
        if self._flushed().scalar(added.returning(idempotency_keys.c.key)) is None:
            raise KeyReused  # for another onboarding, at the same time

    def remember_webhook(self, body_sha256: str, now: datetime) -> None:
        self._pending.add(REMEMBER_WEBHOOK[self._connection.dialect.name], webhook_values(body_sha256, now))

    def find_event(self, event_id: str) -> Event | None:
        return find_event(self._flushed(), self.onboarding.id, event_id)

    def resend_event(self, event_id: str, now: datetime) -> Event | None:
        return resend_event(self._flushed(), self.onboarding.id, event_id, now)

    def save(self, changed: Onboarding, cause: Cause | None = None) -> None:
        if changed.id != self.onboarding.id:
            raise ValueError("only the locked onboarding can be saved")
        if changed.fence < self.onboarding.fence:
            changed = replace(changed, fence=self.onboarding.fence)
        if changed.erased_at:
            changed = changed.without_personal_data  # gu1 may still send something about the person
        behind = self.onboarding.updated_at - changed.updated_at
        if changed.visible_state != self.onboarding.visible_state and timedelta() <= behind < _SECOND:
            # Polls compare this time, so no two visible changes may have the same, however coarse the clock is.
            changed = replace(changed, updated_at=self.onboarding.updated_at + _INSTANT)
        remind_at = self._consequences.remind_at(changed)
        if changed.reminder_due_at != remind_at:
            changed = replace(changed, reminder_due_at=remind_at)
        request_id = current_request_id()
        if request_id and request_id != changed.request_id:
            changed = replace(changed, request_id=request_id)
        self._pending.writes += 1
        if self._was_saved:
            self._pending.flush()  # so that the later change is written later
        self._was_saved = True
        for notice in self._consequences.notify_of(self.onboarding, changed):
            add_event(self._connection, changed, notice)
            self.has_notification = True
        values = onboarding_changes(self.onboarding, changed, self._cipher)
        if values:
            self._pending.add(_UPDATE, values | {"this": changed.id})
        self._save_validation(changed)
        plan = self._consequences.plan_mail(self.onboarding, changed)
        if plan:
            self.has_mail |= apply_plan(self._connection, self._cipher, changed, plan)
        entry = self._consequences.record_of(self.onboarding, changed, cause)
        if entry:
            self._pending.add_entry(self.onboarding, changed, entry)
        self.onboarding = changed

    def _save_validation(self, changed: Onboarding) -> None:
        stored, validation = self.onboarding.validation, changed.validation
        if validation == stored:
            return
        if stored and validation and stored.number == validation.number:
            values = validation_changes(stored, validation, self._cipher)
            self._pending.add(_UPDATE_ATTEMPT, values | {"this": changed.id, "that": stored.number})
        else:
            write_validation(self._connection, changed, self._cipher)

    def count_start(self, counters: Sequence[StartCounter], now: datetime) -> int:
        return count_start(self._flushed(), counters, now)

    def find_attempts(self, person: str | None, after: datetime, until: datetime) -> list[CountedAttempt]:
        if person:
            lock_person(self._flushed(), person)
        return find_attempts(self._flushed(), self.onboarding, person, after, until)

    def other_attempt(self, gu1_id: str) -> Validation | None:
        current = self.onboarding.validation
        if current and current.gu1_id == gu1_id:
            return None
        adopted = and_(validations.c.onboarding_id == self.onboarding.id, validations.c.gu1_id == gu1_id)
        row = self._flushed().execute(attempts().where(adopted)).mappings().first()
        return read_attempt(row, self._cipher) if row else None

    def other_attempts(self) -> list[Validation]:
        return read_other_attempts(self._flushed(), self.onboarding.id, self._cipher)

    def save_other_attempt(self, attempt: Validation) -> None:
        if self.onboarding.erased_at:
            attempt = replace(attempt, session_url=None, session_id=None, verified_digest=None)
        write_attempt(self._flushed(), self.onboarding.id, attempt, self._cipher)

    def erase(self, changed: Onboarding, cause: Cause | None = None) -> None:
        self.is_erased_now = True
        delete_notes(self._flushed(), changed.id)
        self.save(changed, cause)
        forget_mails(self._flushed(), changed.id)
        for table in (events, customers, customer_purposes, idempotency_keys):
            self._flushed().execute(delete(table).where(table.c.onboarding_id == changed.id))
        sessions = update(validations).where(validations.c.onboarding_id == changed.id)
        self._flushed().execute(sessions.values(session_url_encrypted=None, session_id=None, verified_digest=None))


# Made once: building such a statement takes longer than executing it.
_OTHER_ATTEMPTS = (
    attempts()
    .join(onboardings)
    .where(
        validations.c.onboarding_id == bindparam("of_onboarding"),
        validations.c.gu1_id.is_not(None),
        validations.c.number.is_distinct_from(onboardings.c.current_validation),
    )
    .order_by(validations.c.number)
)


def read_other_attempts(connection: Connection, onboarding_id: str, cipher: ColumnCipher) -> list[Validation]:
    rows = connection.execute(_OTHER_ATTEMPTS, {"of_onboarding": onboarding_id})
    return [read_attempt(row, cipher) for row in rows.mappings()]


def write_validation(connection: Connection, onboarding: Onboarding, cipher: ColumnCipher) -> None:
    if onboarding.validation is None:
        return
    write_attempt(connection, onboarding.id, onboarding.validation, cipher)


def write_attempt(connection: Connection, onboarding_id: str, attempt: Validation, cipher: ColumnCipher) -> None:
    connection.execute(_UPSERTS[connection.dialect.name], validation_values(attempt, onboarding_id, cipher))


def _upsert(statement: Insert) -> Executable:
    values = {column.key: statement.excluded[column.key] for column in validations.c if not column.primary_key}
    return statement.on_conflict_do_update(index_elements=["onboarding_id", "number"], set_=values)


# Made once: building such a statement takes longer than executing it. SQLAlchemy compiles it for the columns of the
# parameters, once for each set of them.
_UPDATE = update(onboardings).where(onboardings.c.id == bindparam("this"))
_UPDATE_ATTEMPT = update(validations).where(
    validations.c.onboarding_id == bindparam("this"), validations.c.number == bindparam("that")
)
_UPSERTS = for_each_dialect(lambda insert: _upsert(insert(validations)))
