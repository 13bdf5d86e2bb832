"""Maximum gu1 read requests per hour across all replicas; onboardings with an open page come first."""

from __future__ import annotations

from datetime import datetime, timedelta

from portal.services.ports import Clock, SharedState, Store
from portal.services.view_recorder import WATCHED_FOR

HOUR = timedelta(hours=1)
UNWATCHED_PAUSE = timedelta(minutes=2)
"""For onboardings without an open page, while their share of the hour is used up."""


class Budget:
    def __init__(self, store: Store, shared_state: SharedState, limit: int | None, clock: Clock) -> None:
        """`limit`: reads per hour; None for no limit."""
        self._store = store
        self._shared_state = shared_state
        self._limit = limit
        self._clock = clock

    def take(self, *, watched: bool) -> timedelta | None:
        """Takes one read from the budget. Returns None, or how long to wait if the budget is used up."""
        if self._limit is None:
            return None
        now = self._clock()
        share = self._limit if watched else self._unwatched_share(now)
        if self._shared_state.spend(_hour(now), share):
            return None
        return self._rest_of_hour(now) if watched else min(UNWATCHED_PAUSE, self._rest_of_hour(now))

    def least_interval(self) -> timedelta:
        """Between two reads of one watched onboarding, so that all watched ones share the rest of the hour evenly."""
        if self._limit is None:
            return timedelta()
        now = self._clock()
        left = max(1, self._limit - self._shared_state.spent(_hour(now)))
        rest = self._rest_of_hour(now)
        return min(rest, rest * self._store.count_watched(now - WATCHED_FOR) / left)

    def _unwatched_share(self, now: datetime) -> int:
        """Grows linearly over the hour to half of its budget."""
        return int((self._limit or 0) / 2 * ((now - _hour(now)) / HOUR))

    @staticmethod
    def _rest_of_hour(now: datetime) -> timedelta:
        return _hour(now) + HOUR - now


def _hour(now: datetime) -> datetime:
    return now.replace(minute=0, second=0, microsecond=0)
