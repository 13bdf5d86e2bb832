"""Time as gu1 writes it, a clock that can be advanced, and delayed work."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from threading import RLock, Timer

Clock = Callable[[], datetime]
"""Aware, in UTC."""

Later = Callable[[float, Callable[[], object]], None]
"""Runs the second argument that many seconds from now, on another thread."""

TICK = timedelta(milliseconds=1)


def utc_now() -> datetime:
    return datetime.now(UTC)


def on_a_timer(seconds: float, action: Callable[[], object]) -> None:
    timer = Timer(seconds, action)
    timer.daemon = True
    timer.start()


class Agenda:
    """The mock's time: its clock plus the time advanced, and the delayed work."""

    def __init__(self, clock: Clock, later: Later) -> None:
        self._clock = clock
        self._later = later
        self._lock = RLock()
        self._ahead = timedelta()
        self._tasks: list[tuple[datetime, Callable[[], object]]] = []

    def now(self) -> datetime:
        return self._clock() + self._ahead

    def after(self, seconds: float, action: Callable[[], object]) -> None:
        task = (self.now() + timedelta(seconds=seconds), action)
        with self._lock:
            self._tasks.append(task)
        self._later(seconds, lambda: self._run(task))

    def advance(self, seconds: float) -> None:
        """Runs the work that becomes due, in order."""
        with self._lock:
            self._ahead += timedelta(seconds=seconds)
        while due := self._next_due():
            self._run(due)

    def reset(self) -> None:
        """Drops delayed work and returns to the original clock."""
        with self._lock:
            self._ahead = timedelta()
            self._tasks.clear()

    def _next_due(self) -> tuple[datetime, Callable[[], object]] | None:
        with self._lock:
            due = [task for task in self._tasks if task[0] <= self.now()]
            return min(due, key=lambda task: task[0], default=None)

    def _run(self, task: tuple[datetime, Callable[[], object]]) -> None:
        with self._lock:
            if task not in self._tasks:
                return
            self._tasks.remove(task)
        task[1]()


def to_milliseconds(moment: datetime) -> datetime:
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def iso(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def iso_or_none(moment: datetime | None) -> str | None:
    return iso(moment) if moment else None
