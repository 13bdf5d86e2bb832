"""What a page needs to show one onboarding: the stage in words, the pace of polling, the next action."""

from __future__ import annotations

import hashlib
import random
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask_babel import lazy_gettext as _

from portal.domain.onboarding import Onboarding, Trouble
from portal.domain.reasons import Reason
from portal.domain.stage import Stage, attempts_left, may_continue, may_retry, stage_of
from portal.domain.status import Status
from portal.web.reason_texts import ReasonText, text_of

TITLES = {
    Stage.DETAILS: _("Your details"),
    Stage.PREPARING: _("We are preparing your verification"),
    Stage.READY: _("Everything is ready"),
    Stage.WAITING: _("We are waiting for your result"),
    Stage.CONFIRMING: _("One last check"),
    Stage.IN_REVIEW: _("A person is reviewing your verification"),
    Stage.APPROVED: _("Your identity is verified"),
    Stage.REJECTED: _("We could not verify your identity"),
    Stage.EXPIRED: _("Your session ran out"),
    Stage.ABANDONED: _("Your verification is not finished"),
    Stage.CANCELLED: _("This verification was cancelled"),
    Stage.DELAYED: _("This is taking longer than usual"),
    Stage.CLOSED: _("This verification is closed"),
}

ON_HOLD = _("Your verification is on hold")

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
    title: Any
    may_retry: bool
    may_continue: bool
    may_stop: bool
    is_stopped: bool
    attempt: int
    attempts_left: int
    details_refused: bool
    is_doubtful: bool
    poll_after: float | None
    """Seconds; None where nothing changes unless the applicant acts."""
    version: str
    """Changes whenever anything on the page would."""


def view_of(onboarding: Onboarding, *, max_attempts: int, now: datetime, locale: str) -> StageView:
    stage = stage_of(onboarding, max_attempts=max_attempts)
    validation = onboarding.validation
    reason = validation.reason if validation else None
    retry = may_retry(onboarding, max_attempts=max_attempts)
    go_on = may_continue(onboarding, now)
    pace = _pace(stage, (now - onboarding.updated_at).total_seconds())
    doubtful = validation is not None and validation.is_doubtful
    facts = (stage, onboarding.status, doubtful, reason, retry, go_on, onboarding.attempts, pace, locale)
    return StageView(
        stage=stage,
        status=onboarding.status,
        reason=reason,
        reason_text=text_of(reason) if reason else None,
        title=ON_HOLD if doubtful and stage is Stage.IN_REVIEW else TITLES[stage],
        may_retry=retry,
        may_continue=go_on,
        may_stop=not stage.is_final,
        is_stopped=onboarding.stopped_at is not None,
        attempt=onboarding.attempts,
        attempts_left=attempts_left(onboarding, max_attempts=max_attempts),
        is_doubtful=doubtful,
        details_refused=onboarding.trouble is Trouble.DETAILS_REFUSED,
        poll_after=_jittered(pace),
        version=hashlib.sha256(repr(facts).encode()).hexdigest()[:12],
    )


def _pace(stage: Stage, age: float) -> float | None:
    if stage.is_final:
        return None
    return next((pace for limit, pace in _PACE if age < limit), _SLOWEST)


def _jittered(pace: float | None) -> float | None:
    """A little apart for everybody, so that pages opened together do not poll together for ever."""
    return None if pace is None else round(pace * random.uniform(1 - _JITTER, 1 + _JITTER), 1)  # noqa: S311
