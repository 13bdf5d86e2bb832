"""Whether the database takes writes: a replica that can only read must not be sent people."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from datetime import UTC, datetime
from threading import Lock

from sqlalchemy import Engine, delete, text

from portal.domain.errors import StoreUnavailable
from portal.store.database import writes
from portal.store.tables import webhook_deliveries
from portal.store.transactions import insert, writing

BETWEEN_WRITES = 1.0
"""Seconds in which a process tries one write, however often it is probed."""
_MILLISECONDS = 1000
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
# Longer than the free rest of a page of SQLite's file: a disk without room for it has room for nobody's form.
_CHARACTERS = 6000


class Readiness:
    def __init__(
        self, engine: Engine, ping: Callable[[], None], monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        """`ping` reads, and raises `StoreUnavailable`."""
        self._engine = engine
        self._writer = writes(engine)
        self._ping = ping
        self._monotonic = monotonic
        self._lock = Lock()
        self._tried_at = float("-inf")
        self._failure: StoreUnavailable | None = None

    def check(self) -> None:
        """Raises `StoreUnavailable`. The last write's outcome counts for a second."""
        self._ping()
        with self._lock:
            if self._monotonic() - self._tried_at >= BETWEEN_WRITES:
                self._failure = self._write()
                self._tried_at = self._monotonic()
            if self._failure:
                raise self._failure

    def _write(self) -> StoreUnavailable | None:
        """A row that nobody sees and that does not stay."""
        is_sqlite = self._engine.dialect.name == "sqlite"
        key = f"readiness {secrets.token_hex(_CHARACTERS // 2 if is_sqlite else 16)}"
        try:
            with writing(self._writer) as connection:
                if not is_sqlite:
                    connection.execute(text(f"SET LOCAL statement_timeout = {_MILLISECONDS}"))
                row = {"body_sha256": key, "received_at": _LONG_AGO}
                connection.execute(insert(connection, webhook_deliveries).values(row))
                if is_sqlite:  # which writes to its file only if it commits
                    connection.execute(delete(webhook_deliveries).where(webhook_deliveries.c.body_sha256 == key))
                else:
                    connection.rollback()
        except StoreUnavailable as failure:
            return failure
        return None
