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


class _Change(NamedTuple):
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
        self._changes: dict[str, _Change] = {}
        """That an entry of the history tells of, by onboarding."""

    def add(self, statement: Executable, values: Mapping[str, Any]) -> None:
        """In no order with others of the same row: flush between two that need one."""
        self._rows.setdefault((statement, frozenset(values)), []).append(values)

    def add_entry(self, before: Onboarding, after: Onboarding, entry: HistoryEntry) -> None:
        self._changes[after.id] = _Change(before, after, entry, copy_context())

    def flush(self) -> None:
        if self._changes:
            self._note_changes()
        rows, self._rows = self._rows, {}
        for (statement, _), values in rows.items():
            self._connection.execute(statement, values)

    def _note_changes(self) -> None:
        changes, self._changes = self._changes, {}
        moved = [key for key, it in changes.items() if it.entry.new_stage != it.entry.old_stage]
        began = stages_began(self._connection, moved) if moved else dict[str, datetime]()
        for key, (before, after, entry, context) in changes.items():
            since = began.get(key)
            wait = finished_wait(before, after, old=entry.old_stage, new=entry.new_stage, began=since, now=entry.at)
            self.add(ADD_ENTRY, entry_values(key, entry, wait))
            self._stage_log.note(after, entry, since, context)
