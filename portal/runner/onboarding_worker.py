"""Claims due onboardings and takes the next step of each.

A step starts with a claim (fence and lease) and ends with one fenced write. If the process dies in
between, nothing is lost: the lease expires, and another worker continues from the last write.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Sequence
from datetime import timedelta
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
        room = self._limit() - len(self._running)
        started = await self._start_at_most(room) if await asyncio.to_thread(self._look, room) else 0
        if len(self._running) >= self._limit():  # more may be due
            await asyncio.to_thread(self.wake.notify_others)
        return started

    def _look(self, room: int) -> bool:
        """Whether there is something to claim. A read costs less than a claim, which needs SQLite's only write lock."""
        for prepare in self._before_claims:
            # They only give priority or save reads, so a failure must not keep anything from its next step.
            with contextlib.suppress(StoreUnavailable):
                prepare()
        if room <= 0:
            return False
        now = self._clock()
        try:
            return self._is_due(self._store.next_due(now), now)
        except StoreUnavailable:
            return False

    async def _start_at_most(self, room: int) -> int:
        now = self._clock()
        claim = partial(
            self._store.claim, now=now, lease_until=now + timedelta(seconds=self._timings.lease), limit=room
        )
        try:
            return await self._start_claimed(claim, lambda onboarding: self._start(self._take_step(onboarding)))
        except StoreUnavailable:
            return 0
