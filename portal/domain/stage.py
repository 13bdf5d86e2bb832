"""The stages of an onboarding: the one table of what each means, and how the stage follows from what is stored.

A new stage needs a row in `STAGES`, a title in `web/applicant/stage_view.py` and a template in
`templates/onboarding/stage/`; everything else follows from the row.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from portal.domain.attempts import are_used_up, is_held_back
from portal.domain.onboarding import Onboarding, StallReason
from portal.domain.reasons import Remedy
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
    LAPSED = "lapsed"

    @property
    def facts(self) -> StageFacts:
        return STAGES[self]

    @property
    def is_final(self) -> bool:
        """Nothing changes until the applicant acts, so the page does not poll."""
        return self.facts.is_final


class Mood(StrEnum):
    """The colour of a stage's picture."""

    NEUTRAL = "neutral"
    QUIET = "quiet"
    WARNING = "warn"


@dataclass(frozen=True, slots=True, kw_only=True)
class StageFacts:
    """All that differs between stages. Pages, templates, the API, embed.js and portal.js read it from here."""

    is_final: bool = False
    allows_retry: bool = False
    """The next validation may be opened, if the remedy and the number of attempts allow it."""
    returns_to_partner: bool = False
    """The page offers the way back to the partner: the applicant need not stay."""
    offers_contact: bool = False
    """A person can help, whatever the reason."""
    hosted_page_ahead: bool = False
    """The applicant still has to take the photos."""
    hosted_page_may_be_open: bool = False
    """The applicant may be on the provider's page, so embed.js does not reload the frame."""
    progress: int | None = None
    """The step that the progress bar shows as current, from 1."""
    picture: str
    """The name of `static/art-*.svg` above the title."""
    mood: Mood = Mood.NEUTRAL
    shortest_reload: int = 5
    """Seconds between two reloads of the page without JavaScript, at least."""


STAGES: dict[Stage, StageFacts] = {
    Stage.DETAILS: StageFacts(is_final=True, progress=1, picture="document"),
    Stage.PREPARING: StageFacts(
        hosted_page_ahead=True, hosted_page_may_be_open=True, progress=2, picture="preparing", shortest_reload=2
    ),
    Stage.READY: StageFacts(hosted_page_ahead=True, hosted_page_may_be_open=True, progress=2, picture="camera"),
    Stage.WAITING: StageFacts(hosted_page_may_be_open=True, progress=3, picture="waiting"),
    Stage.CONFIRMING: StageFacts(progress=3, picture="waiting"),
    Stage.IN_REVIEW: StageFacts(returns_to_partner=True, progress=3, picture="review"),
    Stage.APPROVED: StageFacts(is_final=True, returns_to_partner=True, progress=4, picture="approved"),
    Stage.REJECTED: StageFacts(
        is_final=True,
        allows_retry=True,
        returns_to_partner=True,
        progress=3,
        picture="problem",
        mood=Mood.WARNING,
    ),
    Stage.EXPIRED: StageFacts(
        is_final=True, allows_retry=True, returns_to_partner=True, picture="expired", mood=Mood.QUIET
    ),
    Stage.ABANDONED: StageFacts(hosted_page_ahead=True, progress=2, picture="expired", mood=Mood.QUIET),
    Stage.CANCELLED: StageFacts(
        is_final=True,
        allows_retry=True,
        returns_to_partner=True,
        offers_contact=True,
        picture="cancelled",
        mood=Mood.QUIET,
    ),
    Stage.DELAYED: StageFacts(hosted_page_may_be_open=True, progress=2, picture="delayed", mood=Mood.QUIET),
    Stage.CLOSED: StageFacts(
        is_final=True, returns_to_partner=True, offers_contact=True, picture="problem", mood=Mood.WARNING
    ),
    Stage.LAPSED: StageFacts(is_final=True, offers_contact=True, picture="expired", mood=Mood.QUIET),
}

_missing = set(Stage) - set(STAGES)
if _missing:
    raise LookupError(f"stages without a row in STAGES: {', '.join(sorted(_missing))}")

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

