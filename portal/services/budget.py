"""How many looks at gu1 an hour may cost, shared by all replicas: people who wait at their page go first."""

from __future__ import annotations

from datetime import datetime, timedelta

from portal.services.onboardings import WATCHED_FOR
from portal.services.ports import Clock, SharedState, Store

HOUR = timedelta(hours=1)
ASK_AGAIN = timedelta(minutes=2)
"""For those whom nobody is waiting for, while their share of the hour is used up."""


class Budget:
    def __init__(self, store: Store, shared_state: SharedState, limit: int | None, clock: Clock) -> None:
        """`limit`: looks an hour; None where gu1 sets none."""
        self._store = store
        self._shared_state = shared_state
        self._limit = limit
        self._clock = clock

    def take(self, *, watched: bool) -> timedelta | None:
        """None where a look may be had now, else how long to wait before asking again."""
        if self._limit is None:
            return None
        now = self._clock()
        share = self._limit if watched else self._share_of_the_unwatched(now)
        if self._shared_state.spend(_hour(now), share):
            return None
        return self._left_of_hour(now) if watched else min(ASK_AGAIN, self._left_of_hour(now))

    def least_interval(self) -> timedelta:
        """Between two looks at one watched onboarding, if all of them are to get the same until the hour ends."""
        if self._limit is None:
            return timedelta()
        now = self._clock()
        left = max(1, self._limit - self._shared_state.spent(_hour(now)))
        rest = self._left_of_hour(now)
        return min(rest, rest * self._store.count_watched(now - WATCHED_FOR) / left)

    def _share_of_the_unwatched(self, now: datetime) -> int:
        """Half of the hour's budget, a little more of it with every minute."""
        return int((self._limit or 0) / 2 * ((now - _hour(now)) / HOUR))

    @staticmethod
    def _left_of_hour(now: datetime) -> timedelta:
        return _hour(now) + HOUR - now


def _hour(now: datetime) -> datetime:
    return now.replace(minute=0, second=0, microsecond=0)
