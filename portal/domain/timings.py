"""How long the engine waits: between looks at gu1, after a failure, before it believes that nothing was created."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import timedelta

from portal.domain.status import Status
from portal.domain.validation import Validation

LONGEST_WAIT = timedelta(hours=1)
"""Nothing is put off for longer: the store takes what lies far beyond for the work of a clock that ran ahead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timings:
    """All in seconds."""

    refreshes: tuple[tuple[int, float], ...] = ((12, 5.0), (32, 30.0), (60, 300.0))
    """(number of looks since the last change, seconds to the next)."""
    slow_refresh: float = 3600.0
    review_refresh: float = 300.0
    """People review at people's speed."""
    first_backoff: float = 1.0
    longest_backoff: float = 60.0
    refused_backoff: float = 30.0
    longest_refused: float = 600.0
    """An operator has to act: no need to hurry, but go on by ourselves afterwards."""
    quiet: float = 60.0
    """After a lost answer, until gu1's list is believed to show what it created."""
    look_again: float = 15.0
    rest_between_sends: float = 3600.0
    """From the third sending on, while an operator has been called."""
    first_sweep: float = 60.0
    """After a second sending, until gu1 is looked through for what both of them created; then ever more rarely."""
    last_sweep: float = 86400.0
    lease: float = 30.0
    grace: float = 8.0
    """For what is under way when the process is told to end; containers are given ten."""
    idle: float = 1.0
    """How often a worker looks for work that it was not woken for."""
    notify_again: tuple[float, ...] = (
        5.0,
        30.0,
        120.0,
        600.0,
        1800.0,
        3600.0,
        7200.0,
        18000.0,
        36000.0,
        *9 * (86400.0,),
    )
    """After each try that a partner's backend did not take; ten days in all."""
    longest_notify_wait: float = 86400.0
    """The longest wait that a backend may ask for."""
    notification_lease: float = 40.0
    """More than twice as long as a try may take."""
    save_again: tuple[float, ...] = (0.2, 1.0, 3.0)
    """Before each further try to write an outcome that the database did not take."""

    def refresh_after(self, validation: Validation) -> timedelta:
        if validation.status is Status.IN_REVIEW:
            return timedelta(seconds=self.review_refresh)
        for limit, seconds in self.refreshes:
            if validation.refreshes < limit:
                return timedelta(seconds=seconds)
        return timedelta(seconds=self.slow_refresh)

    def next_sweep(self, since: timedelta) -> timedelta | None:
        """`since` the last sending; None where nothing late is expected any more."""
        left = timedelta(seconds=self.last_sweep) - since
        later = max(7 * since, timedelta(seconds=self.first_sweep))
        return min(left, later, LONGEST_WAIT) if left > timedelta() else None

    def refused_wait(self, failures: int) -> timedelta:
        return timedelta(seconds=min(self.longest_refused, self.refused_backoff * 2 ** min(failures - 1, 16)))

    def notify_after(self, tries: int, retry_after: float | None = None) -> timedelta | None:
        """Until the next try, around what was planned so that events do not come back in step; None after the last."""
        if tries > len(self.notify_again):
            return None
        own = self.notify_again[tries - 1] * random.uniform(0.9, 1.1)  # noqa: S311
        stated = min(retry_after or 0.0, self.longest_notify_wait) * random.uniform(1.0, 1.1)  # noqa: S311
        return timedelta(seconds=max(own, stated))

    def backoff(self, failures: int, retry_after: float | None = None) -> timedelta:
        """Doubling with full jitter below it, so that onboardings do not come back in step."""
        ceiling = min(self.longest_backoff, self.first_backoff * 2 ** min(failures - 1, 16))
        own = ceiling * random.uniform(0.5, 1.0)  # noqa: S311
        stated = (retry_after or 0.0) * random.uniform(1.0, 1.2)  # noqa: S311
        return timedelta(seconds=max(own, stated))
