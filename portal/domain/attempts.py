"""How many attempts a person has left. They are counted per person over a window of time."""

from __future__ import annotations

from datetime import datetime, timedelta

from portal.domain.onboarding import Onboarding

DEFAULT_WINDOW = timedelta(hours=24)
SHORTEST_WINDOW = timedelta(hours=1)
LONGEST_WINDOW = timedelta(days=30)


def are_used_up(onboarding: Onboarding, max_attempts: int) -> bool:
    """After the current validation there is no attempt left in the window."""
    return len(onboarding.attempt_times) >= max_attempts and not onboarding.has_allowed_attempt


def is_held_back(onboarding: Onboarding, max_attempts: int) -> bool:
    """The current validation may not be opened yet: the person used up the attempts before it."""
    validation = onboarding.validation
    if validation is None or onboarding.stopped_at or onboarding.is_allowed_attempt:
        return False
    if validation.opened_at or validation.status.is_final:
        return False
    return len(onboarding.earlier_attempts or ()) >= max_attempts


def next_attempt_at(onboarding: Onboarding, *, max_attempts: int, window: timedelta) -> datetime | None:
    """When the oldest attempt that has to leave the window does so; None if there are attempts left."""
    times = onboarding.attempt_times
    return times[len(times) - max_attempts] + window if len(times) >= max_attempts else None


def attempts_left(onboarding: Onboarding, *, max_attempts: int, window: timedelta, now: datetime) -> int:
    """After the current validation, which is taken even if its hosted page was not opened yet."""
    validation, since = onboarding.validation, now - window
    used = sum(time > since for time in onboarding.attempt_times)
    is_open = validation is not None and not validation.status.is_final and not validation.is_attempt
    left = max(0, max_attempts - used - is_open)
    return max(1, left) if onboarding.has_allowed_attempt else left
