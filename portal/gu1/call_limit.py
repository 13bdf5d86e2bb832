"""How many calls of gu1 may run at once: fewer after a 429, and slowly more again while gu1 answers."""

from __future__ import annotations

import time
from collections.abc import Callable

FEWEST = 2
BETWEEN_CUTS = 1.0
"""Seconds. All calls that were under way when gu1 had enough are refused: they count as one."""


class CallLimit:
    def __init__(self, ceiling: int, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` is monotonic, in seconds."""
        self.ceiling = ceiling
        self._clock = clock
        self._limit = float(ceiling)
        self._cut_at = float("-inf")

    @property
    def current(self) -> int:
        return int(self._limit)

    def answered(self) -> None:
        """One more call at once after as many answers as there may be calls."""
        self._limit = min(self.ceiling, self._limit + 1 / self._limit)

    def throttled(self) -> None:
        """gu1 answered 429."""
        now = self._clock()
        if now - self._cut_at >= BETWEEN_CUTS:
            self._cut_at = now
            self._limit = max(min(FEWEST, self.ceiling), self._limit / 2)
