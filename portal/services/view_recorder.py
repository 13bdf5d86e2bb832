"""Notes whose page is open, without a write in the request: the runner saves what was noted, all at once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from portal.domain.onboarding import Onboarding
from portal.services.ports import Clock, PollState, Store
from portal.services.refresh_plan import RefreshPlan

VIEW_RECORDED_EVERY = timedelta(seconds=30)
WATCHED_FOR = timedelta(seconds=90)
"""How long after a view the page counts as open; longer than the slowest poll."""
SAVED_EVERY = timedelta(seconds=1)
"""Unless somebody has just come: the runner asks many times a second, and each time costs a write."""


class ViewRecorder:
    def __init__(
        self,
        store: Store,
        refresh_plan: RefreshPlan,
        *,
        clock: Clock,
        wake: Callable[[], None],
        request_refresh: Callable[[str], None],
    ) -> None:
        """`wake` wakes the runner, which then calls `save`."""
        self._store = store
        self._clock = clock
        self._wake = wake
        self._request_refresh = request_refresh
        self._refresh_plan = refresh_plan
        self._came: dict[str, bool] = {}
        """By the ids of those who look: whether they have only just come."""
        self._has_newcomers = False
        self._saved_at: datetime | None = None

    def note(self, onboarding: Onboarding | PollState, now: datetime) -> None:
        if onboarding.due_at is None or _is_watched(onboarding, now - VIEW_RECORDED_EVERY):
            return
        came = not _is_watched(onboarding, now - WATCHED_FOR)
        is_news = onboarding.id not in self._came
        self._came[onboarding.id] = came
        if came and is_news:
            self._has_newcomers = True
            self._wake()

    def save(self) -> None:
        """Gives priority to whoever looks, and requests a refresh for those who came. May leave it to a later call.

        Raises `StoreUnavailable`; the views are then forgotten, and noted again by the next polls.
        """
        now = self._clock()
        if not self._has_newcomers and self._saved_at and abs(now - self._saved_at) < SAVED_EVERY:
            return
        self._has_newcomers, self._saved_at = False, now
        noted: dict[str, bool] = {}
        while self._came:  # other threads keep adding
            onboarding_id, came = self._came.popitem()
            noted[onboarding_id] = came
        if noted:
            came_ids = [onboarding_id for onboarding_id, came in noted.items() if came]
            told_by = self._refresh_plan.due_for_who_came(now)
            for onboarding_id in self._store.record_views(list(noted), came_ids, now, told_by):
                self._request_refresh(onboarding_id)


def _is_watched(onboarding: Onboarding | PollState, since: datetime) -> bool:
    return onboarding.watched_at is not None and onboarding.watched_at >= since
