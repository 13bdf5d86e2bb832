"""The background loop that finds due onboardings and has each moved on by a step.

A step begins with a claim (fence and lease) and ends with one fenced write. A process that dies in
between loses nothing: the lease runs out, and the next engine goes on from the last write.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from datetime import datetime, timedelta
from functools import partial

from portal.domain.errors import StoreUnavailable
from portal.domain.onboarding import Onboarding
from portal.domain.timings import Timings
from portal.runner.polling_worker import PollingWorker
from portal.services.ports import Clock, Store


class OnboardingWorker(PollingWorker):
    def __init__(
        self,
        store: Store,
        take_step: Callable[[Onboarding], Coroutine[object, object, None]],
        *,
        clock: Clock,
        timings: Timings,
        bound: int = 16,
    ) -> None:
        """`bound`: how many onboardings are worked on at once."""
        super().__init__(timings)
        self._store = store
        self._take_step = take_step
        self._clock = clock
        self._bound = bound

    async def _start_due(self) -> int:
        self._pause = self._timings.idle
        room = self._bound - len(self._running)
        now = self._clock()
        if room <= 0 or not await self._is_something_due(now):
            return 0
        claim = partial(
            self._store.claim, now=now, lease_until=now + timedelta(seconds=self._timings.lease), limit=room
        )
        try:
            return await self._claim(claim, lambda onboarding: self._start(self._take_step(onboarding)))
        except StoreUnavailable:
            return 0

    async def _is_something_due(self, now: datetime) -> bool:
        """A look costs less than a claim, which takes SQLite's only write lock."""
        try:
            return self._is_due(await asyncio.to_thread(self._store.next_due, now), now)
        except StoreUnavailable:
            return False
