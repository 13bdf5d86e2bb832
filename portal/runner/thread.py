"""The runner's thread: one event loop for all workers, beside the threads that serve pages."""

from __future__ import annotations

import asyncio
import logging
import multiprocessing
import os
import signal
import threading
from collections.abc import Awaitable, Callable
from datetime import datetime

from portal.domain.errors import StoreUnavailable
from portal.runner.polling_worker import PollingWorker
from portal.services.ports import Clock

log = logging.getLogger(__name__)

_STOP_CHECK_SECONDS = 0.25
_RESTART_SECONDS = 1.0
_PURGE_SECONDS = 3600.0
_BETWEEN_SLICES = 0.02
"""Of a purge; meanwhile SQLite's only write lock is free for pages."""
_CLOCK_SYNC_SECONDS = 60.0
_COUNT_SECONDS = 60.0
_MEASURE_SECONDS = 10.0
_CHECK_SECONDS = 60.0
SLICE_OF_CHECKS = 100
"""In that time and by each process, so that nobody at a page waits for them."""


async def _close_nothing() -> None:
    pass


class RunnerThread:
    """Stops with the main thread, after the running steps are finished."""

    def __init__(
        self,
        onboardings: PollingWorker,
        notifications: PollingWorker | None = None,
        mails: PollingWorker | None = None,
        *,
        clock: Clock,
        purge_expired: Callable[[datetime], bool] = lambda _now: False,
        show_queue: Callable[[datetime], None] = lambda _now: None,
        show_process: Callable[[datetime], None] = lambda _now: None,
        start_checks: Callable[[datetime], None] = lambda _now: None,
        remind: Callable[[datetime], bool] = lambda _now: False,
        measure: Callable[[datetime], None] = lambda _now: None,
        beat: Callable[[datetime], None] = lambda _now: None,
        sync_clock: Callable[[], None] = lambda: None,
        close: Callable[[], Awaitable[None]] = _close_nothing,
        listen: Callable[[Callable[[], bool]], None] = lambda _is_stopping: None,
    ) -> None:
        """`start_checks` makes rows due whose time is too far ahead for `due_at`.

        `beat` says at which address this process serves.
        `remind` notes what falls due by time alone, and returns True if more may be left.
        `close` ends the connections to gu1 and to partners. `purge_expired` returns True if more may be left.
        `listen` passes on what other processes wake this one for; it blocks until the function that it gets says so.
        """
        self.onboardings = onboardings
        self.notifications = notifications
        self.mails = mails
        self.purge_expired = purge_expired
        self.show_queue = show_queue
        self.show_process = show_process
        self.start_checks = start_checks
        self.remind = remind
        self.measure = measure
        self.beat = beat
        self._clock = clock
        self._sync_clock = sync_clock
        self._close = close
        self._listen = listen
        self._stopping = threading.Event()
        self._server = multiprocessing.parent_process()
        # Not a daemon: the interpreter then waits for the running steps.
        self._thread = threading.Thread(target=self._run, name="runner")

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        asyncio.run(self._run_until_stopped())

    async def _run_until_stopped(self) -> None:
        await self._sync_clock_once()
        workers = [worker for worker in (self.onboardings, self.notifications, self.mails) if worker]
        regularly = (
            self._repeat(lambda: self.purge_expired(self._clock()), "expired data not purged", _PURGE_SECONDS),
            self._repeat(lambda: self.show_queue(self._clock()), "problems not counted", _COUNT_SECONDS),
            self._repeat(lambda: self.show_process(self._clock()), "process not measured", _MEASURE_SECONDS),
            self._repeat(lambda: self.start_checks(self._clock()), "checks not started", _CHECK_SECONDS),
            self._repeat(lambda: self.remind(self._clock()), "reminders not made", _CHECK_SECONDS),
            self._repeat(lambda: self.measure(self._clock()), "waits not measured", _CHECK_SECONDS),
            self._repeat(lambda: self.beat(self._clock()), "address not recorded", _CHECK_SECONDS),
            self._sync_clock_regularly(),
        )
        loops = (*map(self._keep_running, workers), *regularly)
        tasks = [asyncio.create_task(loop) for loop in loops]
        # A thread of its own, because it would occupy one of those that all steps share.
        listener = threading.Thread(target=self._listen, args=[self._must_stop], name="wake-listener")
        listener.start()
        try:
            while not self._must_stop():
                await asyncio.sleep(_STOP_CHECK_SECONDS)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._close()
            await asyncio.to_thread(listener.join)
            if self._is_orphan():
                # Not SIGTERM: a starting process ignores it, and a second one can hang the server's handler.
                os.kill(os.getpid(), signal.SIGKILL)

    def _must_stop(self) -> bool:
        return self._stopping.is_set() or self._is_orphan() or not threading.main_thread().is_alive()

    def _is_orphan(self) -> bool:
        """True if the server that started this process was killed: its port and database must be free again."""
        return self._server is not None and os.getppid() != self._server.pid

    async def _keep_running(self, worker: PollingWorker) -> None:
        while not self._stopping.is_set():
            try:
                await worker.run()
            except Exception:
                log.exception("%s failed; restarting it", type(worker).__name__)
                await asyncio.sleep(_RESTART_SECONDS)

    async def _sync_clock_regularly(self) -> None:
        while True:
            await asyncio.sleep(_CLOCK_SYNC_SECONDS)
            await self._sync_clock_once()

    async def _sync_clock_once(self) -> None:
        try:
            await asyncio.to_thread(self._sync_clock)
        except StoreUnavailable:
            log.warning("clock not synchronized: the database is unavailable; retrying in a minute")

    async def _repeat(self, work: Callable[[], bool | None], failed: str, seconds: float) -> None:
        """`failed` begins the log line if `work` fails; True from `work` means that more is left."""
        while True:
            try:
                while await asyncio.to_thread(work):
                    await asyncio.sleep(_BETWEEN_SLICES)
            except StoreUnavailable:
                log.warning("%s: the database is unavailable; retrying in %d s", failed, seconds)
            except Exception:
                log.exception("%s; retrying in %d s", failed, seconds)
            await asyncio.sleep(seconds)
