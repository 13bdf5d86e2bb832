"""A loop that starts whatever is due, sleeps until it is woken or more falls due, and ends what it began."""

from __future__ import annotations

import asyncio
import contextlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine, Sequence
from datetime import datetime
from typing import TypeVar

from portal.domain.timings import Timings

Claimed = TypeVar("Claimed")


class PollingWorker(ABC):
    def __init__(self, timings: Timings) -> None:
        self._timings = timings
        self._running: set[asyncio.Task[None]] = set()
        self._awake = asyncio.Event()
        self._pause = timings.idle

    def wake(self) -> None:
        """From the loop's own thread only."""
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

    async def work_until_idle(self) -> None:
        """Everything that is due now, and what falls due by that."""
        while await self._start_due() or self._running:
            await asyncio.gather(*self._running)

    @abstractmethod
    async def _start_due(self) -> int:
        """How much it started; it also sets how long to sleep afterwards."""

    async def _claim(self, claim: Callable[[], Sequence[Claimed]], begin: Callable[[Claimed], object]) -> int:
        """How many it began: all that it claimed, even where it is told to end meanwhile, for nobody else could."""
        claiming = asyncio.ensure_future(asyncio.to_thread(claim))
        try:
            await asyncio.shield(claiming)
        finally:
            await asyncio.wait([claiming])
            if not claiming.exception():
                for claimed in claiming.result():
                    begin(claimed)
        return len(claiming.result())

    def _start(self, work: Coroutine[object, object, None]) -> asyncio.Task[None]:
        task = asyncio.ensure_future(work)
        self._running.add(task)
        task.add_done_callback(self._done)
        return task

    def _is_due(self, due: datetime | None, now: datetime) -> bool:
        """Shortens the sleep where it is soon."""
        if due is not None and due > now:
            self._pause = min(self._pause, (due - now).total_seconds())
        return due is not None and due <= now

    async def _finish_running(self) -> None:
        """What takes longer is left to whoever claims it next."""
        if self._running:
            _done, late = await asyncio.wait(self._running, timeout=self._timings.grace)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self._awake.set()
