"""How long people wait at the stages that a page puts a time to, as measured, in steps that a person would name."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from portal.domain.onboarding import Onboarding
from portal.domain.stage import Stage
from portal.domain.status import Status

SAMPLE = 200
"""The newest waits that count."""
ENOUGH = 30
"""With fewer, nothing is said of them."""
_MINUTE, _HOUR, _DAY = 60, 3600, 86400
STEPS = (
    *(10, 20, 30),
    *(it * _MINUTE for it in (1, 2, 3, 5, 10, 15, 20, 30)),
    *(it * _HOUR for it in (1, 2, 3, 5, 8, 12)),
    *(it * _DAY for it in (1, 2, 3, 5)),
)
"""In seconds."""

_ANSWERED = {Status.APPROVED, Status.REJECTED, Status.IN_REVIEW}


class Wait(NamedTuple):
    """In seconds, each one of `STEPS`."""

    usual: int
    """The median."""
    rarely_over: int
    """The ninth decile."""


class FinishedWait(NamedTuple):
    seconds: int
    country: str


def finished_wait(
    before: Onboarding, after: Onboarding, *, old: str | None, new: str, began: datetime | None, now: datetime
) -> FinishedWait | None:
    """None if `old` is no stage that a page puts a time to, or did not end as its page promises.

    `began`: when the stage `old` began.
    """
    validation = before.validation
    since, is_over = began, False
    if old == Stage.PREPARING:
        is_over = new in {Stage.READY, Stage.WAITING}
    elif old == Stage.WAITING:
        # Until then the person was at the photos.
        since = validation.returned_at if validation else None
        is_over = after.status in _ANSWERED
    elif old == Stage.CONFIRMING:
        is_over = after.status in _ANSWERED
    elif old == Stage.IN_REVIEW:
        # Not an approval on hold, which gu1 does not review.
        is_reviewed = validation is not None and validation.status is Status.IN_REVIEW
        is_over = is_reviewed and after.status in {Status.APPROVED, Status.REJECTED}
    if not is_over or since is None or after.country is None:
        return None
    return FinishedWait(max(0, round((now - since).total_seconds())), after.country)


def wait_of(seconds: Sequence[int]) -> Wait | None:
    """None if there are too few to tell."""
    if len(seconds) < ENOUGH:
        return None
    ordered = sorted(seconds)
    median, ninth = ordered[len(ordered) // 2], ordered[math.ceil(0.9 * len(ordered)) - 1]
    if ninth > STEPS[-1]:
        return None
    usual = min(STEPS, key=lambda step: abs(math.log(step / max(1, median))))
    return Wait(usual, next(step for step in STEPS if step >= max(usual, ninth)))
