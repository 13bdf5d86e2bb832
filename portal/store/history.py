"""The history of each onboarding. Entries are only ever added; an erasure deletes their notes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, func, insert, select, update

from portal.domain.waits import FinishedWait
from portal.services.change_history import HistoryEntry
from portal.store.column_types import Unreadable
from portal.store.key_lists import by_keys
from portal.store.row_reader import RowReader
from portal.store.tables import history
from portal.store.transactions import Transactions

_FIELDS = [field.name for field in fields(HistoryEntry)]
_READER = RowReader(history, _FIELDS)
# Without reading back the number of the new row.
ADD_ENTRY = insert(history).inline()
_STAGES_BEGAN = by_keys(
    lambda any_of: (
        select(history.c.onboarding_id, func.max(history.c.at))
        .where(any_of(history.c.onboarding_id, "ids"), history.c.new_stage.is_distinct_from(history.c.old_stage))
        .group_by(history.c.onboarding_id)
    )
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


def entry_values(onboarding_id: str, entry: HistoryEntry, wait: FinishedWait | None = None) -> dict[str, Any]:
    """For `ADD_ENTRY`. `wait`: that ended with this change."""
    values = {name: getattr(entry, name) for name in _FIELDS} | {"onboarding_id": onboarding_id}
    if wait:
        values |= {"waited_seconds": wait.seconds, "waited_country": wait.country}
    return values


def stages_began(connection: Connection, onboarding_ids: Sequence[str]) -> dict[str, datetime]:
    """When the stages began that the onboardings are in, as far as that can be read."""
    found = connection.execute(_STAGES_BEGAN[connection.dialect.name], {"ids": onboarding_ids})
    return {key: at for key, at in found if not isinstance(at, Unreadable)}


def delete_notes(connection: Connection, onboarding_id: str) -> None:
    """An operator may have written something about the person, although the documents ask not to."""
    connection.execute(update(history).where(history.c.onboarding_id == onboarding_id).values(note=None))
