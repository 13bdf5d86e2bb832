"""What a page needs to show one onboarding: the stage in words, the pace of polling, the next action."""

from __future__ import annotations

import hashlib
import random
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask_babel import lazy_gettext as _

from portal.domain.onboarding import Onboarding, StallReason
from portal.domain.reasons import Reason, Remedy
from portal.domain.stage import Stage, attempts_left, may_continue, may_retry, retry_waits_until, stage_of
from portal.domain.status import Status
from portal.domain.validation import CONFIRMS_WITHIN
from portal.web.applicant.reason_texts import ReasonText, text_of
from portal.web.applicant.relative_time import RelativeTime, relative_time
from portal.web.requesting_company import RequestingCompany

TITLES = {
    Stage.DETAILS: _("Your details"),
    Stage.PREPARING: _("We are preparing your verification"),
    Stage.READY: _("Everything is ready"),
    Stage.WAITING: _("We are waiting for your result"),
    Stage.CONFIRMING: _("One last check"),
    Stage.IN_REVIEW: _("A person is reviewing your verification"),
    Stage.APPROVED: _("Your identity is verified"),
    Stage.REJECTED: _("We could not verify your identity"),
    Stage.EXPIRED: _("The time for the camera step ran out"),
    Stage.ABANDONED: _("Your verification is not finished"),
    Stage.CANCELLED: _("This verification was cancelled"),
    Stage.DELAYED: _("This is taking longer than usual"),
    Stage.CLOSED: _("This verification is closed"),
}

ON_HOLD = _("Your verification is on hold")

LONG_WAIT = 60.0
"""Seconds without a change, after which nobody should feel tied to the page."""

# (seconds since the last change, seconds between polls): people look hard at first and less later.
_PACE = ((10, 1.0), (30, 2.0), (120, 3.0), (600, 5.0), (3600, 15.0))
_SLOWEST = 60.0
_JITTER = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class StageView:
    stage: Stage
    status: Status
    reason: Reason | None
    reason_text: ReasonText | None
    remedy: Remedy | None
    title: Any
    sign: Stage
    """Whose picture stands above the title."""
    may_retry: bool
    may_continue: bool
    may_stop: bool
    is_stopped: bool
    attempt: int
    attempts_left: int
    details_refused: bool
    is_doubtful: bool
    was_verified_before: bool
    waits_long: bool
    next_try: RelativeTime | None
    """Ours at gu1, where that is what everything waits for."""
    retry_opens: RelativeTime | None
    """The applicant's next attempt, where it is too early for it."""
    offers_contact: bool
    """Where only a person helps, and before the last attempt."""
    company: RequestingCompany
    poll_after: float | None
    """Seconds; None where nothing changes unless the applicant acts."""
    version: str
    """Changes whenever anything on the page would."""


def view_of(
    onboarding: Onboarding, *, max_attempts: int, now: datetime, locale: str, company: RequestingCompany | None = None
) -> StageView:
    stage = stage_of(onboarding, max_attempts=max_attempts)
    validation = onboarding.validation
    doubtful = validation is not None and validation.is_doubtful
    age = (now - onboarding.updated_at).total_seconds()
    opens = relative_time(retry_waits_until(onboarding, max_attempts=max_attempts, now=now), now)
    pace = _pace(stage, age)
    shown: dict[str, Any] = {
        "stage": stage,
        "status": onboarding.status,
        "reason": validation.reason if validation else None,
        "remedy": validation.remedy if validation else None,
        "may_retry": may_retry(onboarding, max_attempts=max_attempts, now=now),
        "may_continue": may_continue(onboarding, now),
        "may_stop": not stage.is_final,
        "is_stopped": onboarding.stopped_at is not None,
        "attempt": onboarding.attempts,
        "attempts_left": attempts_left(onboarding, max_attempts=max_attempts),
        "details_refused": onboarding.stall_reason is StallReason.DETAILS_REFUSED,
        "is_doubtful": doubtful,
        "was_verified_before": onboarding.verified_before_at is not None,
        "waits_long": not stage.is_final and age >= LONG_WAIT,
        "next_try": relative_time(onboarding.due_at, now) if stage is Stage.DELAYED else None,
        "retry_opens": opens,
        "company": company or RequestingCompany(),
    }
    ran_out = stage in {Stage.READY, Stage.ABANDONED} and not shown["may_continue"]
    sign = Stage.EXPIRED if ran_out else stage
    return StageView(
        **shown,
        reason_text=_reason_text(onboarding),
        title=ON_HOLD if stage is Stage.IN_REVIEW and doubtful else TITLES[sign],
        sign=sign,
        offers_contact=_offers_contact(onboarding, stage, shown["attempts_left"], age),
        poll_after=opens.seconds_unchanged(now) + random.uniform(0.5, 1.5) if opens else _jittered(pace),  # noqa: S311
        version=_version(shown, pace, locale),
    )


def _reason_text(onboarding: Onboarding) -> ReasonText | None:
    validation = onboarding.validation
    if validation is None or validation.status is not Status.REJECTED:
        return None
    return text_of(validation.reason or Reason.UNSPECIFIED, onboarding.country)


def _offers_contact(onboarding: Onboarding, stage: Stage, left: int, age: float) -> bool:
    validation = onboarding.validation
    if stage is Stage.CONFIRMING:
        return age >= CONFIRMS_WITHIN.total_seconds()
    if stage is Stage.REJECTED and validation:
        return validation.remedy is Remedy.CONTACT or left <= 1
    is_held = stage is Stage.IN_REVIEW and validation is not None and validation.is_doubtful
    return is_held or stage in {Stage.CANCELLED, Stage.CLOSED}


def _version(shown: dict[str, Any], pace: float | None, locale: str) -> str:
    minutes = {name: it.minutes for name, it in shown.items() if isinstance(it, RelativeTime)}
    return hashlib.sha256(repr((shown | minutes, pace, locale)).encode()).hexdigest()[:12]


def _pace(stage: Stage, age: float) -> float | None:
    if stage.is_final:
        return None
    return next((pace for limit, pace in _PACE if age < limit), _SLOWEST)


def _jittered(pace: float | None) -> float | None:
    """A little apart for everybody, so that pages opened together do not poll together for ever."""
    return None if pace is None else round(pace * random.uniform(1 - _JITTER, 1 + _JITTER), 1)  # noqa: S311
