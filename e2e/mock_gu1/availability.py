"""Whether a call is served: outages, numbers that are busy for a while, and the hourly limit."""

from __future__ import annotations

from collections import deque
from datetime import datetime, timedelta
from threading import Lock

from e2e.mock_gu1.clock import Clock

HOUR = timedelta(hours=1)


class Availability:
    def __init__(self, now: Clock) -> None:
        self._now = now
        self._lock = Lock()
        self.reset()

    def reset(self) -> None:
        self._down_until: datetime | None = None
        self._busy_until: dict[str, datetime] = {}
        self._requests: deque[datetime] = deque()

    def go_down(self, seconds: float) -> None:
        self._down_until = self._now() + timedelta(seconds=seconds)

    def is_down(self) -> bool:
        return self._down_until is not None and self._now() < self._down_until

    def keep_busy(self, keys: list[str], seconds: float) -> None:
        """Starts when a key is first seen; later calls change nothing."""
        with self._lock:
            until = min((self._busy_until[key] for key in keys if key in self._busy_until), default=None)
            for key in keys:
                self._busy_until.setdefault(key, until or self._now() + timedelta(seconds=seconds))

    def is_busy(self, key: str) -> bool:
        return key in self._busy_until and self._now() < self._busy_until[key]

    def over_limit(self, limit: int) -> datetime | None:
        """Counts one request. If it exceeds the limit, returns when requests are served again; 0 is no limit."""
        now = self._now()
        with self._lock:
            while self._requests and self._requests[0] <= now - HOUR:
                self._requests.popleft()
            if limit and len(self._requests) >= limit:
                return self._requests[-limit] + HOUR
            self._requests.append(now)
        return None
