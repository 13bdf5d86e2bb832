"""The lifecycle of a validation; a webhook announces every step, in order."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

from e2e.mock_gu1 import outcomes
from e2e.mock_gu1.api_variants import CurrentVariant
from e2e.mock_gu1.clock import Agenda
from e2e.mock_gu1.outcomes import Outcome
from e2e.mock_gu1.rows import OPEN, RUNNING, Entity, Json, Validation
from e2e.mock_gu1.sample_results import decision, extracted_data, registry_answer
from e2e.mock_gu1.scenarios import scenario_for
from e2e.mock_gu1.settings import Settings
from e2e.mock_gu1.state import State
from e2e.mock_gu1.webhooks import Webhooks

LINK_LIFETIME = {"7_days": timedelta(days=7), "30_days": timedelta(days=30)}
SEEN_BY_PROVIDER = frozenset({"approved", "rejected", "in_review"})


class Lifecycle:
    def __init__(
        self, settings: Settings, variants: CurrentVariant, state: State, webhooks: Webhooks, agenda: Agenda
    ) -> None:
        self._settings = settings
        self._variants = variants
        self._state = state
        self._webhooks = webhooks
        self._agenda = agenda

    def create(
        self, entity: Entity, *, metadata: Json, registry_asked: bool, public_url: str, omitted: tuple[str, ...] = ()
    ) -> Validation:
        variant = self._variants.now
        scenario = scenario_for(entity.tax_id)
        is_hosted = scenario is None or scenario.hosted
        with self._state.lock:
            earlier = self._state.validations(entity.id)
            planned = scenario.outcome(len(earlier) + 1, registry_asked=registry_asked) if scenario else None
            self._make_room(earlier)
            session_id = str(uuid4()) if is_hosted else None
            created = self._state.add_validation(
                entity_id=entity.id,
                session_id=session_id,
                session_url=f"{public_url}/session/{session_id}" if session_id else None,
                planned=planned,
                registry_asked=registry_asked,
                omitted=omitted,
                is_current=variant.is_current == "newest",
                metadata=metadata,
                expires_at=self._state.now() + LINK_LIFETIME[variant.link_life],
            )
            self._webhooks.announce("created", created, entity)
        if planned and not is_hosted:
            self._agenda.after(self._settings.auto_delay, lambda: self.finish(created.id, planned))
        return created

    def open(self, validation_id: str) -> Validation | None:
        """None if it cannot be opened; opening twice is one step."""
        with self._state.lock:
            row = self._state.validation(validation_id)
            if row is None or not self._is_live(row):
                return None
            if row.status == "in_progress":
                return row
            if self._is_deaf_to(row):
                return self._state.change(row, opened_at=row.opened_at or self._state.now())
            return self._move(row, status="in_progress")

    def finish(self, validation_id: str, outcome: Outcome, *, when: frozenset[str] = OPEN) -> Validation | None:
        """The provider's decision. None if the validation does not exist or its status is not in `when`."""
        with self._state.lock:
            row = self._state.validation(validation_id)
            if row is None or row.status not in when or row.unsynced is not None:
                return None
            if self._is_deaf_to(row):
                return self._state.change(row, unsynced=outcome)
            return self._settle(row, outcome)

    def sync(self, validation_id: str) -> Validation | None:
        """Fetches the provider's status; keeps a manual decision."""
        with self._state.lock:
            row = self._state.validation(validation_id)
            if row is None or row.unsynced is None or row.is_manual:
                return row
            return self._settle(self._state.change(row, unsynced=None), row.unsynced)

    def decide(self, validation_id: str, outcome: Outcome) -> Validation | None:
        """A manual decision, only in review; the registry is not asked again."""
        with self._state.lock:
            row = self.sync(validation_id)
            if row is None or row.status != "in_review":
                return None
            changes = self._consequences(row, outcome) | {"registry": row.registry, "is_manual": True}
            if self._variants.now.manual_decision == "left":
                changes["decision"] = row.decision
            return self._move(row, **changes, **({} if outcome.status == "approved" else {"is_current": False}))

    def force(self, validation_id: str, outcome: Outcome) -> Validation | None:
        """Works in any status, also final ones, like a reviewer at the provider."""
        with self._state.lock:
            row = self._state.validation(validation_id)
            return row and self._settle(self._state.change(row, unsynced=None), outcome)

    def cancel(self, validation_id: str) -> Validation | None:
        """None if its status does not allow it."""
        variant = self._variants.now
        allowed = RUNNING | {"in_review"} if variant.cancel_in_review == "allowed" else RUNNING
        allowed |= {"abandoned"} if variant.cancel_abandoned == "allowed" else set()
        with self._state.lock:
            row = self._state.validation(validation_id)
            if row is None or row.status not in allowed:
                return None
            return self._move(row, status="cancelled", is_current=False, is_manual=True, unsynced=None)

    def expire_overdue(self) -> None:
        with self._state.lock:
            for row in self._state.overdue():
                self._settle(row, outcomes.EXPIRE)

    def _is_live(self, row: Validation) -> bool:
        return row.status in OPEN and row.unsynced is None and self._state.now() < row.expires_at

    def _is_deaf_to(self, row: Validation) -> bool:
        return self._variants.now.provider_events == "on_sync" and row.session_id is not None

    def _make_room(self, earlier: list[Validation]) -> None:
        variant = self._variants.now
        for row in earlier:
            if variant.second_validation == "cancels_first" and row.status in RUNNING | {"in_review"}:
                self._move(row, status="cancelled", is_current=False, unsynced=None)
            elif variant.is_current == "newest" and row.is_current:
                self._state.change(row, is_current=False)

    def _settle(self, row: Validation, outcome: Outcome) -> Validation:
        if outcome.status == "rejected" and outcome.code in row.omitted and not outcome.is_from_registry:
            outcome = replace(outcomes.APPROVE, code=outcome.code)
        if self._variants.now.renaper == "two_steps":
            outcome = _in_two_steps(outcome, registry_asked=row.registry_asked, delay=self._settings.renaper_delay)
        if self._variants.now.renaper == "silent" and row.registry_asked:
            outcome = _without_registry(outcome)
        settled = self._move(row, **self._consequences(row, outcome))
        then = outcome.then
        if then:
            self._agenda.after(outcome.then_after, lambda: self._go_on(row.id, then, settled.status))
        return settled

    def _go_on(self, validation_id: str, outcome: Outcome, expected_status: str) -> None:
        with self._state.lock:
            row = self._state.validation(validation_id)
            if row is not None and row.status == expected_status:
                self._move(row, **self._consequences(row, outcome))

    def _move(self, row: Validation, **changes: Any) -> Validation:
        if changes["status"] == "approved" and self._variants.now.is_current == "newest_approved":
            changes["is_current"] = True
            for other in self._state.validations(row.entity_id):
                if other.is_current and other.id != row.id:
                    self._state.change(other, is_current=False)
        changed = self._state.change(row, **changes)
        self._webhooks.announce(changed.status, changed, self._state.with_verification(changed.entity_id))
        return changed

    def _consequences(self, row: Validation, outcome: Outcome) -> dict[str, Any]:
        changes: dict[str, Any] = {"status": outcome.status, "outcome": outcome}
        entity = self._state.entity(row.entity_id)
        if outcome.status == "cancelled":
            changes["is_current"] = False
        if outcome.status not in SEEN_BY_PROVIDER or entity is None:
            return changes
        asked = row.registry_asked and outcome.registry_answers and outcome.status != "rejected"
        return changes | {
            "decision": decision(entity, row, outcome, self._images(row)),
            "extracted": extracted_data(entity, outcome),
            "verified_at": self._state.now() if outcome.status == "approved" else None,
            "registry": registry_answer(entity, outcome, self._state.now())
            if asked or outcome.is_from_registry
            else None,
        }

    def _images(self, row: Validation) -> str:
        settings = self._settings
        return "/".join(("kyc", settings.integration_code, settings.organization_id, row.entity_id, row.id))


def _without_registry(outcome: Outcome) -> Outcome:
    """What the provider alone says: RENAPER does not answer."""
    told = outcomes.APPROVE if outcome.is_from_registry else outcome
    return replace(told, registry_answers=False, then=None)


def _in_two_steps(outcome: Outcome, *, registry_asked: bool, delay: float) -> Outcome:
    """First approved, then whatever the registry says."""
    waits = outcome.is_from_registry or (registry_asked and outcome.status == "approved")
    if not waits or outcome.then or not outcome.registry_answers:
        return outcome
    return replace(outcomes.APPROVE, registry_answers=False, then=outcome, then_after=delay)