FAILURES_BEFORE_DELAYED = 2
"""The page says "delayed" from the second failure on, or if the pause after the first one is long."""
LONG_PAUSE = timedelta(seconds=30)


_AWAITED = {Stage.WAITING, Stage.CONFIRMING, Stage.IN_REVIEW}
"""What comes next does not come by the access link."""
_OPEN = {Stage.DETAILS, Stage.PREPARING, Stage.READY, Stage.ABANDONED, Stage.DELAYED}


def stage_of(onboarding: Onboarding, *, max_attempts: int) -> Stage:
    stage = _stage_with_link(onboarding, max_attempts)
    return Stage.LAPSED if onboarding.lapsed_at and _needs_link(onboarding, stage) else stage


def needs_link(onboarding: Onboarding, *, max_attempts: int) -> bool:
    """It goes no further before the applicant acts at the access link, which may have ended."""
    return _needs_link(onboarding, _stage_with_link(onboarding, max_attempts))


def is_retryable(onboarding: Onboarding, stage: Stage) -> bool:
    """Not for an abandoned session, which could still be completed and paid: it has to be closed at gu1 first."""
    if onboarding.stopped_at or onboarding.erased_at or onboarding.validation is None:
        return False
    if onboarding.is_correcting:
        return False
    needs_a_person = onboarding.validation.remedy is Remedy.CONTACT and not onboarding.has_allowed_attempt
    return (stage.facts.allows_retry or stage is Stage.CLOSED) and not needs_a_person


def _needs_link(onboarding: Onboarding, stage: Stage) -> bool:
    if onboarding.erased_at or stage in _AWAITED:
        return False
    if stage is Stage.DELAYED and onboarding.validation is not None and onboarding.validation.opened_at:
        return False  # the photos may be taken
    return stage in _OPEN or is_retryable(onboarding, stage)


def _stage_with_link(onboarding: Onboarding, max_attempts: int) -> Stage:
    """While its access link leads to it."""
    if onboarding.stopped_at:
        return Stage.CANCELLED
    if onboarding.verified_before_at:
        return Stage.APPROVED
    if onboarding.stall_reason is StallReason.DETAILS_REFUSED or onboarding.validation is None:
        return Stage.DETAILS
    if is_held_back(onboarding, max_attempts):
        return Stage.CLOSED
    validation = onboarding.validation
    if validation.creation_state is not CreationState.ADOPTED:
        return Stage.DELAYED if _is_delayed(onboarding) else Stage.PREPARING
    if validation.is_restarting:
        return Stage.DELAYED if _is_delayed(onboarding) else Stage.PREPARING
    if onboarding.stall_reason is StallReason.HOSTED_PAGE_REFUSED and not validation.status.is_final:
        return Stage.DELAYED
    stage = _adopted(validation)
    if stage is Stage.WAITING and _is_delayed(onboarding):
        return Stage.DELAYED
    if stage.facts.allows_retry and are_used_up(onboarding, max_attempts):
        return Stage.CLOSED
    return stage


def _adopted(validation: Validation) -> Stage:
    if validation.is_confirming:
        return Stage.IN_REVIEW if validation.is_overdue else Stage.CONFIRMING
    if validation.ran_out:
        return Stage.EXPIRED
    if validation.is_doubtful:
        return Stage.IN_REVIEW
    if validation.lacks_page:
        return Stage.DELAYED
    if validation.status is Status.PENDING and validation.session_url and validation.opened_at is None:
        return Stage.READY
    return _BY_STATUS[validation.status]


def _is_delayed(onboarding: Onboarding) -> bool:
    if onboarding.stall_reason is StallReason.REFUSED or onboarding.failures >= FAILURES_BEFORE_DELAYED:
        return True
    answer_lost = onboarding.validation is not None and onboarding.validation.creation_state is CreationState.SENT
    long_pause = onboarding.due_at is not None and onboarding.due_at - onboarding.updated_at >= LONG_PAUSE
    return onboarding.failures > 0 and (answer_lost or long_pause)
