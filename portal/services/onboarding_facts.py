"""Onboardings as operators read them, on every way: nothing here is personal data."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from portal.domain.onboarding import Onboarding
from portal.domain.reference import reference_of
from portal.domain.stage import Stage
from portal.services.operator_actions import Found
from portal.services.problems import AttemptRow, ProblemKind, ProblemRow


def formatted(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def line_facts(found: Onboarding, stage: Stage) -> dict[str, Any]:
    return {
        "reference": reference_of(found.id),
        "id": found.id,
        "partner": found.partner,
        "external_id": found.external_id,
        "purpose": found.purpose,
        "status": found.status,
        "stage": stage,
        "created_at": formatted(found.created_at),
    }


def problem_facts(row: ProblemRow) -> dict[str, Any]:
    return {"reference": reference_of(row.onboarding_id)} | _plain(asdict(row))


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
            "held": held_kind(onboarding),
            "allowed_attempt": onboarding.allowed_attempt,
            "operator_decision": validation.operator_decision if validation else None,
            "stall_reason": onboarding.stall_reason,
            "entity_conflict": onboarding.conflict,
            "failures": onboarding.failures,
            "next_step_at": onboarding.due_at,
            "stopped_at": onboarding.stopped_at,
            "erased_at": onboarding.erased_at,
            "attempts": [_attempt_facts(it) for it in found.attempts],
            "history": [_plain(asdict(it)) for it in found.history],
        }
    )


def held_kind(onboarding: Onboarding) -> ProblemKind | None:
    """Why its approval at gu1 does not count, in the words of `portal onboarding list --held`."""
    validation = onboarding.validation
    if validation is None or onboarding.stopped_at or not validation.is_held:
        return None
    if validation.is_uncompared:
        return ProblemKind.IDENTITY_UNKNOWN
    return ProblemKind.IDENTITY if validation.is_doubtful else ProblemKind.REGISTRY


def _attempt_facts(row: AttemptRow) -> dict[str, Any]:
    facts = _plain(asdict(row))
    facts["shown_at"] = facts.pop("opened_at")  # its name since the first release
    return facts


def _plain(facts: dict[str, Any]) -> dict[str, Any]:
    return {name: formatted(value) if isinstance(value, datetime) else value for name, value in facts.items()}
