"""One line in the log for every change of stage, and a count, once the change is committed."""

from __future__ import annotations

import logging
from contextvars import Context
from datetime import datetime

from portal.domain.onboarding import Onboarding
from portal.domain.reference import reference_of
from portal.services.change_history import HistoryEntry
from portal.services.meter import Meter

log = logging.getLogger(__name__)


class StageLog:
    """The changes of one transaction."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter
        self._changes: list[tuple[Context, Onboarding, HistoryEntry, datetime | None]] = []

    def note(self, onboarding: Onboarding, entry: HistoryEntry, since: datetime | None, context: Context) -> None:
        """`onboarding`: as it is after the change that `entry` tells of; `since` when it was in the stage it left.

        `context`: of the request that made the change.
        """
        if entry.new_stage != entry.old_stage:
            self._changes.append((context, onboarding, entry, since))

    def write(self) -> None:
        """Never fails, because what it tells of is kept."""
        for context, onboarding, entry, since in self._changes:
            try:
                context.run(self._write, onboarding, entry, since)
            except Exception:
                log.exception("onboarding %s: its change of stage was not counted", onboarding.id)

    def _write(self, onboarding: Onboarding, entry: HistoryEntry, since: datetime | None) -> None:
        self._count(onboarding, entry, since)
        about = _about(onboarding, entry)
        told = ", ".join(f"{name} {value}" for name, value in about.items() if value)
        fields = {"onboarding": onboarding.id, "from": entry.old_stage, "to": entry.new_stage, **about}
        old = entry.old_stage or "nothing"
        log.info("onboarding %s: %s to %s: %s", onboarding.id, old, entry.new_stage, told, extra={"fields": fields})

    def _count(self, onboarding: Onboarding, entry: HistoryEntry, since: datetime | None) -> None:
        whose = {"partner": onboarding.partner or "", "locale": onboarding.locale}
        self._meter.count("stage_changes", stage=entry.new_stage, reason=entry.reason or "", **whose)
        if entry.old_stage and since:
            self._meter.observe("stage_seconds", max(0.0, (entry.at - since).total_seconds()), stage=entry.old_stage)


def _about(onboarding: Onboarding, entry: HistoryEntry) -> dict[str, str | None]:
    """Codes and ids only. What an operator noted stays in the history, because it is free text."""
    validation = onboarding.validation
    return {
        "reference": reference_of(onboarding.id),
        "partner": onboarding.partner,
        "validation": validation.gu1_id if validation else None,
        "actor": entry.actor,
        "action": entry.action,
        "reason": entry.reason,
    }
