"""What an applicant can do at a moment, derived from the stage and what is stored."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from portal.domain.attempts import attempts_left, next_attempt_at
from portal.domain.onboarding import Onboarding
from portal.domain.reasons import outage_wait
from portal.domain.stage import Stage, is_retryable, needs_link, stage_of
from portal.domain.status import Status
from portal.domain.validation import CreationState


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    stage: Stage
    attempts_left: int
    """Without those that somebody else used with the same number, until that matters."""
    more_attempts_at: datetime | None
    """When an attempt leaves the window, so that `attempts_left` may grow."""
    may_retry: bool
    """The next validation may be opened now."""
    retry_opens_at: datetime | None
    """When the next validation may be opened; None if that is now or never."""
    may_restart: bool
    """The abandoned validation may be closed and followed by the next."""
    may_continue: bool
    """The hosted page may be opened now."""
    may_correct_number: bool
    """The applicant may give the document number once more."""
    is_final: bool
    """Nothing more can come of the applicant's acts. `kyc-finished` reports this."""


def standing_of(onboarding: Onboarding, *, max_attempts: int, attempts_window: timedelta, now: datetime) -> Standing:
    onboarding = as_of(onboarding, max_attempts=max_attempts, attempts_window=attempts_window, now=now)
    stage = stage_of(onboarding, max_attempts=max_attempts)
    can_retry = is_retryable(onboarding, stage)
    opens_at = retry_opens_at(onboarding, max_attempts=max_attempts, attempts_window=attempts_window)
    is_too_early = opens_at is not None and now < opens_at
    leave_at = [time + attempts_window for time in onboarding.attempt_times]
    count_left = partial(attempts_left, max_attempts=max_attempts, window=attempts_window, now=now)
    left = count_left(onboarding)
    return Standing(
        stage=stage,
        attempts_left=left if _tells_of_others(onboarding, stage) else count_left(_with_own_attempts(onboarding)),
        more_attempts_at=min((it for it in leave_at if it > now), default=None),
        may_retry=can_retry and not is_too_early,
        retry_opens_at=opens_at if is_too_early else None,
        may_restart=_may_restart(onboarding, stage, now) and left > 0,
        may_continue=may_continue(onboarding, now),
        may_correct_number=may_correct_number(onboarding, now) and not onboarding.given_by_partner,
        is_final=is_final(onboarding, max_attempts=max_attempts, attempts_window=attempts_window),
    )


def as_of(onboarding: Onboarding, *, max_attempts: int, attempts_window: timedelta, now: datetime) -> Onboarding:
    """Lapsed, if that was not noted yet."""
    if onboarding.lapsed_at or now < onboarding.link_ends_at or not needs_link(onboarding, max_attempts=max_attempts):
        return onboarding
    if is_final(onboarding, max_attempts=max_attempts, attempts_window=attempts_window):
        return onboarding
    return replace(onboarding, lapsed_at=onboarding.link_ends_at)


def retry_opens_at(onboarding: Onboarding, *, max_attempts: int, attempts_window: timedelta) -> datetime | None:
    """When the next validation may be opened; None if that needs no wait, or will never be."""
    stage = stage_of(onboarding, max_attempts=max_attempts)
    if not is_retryable(onboarding, stage):
        return None
    if stage is Stage.CLOSED:
        return next_attempt_at(onboarding, max_attempts=max_attempts, window=attempts_window)
    return _outage_ends_at(onboarding)


def is_final(onboarding: Onboarding, *, max_attempts: int, attempts_window: timedelta) -> bool:
    """No wait, and no retry either, now or later on the same link. A reviewer at gu1 may overturn a verdict still."""
    if not is_finished(onboarding, max_attempts=max_attempts):
        return False
    opens_at = retry_opens_at(onboarding, max_attempts=max_attempts, attempts_window=attempts_window)
    return opens_at is None or opens_at >= onboarding.ends_at


def is_finished(onboarding: Onboarding, *, max_attempts: int) -> bool:
    """The visit is over: no wait, and no retry or only after a window of attempts."""
    stage = stage_of(onboarding, max_attempts=max_attempts)
    return _is_finished(stage, is_retryable(onboarding, stage))


def link_is_useful(onboarding: Onboarding, *, max_attempts: int, now: datetime) -> bool:
    """An access link leads somewhere, if need be a new one, so the applicant does not need a new onboarding."""
    onboarding = replace(onboarding, lapsed_at=None)
    stage = stage_of(onboarding, max_attempts=max_attempts)
    can_retry = is_retryable(onboarding, stage)
    is_over = onboarding.erased_at or onboarding.stopped_at or now >= onboarding.ends_at
    return not is_over and (can_retry or not _is_finished(stage, can_retry))


def may_continue(onboarding: Onboarding, now: datetime) -> bool:
    validation = onboarding.validation
    return (
        validation is not None
        and onboarding.stopped_at is None
        and onboarding.lapsed_at is None
        and not validation.is_restarting
        and validation.creation_state is CreationState.ADOPTED
        and validation.session_url is not None
        and now < validation.ends_at
        and validation.status in {Status.PENDING, Status.IN_PROGRESS, Status.ABANDONED}
    )


def may_correct_number(onboarding: Onboarding, now: datetime) -> bool:
    """By whoever gave the number: once, while the verdict is held because of it, and no other attempt is open."""
    validation = onboarding.validation
    is_over = onboarding.erased_at or onboarding.stopped_at or now >= onboarding.ends_at
    is_held = validation is not None and validation.is_correctable and onboarding.recheck_at is None
    return is_held and onboarding.correction is None and not is_over


def _may_restart(onboarding: Onboarding, stage: Stage, now: datetime) -> bool:
    validation = onboarding.validation
    if stage is not Stage.ABANDONED or validation is None or onboarding.erased_at:
        return False
    return validation.restart_refused_at is None and may_continue(onboarding, now)


def _tells_of_others(onboarding: Onboarding, stage: Stage) -> bool:
    """Anybody may type a number, and must not learn from it whether its person verifies elsewhere."""
    validation = onboarding.validation
    is_rejected = validation is not None and validation.status is Status.REJECTED
    return is_rejected or stage is Stage.CLOSED or not onboarding.is_self_started


def _with_own_attempts(onboarding: Onboarding) -> Onboarding:
    return replace(onboarding, earlier_attempts=None)


def _is_finished(stage: Stage, can_retry: bool) -> bool:
    return stage is Stage.CLOSED or (stage.is_final and stage is not Stage.DETAILS and not can_retry)


def _outage_ends_at(onboarding: Onboarding) -> datetime | None:
    validation = onboarding.validation
    if validation is None or not validation.failed_by_outage or onboarding.has_allowed_attempt:
        return None
    # Counted from when the applicant could first see the rejection; gu1 may have known it earlier.
    return onboarding.updated_at + outage_wait(onboarding.outages_in_row)


def stopped(onboarding: Onboarding, now: datetime) -> Onboarding | None:
    """None if it was stopped before, or is over."""
    settled = onboarding.validation is not None and onboarding.validation.is_settled
    if onboarding.stopped_at or onboarding.verified_before_at or settled:
        return None
    return replace(onboarding, stopped_at=now, details=None, name_digests=None, due_at=now, updated_at=now)
