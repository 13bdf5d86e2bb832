"""What applicants and partners are reminded of by time alone, and when."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from enum import StrEnum

from portal.domain.onboarding import Onboarding
from portal.domain.stage import needs_link
from portal.domain.standing import is_final
from portal.domain.status import Status
from portal.domain.validation import Validation

BEFORE_THE_END = timedelta(days=3)
SHORTEST_WITH_REMINDER = timedelta(days=1)
"""Of a link's life: whoever has a shorter one was just given it."""
_LEFT_OPEN = {Status.PENDING, Status.IN_PROGRESS, Status.ABANDONED}


class Reminder(StrEnum):
    LEFT_AT_PHOTOS = "left_at_photos"
    EXPIRING = "expiring"
    LAPSED = "lapsed"


def reminder_times(
    onboarding: Onboarding, *, max_attempts: int, attempts_window: timedelta, photos_after: timedelta
) -> dict[Reminder, datetime]:
    """Those that were not made yet. `photos_after`: how long after the hosted page was opened."""
    if (
        onboarding.lapsed_at
        or onboarding.erased_at
        or is_final(onboarding, max_attempts=max_attempts, attempts_window=attempts_window)
    ):
        return {}
    times: dict[Reminder, datetime] = {}
    validation = onboarding.validation
    is_left = validation is not None and is_left_at_photos(validation)
    if validation and validation.opened_at and is_left and onboarding.photos_reminded_at is None:
        times[Reminder.LEFT_AT_PHOTOS] = validation.opened_at + photos_after
    is_applicants_turn = needs_link(onboarding, max_attempts=max_attempts)
    begin, end = onboarding.link_issued_at or onboarding.created_at, onboarding.link_ends_at
    is_long = end - begin >= SHORTEST_WITH_REMINDER
    if is_long and onboarding.expiry_reminded_at is None and (is_applicants_turn or is_left):
        times[Reminder.EXPIRING] = end - min(BEFORE_THE_END, (end - begin) / 4)
    if is_applicants_turn:
        times[Reminder.LAPSED] = end
    return times


def is_left_at_photos(validation: Validation) -> bool:
    """The hosted page was opened, and nothing says that the photos were taken."""
    return validation.opened_at is not None and validation.returned_at is None and validation.status in _LEFT_OPEN


def with_reminders(onboarding: Onboarding, due: set[Reminder], now: datetime) -> Onboarding:
    """Noted as made. Who lapses is told of that alone."""
    if Reminder.LAPSED in due:
        return replace(onboarding, lapsed_at=now, updated_at=now)
    return replace(
        onboarding,
        photos_reminded_at=now if Reminder.LEFT_AT_PHOTOS in due else onboarding.photos_reminded_at,
        expiry_reminded_at=now if Reminder.EXPIRING in due else onboarding.expiry_reminded_at,
    )
