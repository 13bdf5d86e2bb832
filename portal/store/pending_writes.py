"""What a transaction is about to write: equal statements of several onboardings are executed together."""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import Context, copy_context
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Executable

from portal.domain.onboarding import Onboarding
from portal.domain.waits import finished_wait
from portal.services.change_history import HistoryEntry
from portal.store.history import ADD_ENTRY, entry_values, stages_began
from portal.store.stage_log import StageLog


class _Recorded(NamedTuple):
    before: Onboarding
    after: Onboarding
    entry: HistoryEntry
    context: Context


class PendingWrites:
    def __init__(self, connection: Connection, stage_log: StageLog) -> None:
        self._connection = connection
        self._stage_log = stage_log
        self._rows: dict[tuple[Executable, frozenset[str]], list[Mapping[str, Any]]] = {}
        """By statement and by names of its parameters."""
        self._recorded: dict[str, _Recorded] = {}
        """Changes that the history tells of, by onboarding."""
        self.writes = 0
        """How often something was to be written, or may have been written at once."""

    def add(self, statement: Executable, values: Mapping[str, Any]) -> None:
        """In no order with others of the same row: flush between two that need one."""
        self.writes += 1
        self._rows.setdefault((statement, frozenset(values)), []).append(values)

    def add_entry(self, before: Onboarding, after: Onboarding, entry: HistoryEntry) -> None:
        self._recorded[after.id] = _Recorded(before, after, entry, copy_context())

    def flush(self) -> None:
        if self._recorded:
            self._write_history()
        rows, self._rows = self._rows, {}
        for (statement, _), values in rows.items():
            self._connection.execute(statement, values)

    def _write_history(self) -> None:
        recorded, self._recorded = self._recorded, {}
        moved = [key for key, it in recorded.items() if it.entry.new_stage != it.entry.old_stage]
        stages_since = stages_began(self._connection, moved) if moved else dict[str, datetime]()
        for key, (before, after, entry, context) in recorded.items():
            since = stages_since.get(key)
            wait = finished_wait(before, after, old=entry.old_stage, new=entry.new_stage, began=since, now=entry.at)
            self.add(ADD_ENTRY, entry_values(key, entry, wait))
            self._stage_log.note(after, entry, since, context)
