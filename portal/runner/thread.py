"""The engine's thread: one event loop beside the threads that serve pages, in which partners are told too."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import multiprocessing
import os
import signal
import threading
from collections.abc import Awaitable, Callable
from datetime import datetime

from portal.domain.errors import StoreUnavailable
from portal.runner.notification_worker import NotificationWorker
from portal.runner.onboarding_worker import OnboardingWorker
from portal.runner.polling_worker import PollingWorker
from portal.services.ports import Clock

log = logging.getLogger(__name__)

_HEARTBEAT = 0.25
_REST_AFTER_CRASH = 1.0
_HOUSEKEEPING = 3600.0
_CLOCK_SET_EVERY = 60.0


async def _nothing() -> None:
    pass


def _forget_nothing(_now: datetime) -> None:
    pass


class RunnerThread:
    """Ends with the main thread, after what is under way was finished."""

    onboardings: OnboardingWorker
    notifications: NotificationWorker | None = None

    def __init__(
        self,
        *,
        clock: Clock,
        forget: Callable[[datetime], None] = _forget_nothing,
        set_clock: Callable[[], None] = lambda: None,
        close: Callable[[], Awaitable[None]] = _nothing,
    ) -> None:
        """`forget` drops what is no longer needed at a moment; `close` ends the connections to gu1 and partners."""
        self._clock = clock
        self._set_clock = set_clock
        self.forget = forget
        self._close = close
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping = threading.Event()
        self._server = multiprocessing.parent_process()
        # No daemon: the interpreter waits for it, and so for the step that is under way.
        self._thread = threading.Thread(target=self._live, name="engine")

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join()

    def wake(self) -> None:
        """From any thread; without effect while the engine is not running."""
        if self._loop:
            self._soon(self.onboardings.wake)

    def wake_notifications(self) -> None:
        """Likewise, where there is news for a partner."""
        if self.notifications:
            self._soon(self.notifications.wake)

    def _soon(self, wake: Callable[[], None]) -> None:
        loop = self._loop
        if loop:
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(wake)

    def _live(self) -> None:
        asyncio.run(self._work())

    async def _work(self) -> None:
        self._loop = asyncio.get_running_loop()
        await self._set_the_clock()
        worker = filter(None, (self.onboardings, self.notifications))
        work = (*map(self._run, worker), self._keep_house(), self._keep_time())
        chores = [asyncio.create_task(chore) for chore in work]
        try:
            while not self._is_over():
                await asyncio.sleep(_HEARTBEAT)
        finally:
            self._loop = None
            for chore in chores:
                chore.cancel()
            await asyncio.gather(*chores, return_exceptions=True)
            await self._close()
            if self._is_orphan():
                # No SIGTERM: a worker that is just starting loses it, and a second one can hang the server's handler.
                os.kill(os.getpid(), signal.SIGKILL)

    def _is_over(self) -> bool:
        return self._stopping.is_set() or self._is_orphan() or not threading.main_thread().is_alive()

    def _is_orphan(self) -> bool:
        """The server that started this process was killed: do not keep its port and its database busy."""
        return self._server is not None and os.getppid() != self._server.pid

    async def _run(self, worker: PollingWorker) -> None:
        while not self._stopping.is_set():
            try:
                await worker.run()
            except Exception:
                log.exception("%s failed; it starts again", type(worker).__name__)
                await asyncio.sleep(_REST_AFTER_CRASH)

    async def _keep_time(self) -> None:
        while True:
            await asyncio.sleep(_CLOCK_SET_EVERY)
            await self._set_the_clock()

    async def _set_the_clock(self) -> None:
        try:
            await asyncio.to_thread(self._set_clock)
        except StoreUnavailable:
            log.warning("the clock is set later: the database does not answer")

    async def _keep_house(self) -> None:
        while True:
            try:
                await asyncio.to_thread(self.forget, self._clock())
            except StoreUnavailable:
                log.warning("what is old is forgotten later: the database does not answer")
            except Exception:
                log.exception("what is old could not be forgotten")
            await asyncio.sleep(_HOUSEKEEPING)
