"""Where an onboarding stands for its applicant: derived from what is stored, never stored itself."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

from portal.domain.onboarding import Onboarding, StallReason
from portal.domain.reasons import COOL_DOWN, Remedy
from portal.domain.status import Status
from portal.domain.validation import CreationState, Validation


class Stage(StrEnum):
    DETAILS = "details"
    PREPARING = "preparing"
    READY = "ready"
    WAITING = "waiting"
    CONFIRMING = "confirming"
    IN_REVIEW = "in_review"
    APPROVED = "approved"
    REJECTED = "rejected"
    EXPIRED = "expired"
    ABANDONED = "abandoned"
    CANCELLED = "cancelled"
    DELAYED = "delayed"
    CLOSED = "closed"

    @property
    def is_final(self) -> bool:
        """Nothing changes any more unless the applicant acts."""
        return self in _FINAL


_FINAL = {Stage.DETAILS, Stage.APPROVED, Stage.REJECTED, Stage.EXPIRED, Stage.CANCELLED, Stage.CLOSED}

_BY_STATUS = {
    Status.PENDING: Stage.WAITING,
    Status.IN_PROGRESS: Stage.WAITING,
    Status.UNKNOWN: Stage.WAITING,
    Status.IN_REVIEW: Stage.IN_REVIEW,
    Status.APPROVED: Stage.APPROVED,
    Status.REJECTED: Stage.REJECTED,
    Status.EXPIRED: Stage.EXPIRED,
    Status.ABANDONED: Stage.ABANDONED,
    Status.CANCELLED: Stage.CANCELLED,
}

_RETRYABLE = {Stage.REJECTED, Stage.EXPIRED, Stage.CANCELLED}

FAILURES_BEFORE_DELAYED = 2
"""One failed call is noise, unless it is followed by a long pause; after the second the applicant is told."""
LONG_PAUSE = timedelta(seconds=30)


def stage_of(onboarding: Onboarding, *, max_attempts: int) -> Stage:
    if onboarding.stopped_at:
        return Stage.CANCELLED
    if onboarding.verified_before_at:
        return Stage.APPROVED
    if onboarding.stall_reason is StallReason.DETAILS_REFUSED or onboarding.validation is None:
        return Stage.DETAILS
    validation = onboarding.validation
    if validation.creation_state is not CreationState.ADOPTED:
        return Stage.DELAYED if _is_delayed(onboarding) else Stage.PREPARING
    if onboarding.stall_reason is StallReason.HOSTED_PAGE_REFUSED and not validation.status.is_final:
        return Stage.DELAYED
    stage = _adopted(validation)
    if stage is Stage.WAITING and _is_delayed(onboarding):
        return Stage.DELAYED
    if stage in _RETRYABLE and onboarding.attempts >= max_attempts:
        return Stage.CLOSED
    return stage


def attempts_left(onboarding: Onboarding, *, max_attempts: int) -> int:
    return max(0, max_attempts - onboarding.attempts)


def may_retry(onboarding: Onboarding, *, max_attempts: int, now: datetime) -> bool:
    """Whether the next attempt may be opened now."""
    waits = retry_waits_until(onboarding, max_attempts=max_attempts, now=now)
    return waits is None and _is_retryable(onboarding, max_attempts)


def retry_waits_until(onboarding: Onboarding, *, max_attempts: int, now: datetime) -> datetime | None:
    """When the next attempt may be opened, where that is still to come."""
    validation = onboarding.validation
    if validation is None or validation.remedy is not Remedy.RETRY_LATER or not _is_retryable(onboarding, max_attempts):
        return None
    # Counted from when the applicant could first see it; gu1 may have known for long.
    opens_at = onboarding.updated_at + COOL_DOWN
    return opens_at if now < opens_at else None


def leads_on(onboarding: Onboarding, *, max_attempts: int, now: datetime) -> bool:
    """Whether its access link still leads somewhere, so that nobody needs another one."""
    if onboarding.erased_at or onboarding.stopped_at or now >= onboarding.ends_at:
        return False
    stage = stage_of(onboarding, max_attempts=max_attempts)
    if stage in _RETRYABLE:
        return _is_retryable(onboarding, max_attempts)
    return stage not in {Stage.APPROVED, Stage.CLOSED}


def may_continue(onboarding: Onboarding, now: datetime) -> bool:
    """Whether the hosted page may be opened now."""
    validation = onboarding.validation
    return (
        validation is not None
        and onboarding.stopped_at is None
        and validation.creation_state is CreationState.ADOPTED
        and validation.session_url is not None
        and now < validation.ends_at
        and validation.status in {Status.PENDING, Status.IN_PROGRESS, Status.ABANDONED}
    )


def _is_retryable(onboarding: Onboarding, max_attempts: int) -> bool:
    """An abandoned session is gone on with, not replaced: the old one could still be completed and paid."""
    if onboarding.stopped_at or onboarding.erased_at or onboarding.validation is None:
        return False
    stage = stage_of(onboarding, max_attempts=max_attempts)
    return stage in _RETRYABLE and onboarding.validation.remedy is not Remedy.CONTACT


def _adopted(validation: Validation) -> Stage:
    if validation.is_confirming:
        return Stage.CONFIRMING
    if validation.ran_out:
        return Stage.EXPIRED
    if validation.is_doubtful:
        return Stage.IN_REVIEW
    if validation.lacks_page:
        return Stage.DELAYED
    if validation.status is Status.PENDING and validation.session_url and validation.shown_at is None:
        return Stage.READY
    return _BY_STATUS[validation.status]


def _is_delayed(onboarding: Onboarding) -> bool:
    if onboarding.stall_reason is StallReason.REFUSED or onboarding.failures >= FAILURES_BEFORE_DELAYED:
        return True
    answer_lost = onboarding.validation is not None and onboarding.validation.creation_state is CreationState.SENT
    long_pause = onboarding.due_at is not None and onboarding.due_at - onboarding.updated_at >= LONG_PAUSE
    return onboarding.failures > 0 and (answer_lost or long_pause)
