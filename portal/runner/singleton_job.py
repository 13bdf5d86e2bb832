"""Work that one process does for all replicas: in each period the first that takes the turn does it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from portal.services.ports import SharedState


class SingletonJob:
    def __init__(
        self, shared_state: SharedState, name: str, work: Callable[[datetime], bool], *, every: timedelta
    ) -> None:
        """`work` does a slice, and returns True if there may be more."""
        self._shared_state = shared_state
        self._name = name
        self._work = work
        self._every = every
        self._has_turn = False

    def __call__(self, now: datetime) -> bool:
        """Raises `StoreUnavailable`."""
        if not self._has_turn and not self._shared_state.take_turn(self._name, now, every=self._every):
            return False
        # If this process dies before the end, the next turn goes on.
        self._has_turn = self._work(now)
        return self._has_turn
