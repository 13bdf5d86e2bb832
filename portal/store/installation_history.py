"""The history of the whole installation: when keys, settings and partners changed, and which commands ran on all."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Engine, select

from portal.domain.installation_change import InstallationChange, without_secrets
from portal.store.column_types import Unreadable
from portal.store.tables import installation_history
from portal.store.transactions import Transactions, insert


class InstallationEntry(NamedTuple):
    at: datetime | None
    """None if it cannot be read."""
    what: str
    """An `InstallationChange`, or a word of a newer release."""
    who: str
    details: str


class InstallationHistory:
    """Entries are only added, and deleted by age with `SharedState.purge_installation_history`."""

    def __init__(self, engine: Engine) -> None:
        self._transactions = Transactions(engine)

    def add(self, at: datetime, what: InstallationChange, who: str, details: str) -> None:
        """Raises `StoreUnavailable`."""
        values = {"at": at, "what": what.value, "who": who, "details": without_secrets(details)}
        with self._transactions.writing() as connection:
            connection.execute(insert(connection, installation_history).values(values))

    def newest(self, *, limit: int) -> list[InstallationEntry]:
        """Raises `StoreUnavailable`."""
        columns = installation_history.c
        found = select(columns.at, columns.what, columns.who, columns.details).order_by(columns.id.desc())
        with self._transactions.reading() as connection:
            rows = connection.execute(found.limit(limit)).all()
        return [
            InstallationEntry(None if isinstance(row.at, Unreadable) else row.at, row.what, row.who, row.details)
            for row in rows
        ]
