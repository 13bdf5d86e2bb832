"""Onboardings as operators read them, as text and as JSON. Nothing here is personal data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

import click

from portal.cli.common import formatted, print_table
from portal.domain.onboarding import Onboarding
from portal.domain.reference import reference_of
from portal.domain.stage import Stage
from portal.services.change_history import HistoryEntry
from portal.services.operator_actions import Found
from portal.services.problems import AttemptRow, ProblemRow

LINE_COLUMNS = ("reference", "id", "partner", "external id", "status", "stage", "created")
PROBLEM_COLUMNS = ("reference", "id", "partner", "kind", "since", "next step", "failures")
_ATTEMPT_COLUMNS = ("attempt", "validation", "status", "reason", "created", "opened")
_HISTORY_COLUMNS = ("time", "who", "action", "attempt", "from", "to", "reason", "note")


def line_facts(found: Onboarding, stage: Stage) -> dict[str, Any]:
    return {
        "reference": reference_of(found.id),
        "id": found.id,
        "partner": found.partner,
        "external_id": found.external_id,
        "status": found.status,
        "stage": stage,
        "created_at": formatted(found.created_at),
    }


def line_of(found: Onboarding, stage: Stage) -> Sequence[str]:
    return [str(value or "-") for value in line_facts(found, stage).values()]


def problem_facts(row: ProblemRow) -> dict[str, Any]:
    return {"reference": reference_of(row.onboarding_id)} | _plain(asdict(row))


def problem_line(row: ProblemRow) -> Sequence[str]:
    return [str("-" if value is None else value) for value in problem_facts(row).values()]


def facts_of(found: Found) -> dict[str, Any]:
    """The parts of `portal onboarding show`."""
    onboarding, validation = found.onboarding, found.onboarding.validation
    return line_facts(onboarding, found.stage) | _plain(
        {
            "updated_at": onboarding.updated_at,
            "entity_id": onboarding.entity_id,
            "reason": validation.reason if validation else None,
            "identity_match": validation.identity_match if validation else None,
            "identity_basis": validation.identity_basis if validation else None,
            "correction": onboarding.correction,
            "registry_check": validation.double_check if validation else None,
            "operator_decision": validation.operator_decision if validation else None,
            "stall_reason": onboarding.stall_reason,
            "entity_conflict": onboarding.conflict,
            "failures": onboarding.failures,
            "next_step_at": onboarding.due_at,
            "stopped_at": onboarding.stopped_at,
            "erased_at": onboarding.erased_at,
            "attempts": [_plain(asdict(it)) for it in found.attempts],
            "history": [_plain(asdict(it)) for it in found.history],
        }
    )


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
    opened = formatted(row.shown_at) if row.shown_at else "-"
    return str(row.number), row.gu1_id or "-", row.status, row.reason or "-", formatted(row.created_at), opened


def _history_line(entry: HistoryEntry) -> Sequence[str]:
    who = f"{entry.actor} {entry.operator}" if entry.operator else entry.actor
    before = f"{entry.old_status}/{entry.old_stage}" if entry.old_stage else "-"
    after = f"{entry.new_status}/{entry.new_stage}"
    attempt, reason, note = str(entry.attempt), entry.reason or "-", entry.note or "-"
    return formatted(entry.at), who, entry.action, attempt, before, after, reason, note


def _plain(facts: dict[str, Any]) -> dict[str, Any]:
    return {name: formatted(value) if isinstance(value, datetime) else value for name, value in facts.items()}
