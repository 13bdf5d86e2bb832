"""Onboardings as operators read them, as text and as JSON. Nothing here is personal data."""

from __future__ import annotations

from collections.abc import Sequence

import click

from portal.cli.common import print_table
from portal.domain.onboarding import Onboarding
from portal.domain.stage import Stage
from portal.services.change_history import HistoryEntry
from portal.services.onboarding_facts import facts_of, formatted, line_facts, problem_facts
from portal.services.operator_actions import Found
from portal.services.problems import AttemptRow, ProblemRow

LINE_COLUMNS = ("reference", "id", "partner", "external id", "purpose", "status", "stage", "created")
PROBLEM_COLUMNS = ("reference", "id", "partner", "kind", "since", "next step", "failures")
_ATTEMPT_COLUMNS = ("attempt", "validation", "status", "reason", "created", "opened")
_HISTORY_COLUMNS = ("time", "who", "action", "attempt", "from", "to", "reason", "note")


def line_of(found: Onboarding, stage: Stage) -> Sequence[str]:
    return [str(value or "-") for value in line_facts(found, stage).values()]


def problem_line(row: ProblemRow) -> Sequence[str]:
    return [str("-" if value is None else value) for value in problem_facts(row).values()]


def print_found(found: Found) -> None:
    facts = {name: value for name, value in facts_of(found).items() if name not in {"attempts", "history"}}
    for name, value in facts.items():
        if value is not None:
            click.echo(f"{name.replace('_', ' '):<18}{value}")
    if found.attempts:
        click.echo()
        print_table([_ATTEMPT_COLUMNS, *map(_attempt_line, found.attempts)])
    if found.history:
        click.echo()
        print_table([_HISTORY_COLUMNS, *map(_history_line, found.history)])


def _attempt_line(row: AttemptRow) -> Sequence[str]:
    opened = formatted(row.opened_at) if row.opened_at else "-"
    return str(row.number), row.gu1_id or "-", row.status, row.reason or "-", formatted(row.created_at), opened


def _history_line(entry: HistoryEntry) -> Sequence[str]:
    who = f"{entry.actor} {entry.operator}" if entry.operator else entry.actor
    before = f"{entry.old_status}/{entry.old_stage}" if entry.old_stage else "-"
    after = f"{entry.new_status}/{entry.new_stage}"
    attempt, reason, note = str(entry.attempt), entry.reason or "-", entry.note or "-"
    return formatted(entry.at), who, entry.action, attempt, before, after, reason, note
