"""A circuit breaker: after several failures of gu1 in a row, calls fail at once for a while."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from portal.domain.errors import Gu1Error, Malformed, NotSent, Refused

FAILURES_TO_OPEN = 5
FIRST_PAUSE = 5.0
LONGEST_PAUSE = 60.0
"""Seconds."""


class Breaker:
    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` is monotonic, in seconds."""
        self._clock = clock
        self._failures = 0
        self._pause = 0.0
        self._open_until = 0.0
        self._probing = False

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """Raises `NotSent` while the breaker is open; otherwise counts how the call inside ends."""
        self._admit()
        try:
            yield
        except (Refused, Malformed):
            # gu1 did respond, so it is up.
            self._close()
            raise
        except Gu1Error:
            self._count_failure()
            raise
        except BaseException:
            self._probing = False
            raise
        else:
            self._close()

    @property
    def is_open(self) -> bool:
        return self._pause > 0

    def _admit(self) -> None:
        if not self.is_open:
            return
        if self._probing or self._clock() < self._open_until:
            raise NotSent("the breaker is open: gu1 has been failing")
        self._probing = True

    def _close(self) -> None:
        self._failures = 0
        self._pause = 0.0
        self._probing = False

    def _count_failure(self) -> None:
        self._failures += 1
        if self._probing:
            self._open(min(self._pause * 2, LONGEST_PAUSE))
        elif not self.is_open and self._failures >= FAILURES_TO_OPEN:
            self._open(FIRST_PAUSE)

    def _open(self, seconds: float) -> None:
        self._probing = False
        self._pause = seconds
        self._open_until = self._clock() + seconds
