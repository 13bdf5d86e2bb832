"""A loop that starts all due work, sleeps until it is woken or more work is due, and finishes what it started."""

from __future__ import annotations

import asyncio
import contextlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine, Sequence
from datetime import datetime
from typing import TypeVar

from portal.domain.errors import StoreUnavailable
from portal.domain.timings import Timings
from portal.runner.wake import Wake

Claimed = TypeVar("Claimed")


class PollingWorker(ABC):
    def __init__(self, timings: Timings, wake: Wake | None) -> None:
        self.wake = wake or Wake()
        self._timings = timings
        self._running: set[asyncio.Task[None]] = set()
        self._awake = asyncio.Event()
        self._pause = timings.idle

    async def run(self) -> None:
        """Runs until cancelled, then finishes the running tasks."""
        self.wake.listen(self._awake)
        try:
            while True:
                self._awake.clear()
                await self._start_due()
                await asyncio.sleep(self._timings.between_looks)
                # Not wait_for: before Python 3.12 it can swallow the cancellation that ends this loop.
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self._pause):
                        await self._awake.wait()
        finally:
            await self._finish_running()

    async def work_until_idle(self) -> None:
        """Does all due work, including what that work makes due."""
        while await self._start_due() or self._running:
            await asyncio.gather(*self._running)

    @abstractmethod
    async def _start_due(self) -> int:
        """Returns how much it started, and sets `_pause` to the sleep that follows."""

    async def _start_claimed(self, claim: Callable[[], Sequence[Claimed]], start: Callable[[Claimed], object]) -> int:
        """Starts every claimed item, even if cancelled meanwhile: until the lease ends no other worker can take it."""
        claiming = asyncio.ensure_future(asyncio.to_thread(claim))
        try:
            await asyncio.shield(claiming)
        finally:
            await asyncio.wait([claiming])
            if not claiming.exception():
                for claimed in claiming.result():
                    start(claimed)
        return len(claiming.result())

    def _start(self, work: Coroutine[object, object, None]) -> asyncio.Task[None]:
        task = asyncio.ensure_future(work)
        self._running.add(task)
        task.add_done_callback(self._finished)
        return task

    async def _save(self, write: Callable[[], None]) -> None:
        """Tries again while the database is away. Raises `StoreUnavailable` if it stays away."""
        for pause in self._timings.save_backoff:
            try:
                await asyncio.to_thread(write)
                return
            except StoreUnavailable:
                await asyncio.sleep(pause)
        await asyncio.to_thread(write)

    def _idle(self) -> float:
        return self._timings.idle_listening if self.wake.hears_others() else self._timings.idle

    def _is_due(self, due: datetime | None, now: datetime) -> bool:
        """Shortens the next sleep if it is due before that ends."""
        if due is not None and due > now:
            self._pause = min(self._pause, (due - now).total_seconds())
        return due is not None and due <= now

    async def _finish_running(self) -> None:
        """Cancels what takes longer than the grace time; another worker takes it after its lease."""
        if self._running:
            _done, late = await asyncio.wait(self._running, timeout=self._timings.grace)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self._awake.set()
