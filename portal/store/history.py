"""The history of each onboarding. Entries are only ever added; an erasure deletes their notes."""

from __future__ import annotations

from dataclasses import fields
from datetime import datetime

from sqlalchemy import Connection, Engine, bindparam, func, insert, select, update

from portal.domain.waits import FinishedWait
from portal.services.change_history import HistoryEntry
from portal.store.column_types import Unreadable
from portal.store.row_reader import RowReader
from portal.store.tables import history
from portal.store.transactions import Transactions

_FIELDS = [field.name for field in fields(HistoryEntry)]
_READER = RowReader(history, _FIELDS)
_ADD = insert(history)
_STAGE_BEGAN = select(func.max(history.c.at)).where(
    history.c.onboarding_id == bindparam("id"), history.c.new_stage.is_distinct_from(history.c.old_stage)
)


class History:
    """Fills `portal.services.ports.History`."""

    def __init__(self, engine: Engine) -> None:
        self._transactions = Transactions(engine)

    def newest_entries(self, onboarding_id: str, *, limit: int) -> list[HistoryEntry]:
        newest = select(history).where(history.c.onboarding_id == onboarding_id).order_by(history.c.id.desc())
        with self._transactions.reading() as connection:
            rows = connection.execute(newest.limit(limit)).mappings().all()
        return [HistoryEntry(**_READER.read(row)) for row in reversed(rows)]


def add_entry(
    connection: Connection, onboarding_id: str, entry: HistoryEntry, wait: FinishedWait | None = None
) -> None:
    """`wait`: that ended with this change."""
    values = {name: getattr(entry, name) for name in _FIELDS} | {"onboarding_id": onboarding_id}
    if wait:
        values |= {"waited_seconds": wait.seconds, "waited_country": wait.country}
    connection.execute(_ADD, values)


def stage_began_at(connection: Connection, onboarding_id: str) -> datetime | None:
    """When the stage began that the onboarding is in."""
    found = connection.scalar(_STAGE_BEGAN, {"id": onboarding_id})
    return None if isinstance(found, Unreadable) else found


def delete_notes(connection: Connection, onboarding_id: str) -> None:
    """An operator may have written something about the person, although the documents ask not to."""
    connection.execute(update(history).where(history.c.onboarding_id == onboarding_id).values(note=None))
