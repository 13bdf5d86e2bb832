"""Onboardings that somebody should look at: held, stuck or failing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

OVERDUE_AFTER = timedelta(minutes=10)
"""A step that is due for so long and that nobody holds: the runner does not get to it."""


class Problem(StrEnum):
    HELD = "held"
    """gu1 approved, and the approval does not count here."""
    STUCK = "stuck"
    """Does not go on, although the applicant has nothing left to do."""
    FAILING = "failing"
    """A step failed and is tried again."""
    ERASURE = "erasure"
    """The applicant asks for the data to be erased."""


class ProblemKind(StrEnum):
    IDENTITY = "identity"
    """The verified document has another number or name than was given."""
    IDENTITY_UNKNOWN = "identity_unknown"
    """The verified document could not be compared, and the partner requires it."""
    REGISTRY = "registry"
    """RENAPER has not answered."""
    HOSTED_PAGE_REFUSED = "hosted_page_refused"
    ANOTHER_PERSON = "another_person"
    """gu1 has another person's entity for the number."""
    NO_HOSTED_PAGE = "no_hosted_page"
    OVERDUE = "overdue"
    UNAVAILABLE = "unavailable"
    REFUSED = "refused"
    ASKED = "asked"


KINDS: dict[Problem, tuple[ProblemKind, ...]] = {
    Problem.HELD: (ProblemKind.IDENTITY, ProblemKind.IDENTITY_UNKNOWN, ProblemKind.REGISTRY),
    Problem.STUCK: (
        ProblemKind.HOSTED_PAGE_REFUSED,
        ProblemKind.NO_HOSTED_PAGE,
        ProblemKind.ANOTHER_PERSON,
        ProblemKind.OVERDUE,
    ),
    Problem.FAILING: (ProblemKind.UNAVAILABLE, ProblemKind.REFUSED),
    Problem.ERASURE: (ProblemKind.ASKED,),
}

AGES: dict[str, timedelta | None] = {
    "1h": timedelta(hours=1),
    "1d": timedelta(days=1),
    "7d": timedelta(days=7),
    "older": None,
}
"""By name, how old at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProblemRow:
    onboarding_id: str
    partner: str | None
    kind: ProblemKind
    since: datetime
    """The last change that the applicant could see."""
    due_at: datetime | None
    failures: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReverificationRow:
    """A customer who has to verify again."""

    onboarding_id: str
    partner: str | None
    external_id: str
    purpose: str | None
    reverification_due_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ProblemCount:
    problem: Problem
    kind: ProblemKind
    age: str
    onboardings: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptRow:
    """A validation of an onboarding, also an earlier one."""

    number: int
    gu1_id: str | None
    status: str
    reason: str | None
    created_at: datetime
    opened_at: datetime | None
