"""The background loop that finds due onboardings and has each moved on by a step.

A step begins with a claim (fence and lease) and ends with one fenced write. A process that dies in
between loses nothing: the lease runs out, and the next engine goes on from the last write.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from portal.domain.errors import StoreUnavailable
from portal.domain.onboarding import Onboarding
from portal.services.pace import Pace
from portal.services.ports import Clock, Store


class Engine:
    def __init__(
        self,
        store: Store,
        take_step: Callable[[Onboarding], Awaitable[None]],
        *,
        clock: Clock,
        pace: Pace,
        bound: int = 16,
    ) -> None:
        """`bound`: how many onboardings are worked on at once."""
        self._store = store
        self._take_step = take_step
        self._clock = clock
        self._pace = pace
        self._bound = bound
        self._running: set[asyncio.Task[None]] = set()
        self._awake = asyncio.Event()
        self._pause = pace.idle

    def wake(self) -> None:
        """From the engine's own loop only."""
        self._awake.set()

    async def run(self) -> None:
        """Until cancelled; what is under way then is finished first."""
        try:
            while True:
                self._awake.clear()
                await self._start_due()
                # Not wait_for: before Python 3.12 it can swallow the very cancellation that ends this loop.
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self._pause):
                        await self._awake.wait()
        finally:
            await self._finish_running()

    async def _finish_running(self) -> None:
        """What takes longer is left to whoever claims it next."""
        if self._running:
            _done, late = await asyncio.wait(self._running, timeout=self._pace.grace)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def work_until_idle(self) -> None:
        """Everything that is due now, and what falls due by that."""
        while await self._start_due() or self._running:
            await asyncio.gather(*self._running)

    async def _start_due(self) -> int:
        self._pause = self._pace.idle
        room = self._bound - len(self._running)
        now = self._clock()
        if room <= 0 or not await self._is_something_due(now):
            return 0
        try:
            claimed = await asyncio.to_thread(
                self._store.claim, now=now, lease_until=now + timedelta(seconds=self._pace.lease), limit=room
            )
        except StoreUnavailable:
            return 0
        for onboarding in claimed:
            task = asyncio.ensure_future(self._take_step(onboarding))
            self._running.add(task)
            task.add_done_callback(self._done)
        return len(claimed)

    async def _is_something_due(self, now: datetime) -> bool:
        """A look costs less than a claim, which takes SQLite's only write lock."""
        try:
            due = await asyncio.to_thread(self._store.next_due, now)
        except StoreUnavailable:
            return False
        if due is not None and due > now:
            self._pause = min(self._pause, (due - now).total_seconds())
        return due is not None and due <= now

    def _done(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self._awake.set()
