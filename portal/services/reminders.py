"""Notes what falls due by time alone: photos that were left, links that are about to end, and links that ended.

Each is noted once, under the onboarding's lock, in one transaction with what partner and applicant are told of it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from portal.domain.errors import StoreUnavailable, UnknownOnboarding
from portal.domain.onboarding import Onboarding
from portal.domain.reminder_times import Reminder, reminder_times, with_reminders
from portal.services.ports import Store
from portal.services.validation_plan import Policy

SLICE = 100
TRIED_AGAIN = timedelta(minutes=10)
"""After a process that had claimed a reminder died, or could not read its onboarding."""

log = logging.getLogger(__name__)


class ReminderQueue(Protocol):
    def claim_reminders(self, now: datetime, *, again_at: datetime, limit: int) -> list[str]:
        """Onboardings whose `reminder_due_at` has come, which is then `again_at`."""


@dataclass(frozen=True, slots=True)
class ReminderPlan:
    policy_for: Callable[[Onboarding], Policy]
    photos_after: timedelta

    def times(self, onboarding: Onboarding) -> dict[Reminder, datetime]:
        policy = self.policy_for(onboarding)
        return reminder_times(
            onboarding,
            max_attempts=policy.max_attempts,
            attempts_window=policy.attempts_window,
            photos_after=self.photos_after,
        )

    def next_at(self, onboarding: Onboarding) -> datetime | None:
        return min(self.times(onboarding).values(), default=None)


@dataclass(frozen=True, slots=True)
class Reminders:
    queue: ReminderQueue
    store: Store
    plan: ReminderPlan

    def remind(self, now: datetime) -> bool:
        """True if more may be due. Raises `StoreUnavailable` if nothing could be claimed."""
        claimed = self.queue.claim_reminders(now, again_at=now + TRIED_AGAIN, limit=SLICE)
        for onboarding_id in claimed:
            try:
                self._remind(onboarding_id, now)
            except UnknownOnboarding:
                continue
            except StoreUnavailable as error:
                log.warning("onboarding %s: reminder postponed: %s", onboarding_id, type(error).__name__)
        return len(claimed) == SLICE

    def _remind(self, onboarding_id: str, now: datetime) -> None:
        with self.store.locked(onboarding_id) as row:
            due = {kind for kind, at in self.plan.times(row.onboarding).items() if at <= now}
            row.save(with_reminders(row.onboarding, due, now))
