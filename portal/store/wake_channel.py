"""Wakes the runners of other processes, on PostgreSQL, with LISTEN and NOTIFY.

Behind a pooler LISTEN may succeed on a connection that serves somebody else a moment later, so the portal does not try.
Whatever else is in between: the channel counts as open only after it heard a probe of its own. While it is closed,
runners look for work by themselves.
"""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from typing import TYPE_CHECKING, cast

from sqlalchemy import Engine, func, select
from sqlalchemy.exc import SQLAlchemyError

from portal.domain.errors import StoreUnavailable
from portal.store.pooler import is_pooled
from portal.store.transactions import Transactions

CHANNEL = "portal_wake"
BETWEEN_NOTIFICATIONS = 0.2
"""Seconds. Woken once, a runner takes everything that is due."""
PROBE_SECONDS = 2.0
_PAUSES = (1.0, 5.0, 30.0)
"""Seconds before each try to listen again; the last one for all that follow."""

if TYPE_CHECKING:  # SQLite needs no psycopg
    import psycopg

log = logging.getLogger(__name__)

IsStopping = Callable[[], bool]


class WakeChannel:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._is_shared = engine.dialect.name == "postgresql"
        self._transactions = Transactions(engine)
        self._notified_at: dict[str, float] = {}
        self.is_open = False
        """Notifications of other processes arrive."""

    def notify(self, kind: str) -> None:
        """To all processes that listen, this one included. Ignores errors: runners also look by themselves."""
        now = time.monotonic()
        if self._is_shared and now - self._notified_at.get(kind, float("-inf")) >= BETWEEN_NOTIFICATIONS:
            self._notified_at[kind] = now
            with suppress(StoreUnavailable):
                self._send(kind)

    def listen(self, wakes: Mapping[str, Callable[[], None]], is_stopping: IsStopping) -> None:
        """Calls the one of `wakes` that a notification names. Blocks until `is_stopping`, and connects again and again.

        Returns at once on SQLite, which has no notifications.
        """
        if not self._is_shared:
            return
        import psycopg  # noqa: PLC0415

        failures = 0
        while not is_stopping():
            try:
                with self._listening() as connection:
                    self.is_open = connection is not None and self._hears_itself(connection)
                    if self.is_open and connection:
                        failures = 0
                        self._pass_on(connection, wakes, is_stopping)
                    else:
                        log.info("PostgreSQL's notifications do not arrive: looking for work every second instead")
            except (psycopg.Error, SQLAlchemyError, StoreUnavailable) as error:
                log.warning("PostgreSQL's notifications are not heard: %s", type(error).__name__)
            finally:
                self.is_open = False
            _wait(_PAUSES[min(failures, len(_PAUSES) - 1)], is_stopping)
            failures += 1

    def _pass_on(
        self, connection: psycopg.Connection, wakes: Mapping[str, Callable[[], None]], is_stopping: IsStopping
    ) -> None:
        for wake in wakes.values():
            wake()  # for what was missed
        while not is_stopping():
            for notification in connection.notifies(timeout=0.5):
                if notification.payload in wakes:
                    wakes[notification.payload]()

    def _hears_itself(self, connection: psycopg.Connection) -> bool:
        probe = secrets.token_hex(8)
        self._send(probe)
        deadline = time.monotonic() + PROBE_SECONDS
        while (left := deadline - time.monotonic()) > 0:
            if any(it.payload == probe for it in connection.notifies(timeout=left, stop_after=1)):
                return True
        return False

    def _send(self, payload: str) -> None:
        with self._transactions.reading() as connection:
            connection.execute(select(func.pg_notify(CHANNEL, payload)))

    @contextmanager
    def _listening(self) -> Iterator[psycopg.Connection | None]:
        """None behind a pooler."""
        pooled = self._engine.raw_connection()
        if is_pooled(pooled):
            pooled.close()
            yield None
            return
        own = cast("psycopg.Connection", pooled.driver_connection)
        pooled.detach()
        with closing(own) as connection:
            connection.autocommit = True
            connection.execute(f"LISTEN {CHANNEL}")
            yield connection


def _wait(seconds: float, is_stopping: IsStopping) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until and not is_stopping():
        time.sleep(0.1)
