"""Counts the attempts of a person: of a partner's customer, else of a document number that somebody typed.

Anybody can type a number. So of other onboardings only those attempts count that reached the hosted page and that gu1
then rejected or still may decide, and their times are rounded up to the hour.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from portal.domain.attempts import is_held_back, next_attempt_at
from portal.domain.onboarding import Onboarding
from portal.domain.validation import CLOCKS_APART
from portal.services.keyed_hash import KeyedHash
from portal.services.ports import Clock, FindAttempts
from portal.services.validation_plan import Policy, person_of

HOUR = timedelta(hours=1)


class PersonAttempts:
    def __init__(self, keyed_hash: KeyedHash, policy_for: Callable[[Onboarding], Policy], clock: Clock) -> None:
        self._keyed_hash = keyed_hash
        self._policy_for = policy_for
        self._clock = clock

    def counted(self, onboarding: Onboarding, find: FindAttempts) -> Onboarding:
        """With what `find` knows of the attempts before the current validation."""
        now, window = self._clock(), self._policy_for(onboarding).attempts_window
        person = onboarding.person or person_of(self._keyed_hash, onboarding)
        # A later time is of a clock that ran ahead.
        found = find(person, now - window, now + CLOCKS_APART)
        may_be_others = onboarding.is_self_started
        times = [_rounded_up(it.at) if may_be_others and not it.is_own else it.at for it in found]
        return replace(onboarding, person=person, earlier_attempts=tuple(sorted(times)))

    def held_back_until(self, onboarding: Onboarding) -> datetime | None:
        """When the current validation may be opened; None if it already may."""
        policy = self._policy_for(onboarding)
        if not is_held_back(onboarding, policy.max_attempts):
            return None
        return next_attempt_at(onboarding, max_attempts=policy.max_attempts, window=policy.attempts_window)


def _rounded_up(moment: datetime) -> datetime:
    """To the hour, so that nobody learns when somebody else tried."""
    whole = moment.replace(minute=0, second=0, microsecond=0)
    return whole if whole == moment else whole + HOUR
