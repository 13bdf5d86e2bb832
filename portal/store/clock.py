"""One time for all replicas: the PostgreSQL server's."""

from __future__ import annotations

import time
from datetime import datetime, timedelta

from sqlalchemy import Engine, func, select

from portal.services.ports import Clock
from portal.store.transactions import Transactions


class DatabaseClock:
    """Replicas whose own clocks are apart would take one another's leases for run out, or for endless.

    Until it was set for the first time, and on SQLite always, it is the clock of this machine.
    """

    def __init__(self, engine: Engine, own: Clock) -> None:
        self._transactions = Transactions(engine)
        self._is_shared = engine.dialect.name == "postgresql"
        self._own = own
        self._set: tuple[datetime, float] | None = None

    def __call__(self) -> datetime:
        if self._set is None:
            return self._own()
        moment, ticks = self._set
        return moment + timedelta(seconds=time.monotonic() - ticks)

    def set(self) -> None:
        """Raises `StoreUnavailable`; it then goes on from the last time it was set."""
        if not self._is_shared:
            return
        with self._transactions.reading() as connection:
            moment = connection.scalar(select(func.clock_timestamp()))
        if moment is not None:
            self._set = (moment, time.monotonic())
