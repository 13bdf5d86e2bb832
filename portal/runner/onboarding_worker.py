"""Claims due onboardings and takes the next step of each.

A step starts with a claim (fence and lease) and ends with one fenced write. If the process dies in
between, nothing is lost: the lease expires, and another worker continues from the last write.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Sequence
from datetime import datetime, timedelta
from functools import partial

from portal.domain.errors import StoreUnavailable
from portal.domain.onboarding import Onboarding
from portal.domain.timings import Timings
from portal.runner.polling_worker import PollingWorker
from portal.runner.wake import Wake
from portal.services.ports import Clock, Store


class OnboardingWorker(PollingWorker):
    def __init__(
        self,
        store: Store,
        take_step: Callable[[Onboarding], Coroutine[object, object, None]],
        *,
        clock: Clock,
        timings: Timings,
        wake: Wake | None = None,
        limit: Callable[[], int] = lambda: 16,
        before_claims: Sequence[Callable[[], None]] = (),
    ) -> None:
        """`limit`: how many onboardings may be in progress at once at the moment."""
        super().__init__(timings, wake)
        self._before_claims = before_claims
        self._store = store
        self._take_step = take_step
        self._clock = clock
        self._limit = limit

    async def _start_due(self) -> int:
        self._pause = self._idle()
        await asyncio.to_thread(self._prepare)
        started = await self._start_as_many_as_allowed()
        if len(self._running) >= self._limit():  # more may be due
            await asyncio.to_thread(self.wake.notify_others)
        return started

    def _prepare(self) -> None:
        for prepare in self._before_claims:
            # They only give priority or save reads, so a failure must not keep anything from its next step.
            with contextlib.suppress(StoreUnavailable):
                prepare()

    async def _start_as_many_as_allowed(self) -> int:
        room, now = self._limit() - len(self._running), self._clock()
        if room <= 0 or not await self._has_due(now):
            return 0
        claim = partial(
            self._store.claim, now=now, lease_until=now + timedelta(seconds=self._timings.lease), limit=room
        )
        try:
            return await self._start_claimed(claim, lambda onboarding: self._start(self._take_step(onboarding)))
        except StoreUnavailable:
            return 0

    async def _has_due(self, now: datetime) -> bool:
        """A read costs less than a claim, which needs SQLite's only write lock."""
        try:
            return self._is_due(await asyncio.to_thread(self._store.next_due, now), now)
        except StoreUnavailable:
            return False
