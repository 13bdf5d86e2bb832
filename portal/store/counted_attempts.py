"""Finds the attempts that count for a person. `portal/services/person_attempts.py` says why these."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, and_, bindparam, func, or_, select, union_all

from portal.domain.onboarding import Onboarding
from portal.domain.reasons import REMEDIES, Remedy
from portal.domain.status import Status
from portal.domain.validation import Decider
from portal.services.ports import CountedAttempt
from portal.store.row_leases import moment
from portal.store.tables import onboardings, validations

_OUTAGES = [reason.value for reason, remedy in REMEDIES.items() if remedy is Remedy.RETRY_LATER]
_OPEN_OR_FAILED = [
    status.value for status in (Status.PENDING, Status.IN_PROGRESS, Status.UNKNOWN, Status.IN_REVIEW, Status.REJECTED)
]

_is_rejected = validations.c.status == Status.REJECTED
_counts = or_(
    ~_is_rejected,
    validations.c.reason.is_(None),
    validations.c.reason.not_in(_OUTAGES),
    and_(validations.c.decided_by.is_not(None), validations.c.decided_by == Decider.PERSON),
)
_at = func.coalesce(validations.c.opened_at, validations.c.sent_at, validations.c.created_at)
_counted = select(validations.c.onboarding_id, _at.label("at")).where(
    _counts, _at > moment("after"), _at <= moment("until")
)
# Made once: building such a statement takes longer than executing it.
_OWN = _counted.where(
    validations.c.onboarding_id == bindparam("this"),
    validations.c.number != bindparam("current"),
    or_(validations.c.opened_at.is_not(None), validations.c.status.in_([Status.APPROVED, Status.REJECTED])),
)
_OTHERS = _counted.join(onboardings).where(
    onboardings.c.person == bindparam("person"),
    onboardings.c.id != bindparam("this"),
    onboardings.c.stopped_at.is_(None),
    validations.c.opened_at.is_not(None),
    validations.c.status.in_(_OPEN_OR_FAILED),
)
_ALL = union_all(_OWN, _OTHERS)


def find_attempts(
    connection: Connection, onboarding: Onboarding, person: str | None, after: datetime, until: datetime
) -> list[CountedAttempt]:
    current = onboarding.validation.number if onboarding.validation else 0
    values = {"this": onboarding.id, "current": current, "after": after, "until": until}
    found = connection.execute(_ALL, values | {"person": person}) if person else connection.execute(_OWN, values)
    return [CountedAttempt(at, owner == onboarding.id) for owner, at in found if isinstance(at, datetime)]


def lock_person(connection: Connection, person: str) -> None:
    """Until the transaction ends, so that two onboardings of a person cannot both use the last attempt.

    SQLite has one writer at a time anyway.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(person, 0))))
