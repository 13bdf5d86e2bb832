"""One thread that runs delayed work in order."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count
from threading import Condition, Thread
from time import monotonic

Work = Callable[[], object]


class DeliveryQueue:
    def __init__(self) -> None:
        self._changed = Condition()
        self._order = count()
        self._waiting: list[tuple[float, int, Work]] = []
        self._busy = False
        self._thread: Thread | None = None

    def put(self, seconds: float, work: Work) -> None:
        """Work that is due at the same time runs in the order of `put`."""
        with self._changed:
            heappush(self._waiting, (monotonic() + seconds, next(self._order), work))
            if self._thread is None:
                self._thread = Thread(target=self._run, name="mock-gu1-webhooks", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def clear(self) -> None:
        with self._changed:
            self._waiting.clear()
            self._changed.notify_all()

    def join(self) -> None:
        """Waits until the queue is empty, however late its work is due."""
        with self._changed:
            self._changed.wait_for(lambda: not self._waiting and not self._busy)

    def _run(self) -> None:
        while True:
            work = self._next()
            try:
                work()
            finally:
                with self._changed:
                    self._busy = False
                    self._changed.notify_all()

    def _next(self) -> Work:
        with self._changed:
            while not self._waiting or self._waiting[0][0] > monotonic():
                self._changed.wait(max(0.0, self._waiting[0][0] - monotonic()) if self._waiting else None)
            self._busy = True
            return heappop(self._waiting)[2]
