"""One clock for all replicas: the PostgreSQL server's."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine, func, select

from portal.services.ports import Clock
from portal.store.transactions import Transactions


def server_time(engine: Engine) -> datetime:
    """For commands, which need it once. Raises `StoreUnavailable`."""
    clock = DatabaseClock(engine, lambda: datetime.now(UTC))
    clock.set()
    return clock()


class DatabaseClock:
    """Replicas with different clocks would misjudge when one another's leases end.

    On SQLite, and before the first `set`, this is the machine's own clock.
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
        """Reads the server's time. Raises `StoreUnavailable`; the clock then continues from the last `set`."""
        if not self._is_shared:
            return
        with self._transactions.reading() as connection:
            moment = connection.scalar(select(func.clock_timestamp()))
        if moment is not None:
            self._set = (moment, time.monotonic())
