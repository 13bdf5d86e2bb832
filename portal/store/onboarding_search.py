"""What operators look for: an onboarding by what somebody calls it, and those that somebody should look at."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, Select, and_, case, func, literal, or_, select

from portal.domain.onboarding import EntityConflict, StallReason
from portal.domain.reference import read_reference, reference_of
from portal.domain.validation import REFRESHES_FOR_PAGE, DoubleCheck, IdentityMatch
from portal.services.problems import (
    AGES,
    KINDS,
    OVERDUE_AFTER,
    AttemptRow,
    Problem,
    ProblemCount,
    ProblemKind,
    ProblemRow,
    ReverificationRow,
)
from portal.store.column_types import Unreadable
from portal.store.row_reader import RowReader
from portal.store.tables import ERASURE_ASKED, FAILING, HELD, WITHOUT_PAGE, onboardings, validations
from portal.store.transactions import Transactions

_ATTEMPT = RowReader(validations, [field.name for field in fields(AttemptRow)])
_CURRENT = and_(
    validations.c.onboarding_id == onboardings.c.id, validations.c.number == onboardings.c.current_validation
)
_UNDER_WAY = and_(
    onboardings.c.stopped_at.is_(None), onboardings.c.erased_at.is_(None), onboardings.c.verified_before_at.is_(None)
)


class OnboardingSearch:
    """Fills `portal.services.ports.OnboardingSearch`."""

    def __init__(self, engine: Engine, *, slice_of_ids: int = 5000) -> None:
        self._transactions = Transactions(engine)
        self._slice_of_ids = slice_of_ids

    def ids_of(self, name: str) -> list[str]:
        if "\0" in name:  # PostgreSQL rejects NUL
            return []
        by_own = select(onboardings.c.id).where(
            or_(
                onboardings.c.id == name,
                onboardings.c.external_id == name,
                onboardings.c.entity_id == name,
            )
        )
        by_validation = select(validations.c.onboarding_id).where(validations.c.gu1_id == name)
        with self._transactions.reading() as connection:
            found = {*connection.scalars(by_own), *connection.scalars(by_validation)}
            if reference := read_reference(name):
                # Computed for each, rather than stored: this is rare, and a million take a few seconds.
                found |= {it for it in self._all_ids(connection) if reference_of(it) == reference}
        return sorted(found)

    def _all_ids(self, connection: Connection) -> Iterator[str]:
        last = ""
        statement = select(onboardings.c.id).order_by(onboardings.c.id).limit(self._slice_of_ids)
        while ids := connection.scalars(statement.where(onboardings.c.id > last)).all():
            yield from ids
            last = ids[-1]

    def attempts_of(self, onboarding_id: str) -> list[AttemptRow]:
        statement = select(validations).where(validations.c.onboarding_id == onboarding_id)
        with self._transactions.reading() as connection:
            rows = connection.execute(statement.order_by(validations.c.number)).mappings().all()
        return [AttemptRow(**_ATTEMPT.read(row)) for row in rows]

    def list_problems(self, problem: Problem, *, now: datetime, limit: int) -> list[ProblemRow]:
        found = _QUERIES[problem](now).subquery()
        with self._transactions.reading() as connection:
            rows = connection.execute(select(found).order_by(found.c.since).limit(limit)).mappings().all()
        readable = [row for row in rows if Unreadable.TIME not in row.values()]
        return [ProblemRow(**dict(row) | {"kind": ProblemKind(row["kind"])}) for row in readable]

    def list_reverifications(self, partner: str | None, *, limit: int) -> list[ReverificationRow]:
        it = onboardings.c
        due_at = it.reverification_due_at
        due = select(it.id.label("onboarding_id"), it.partner, it.external_id, it.purpose, due_at).where(
            due_at.is_not(None), onboardings.c.external_id.is_not(None)
        )
        if partner is not None:
            due = due.where(onboardings.c.partner == partner)
        with self._transactions.reading() as connection:
            rows = connection.execute(due.order_by(due_at).limit(limit)).mappings().all()
        return [ReverificationRow(**row) for row in rows if Unreadable.TIME not in row.values()]

    def count_problems(self, now: datetime) -> list[ProblemCount]:
        """Also those of which there is none."""
        counts: dict[tuple[Problem, str, str], int] = {}
        with self._transactions.reading() as connection:
            for problem, query in _QUERIES.items():
                found = query(now).subquery()
                aged = select(found.c.kind, _age(found.c.since, now).label("age")).subquery()
                grouped = select(aged.c.kind, aged.c.age, func.count()).group_by(aged.c.kind, aged.c.age)
                counts |= {(problem, kind, age): number for kind, age, number in connection.execute(grouped)}
        return [
            ProblemCount(problem=problem, kind=kind, age=age, onboardings=counts.get((problem, kind, age), 0))
            for problem, kinds in KINDS.items()
            for kind in kinds
            for age in AGES
        ]


def _held(_now: datetime) -> Select[Any]:
    is_mismatch = validations.c.identity_match == IdentityMatch.MISMATCH
    waits_for_registry = validations.c.double_check == DoubleCheck.UNANSWERED
    kind = case(
        (is_mismatch, ProblemKind.IDENTITY),
        (waits_for_registry, ProblemKind.REGISTRY),
        else_=ProblemKind.IDENTITY_UNKNOWN,
    )
    joined = _rows(kind).join(validations, _CURRENT)
    return joined.where(HELD, validations.c.operator_decision.is_(None), _UNDER_WAY)


def _stuck(now: datetime) -> Select[Any]:
    current = select(onboardings.c.id).join(validations, _CURRENT)
    lacks_page = current.where(WITHOUT_PAGE, validations.c.refreshes >= REFRESHES_FOR_PAGE, _UNDER_WAY)
    refused = select(onboardings.c.id).where(
        FAILING, onboardings.c.stall_reason == StallReason.HOSTED_PAGE_REFUSED, _UNDER_WAY
    )
    is_anothers = and_(
        onboardings.c.stall_reason == StallReason.DETAILS_REFUSED,
        onboardings.c.entity_conflict == EntityConflict.ANOTHER_PERSON,
    )
    anothers = select(onboardings.c.id).where(FAILING, is_anothers, _UNDER_WAY)
    is_free = or_(onboardings.c.lease_until.is_(None), onboardings.c.lease_until < now)
    overdue = select(onboardings.c.id).where(onboardings.c.due_at < now - OVERDUE_AFTER, is_free)
    kind = case(
        (onboardings.c.stall_reason == StallReason.HOSTED_PAGE_REFUSED, ProblemKind.HOSTED_PAGE_REFUSED),
        (is_anothers, ProblemKind.ANOTHER_PERSON),
        (onboardings.c.id.in_(lacks_page), ProblemKind.NO_HOSTED_PAGE),
        else_=ProblemKind.OVERDUE,
    )
    return _rows(kind).where(onboardings.c.id.in_(lacks_page.union(refused, anothers, overdue)))


def _failing(_now: datetime) -> Select[Any]:
    is_refused = onboardings.c.stall_reason == StallReason.REFUSED
    kind = case((is_refused, ProblemKind.REFUSED), else_=ProblemKind.UNAVAILABLE)
    return _rows(kind).where(
        FAILING,
        onboardings.c.failures > 0,
        onboardings.c.due_at.is_not(None),
        onboardings.c.stall_reason.is_distinct_from(StallReason.DETAILS_REFUSED),
    )


def _asked_to_erase(_now: datetime) -> Select[Any]:
    return _rows(literal(ProblemKind.ASKED), since=onboardings.c.erasure_asked_at).where(ERASURE_ASKED)


def _rows(kind: ColumnElement[Any], since: ColumnElement[Any] = onboardings.c.updated_at) -> Select[Any]:
    return select(
        onboardings.c.id.label("onboarding_id"),
        onboardings.c.partner,
        kind.label("kind"),
        since.label("since"),
        onboardings.c.due_at,
        onboardings.c.failures,
    )


def _age(since: ColumnElement[Any], now: datetime) -> ColumnElement[Any]:
    bounds = [(since >= now - longest, name) for name, longest in AGES.items() if longest]
    return case(*bounds, else_=next(name for name, longest in AGES.items() if longest is None))


_QUERIES = {Problem.HELD: _held, Problem.STUCK: _stuck, Problem.FAILING: _failing, Problem.ERASURE: _asked_to_erase}
