"""A validation's way from creation to its end; every step is announced by webhook, in order."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

from e2e.mock_gu1.clock import Later
from e2e.mock_gu1.evidence import decision, extracted_data, registry_answer
from e2e.mock_gu1.outcomes import Outcome
from e2e.mock_gu1.scenarios import scenario_for
from e2e.mock_gu1.settings import Settings
from e2e.mock_gu1.state import CHARGED, Entity, Json, State, Validation
from e2e.mock_gu1.webhooks import Webhooks

SESSION_LIFE = timedelta(days=7)

# A person may come back to a session that they left.
OPEN = frozenset({"pending", "in_progress", "abandoned"})
CANCELLABLE = frozenset({"pending", "in_progress", "in_review"})


class Life:
    def __init__(self, settings: Settings, state: State, webhooks: Webhooks, later: Later) -> None:
        self._settings = settings
        self._state = state
        self._webhooks = webhooks
        self._later = later

    def create(self, entity: Entity, *, metadata: Json, registry_asked: bool, public_url: str) -> Validation:
        scenario = scenario_for(entity.tax_id)
        is_hosted = scenario is None or scenario.hosted
        with self._state.lock:
            number = len(self._state.validations(entity.id)) + 1
            planned = scenario.outcome(number, registry_asked=registry_asked) if scenario else None
            session_id = str(uuid4()) if is_hosted else None
            created = self._state.add_validation(
                entity_id=entity.id,
                session_id=session_id,
                session_url=f"{public_url}/session/{session_id}" if session_id else None,
                planned=planned,
                registry_asked=registry_asked,
                metadata=metadata | {"doubleChecks": {"renaper": True}} if registry_asked else metadata,
                expires_at=self._state.now() + SESSION_LIFE if session_id else None,
            )
            self._webhooks.announce("created", created, entity)
        if planned and not is_hosted:
            self._later(self._settings.auto_delay, lambda: self.finish(created.id, planned))
        return created

    def open(self, validation_id: str) -> Validation | None:
        """None where there is nothing to open; opening twice is one step."""
        with self._state.lock:
            validation = self._state.validation(validation_id)
            if validation is None or validation.status not in OPEN:
                return None
            return validation if validation.status == "in_progress" else self._move(validation, status="in_progress")

    def finish(self, validation_id: str, outcome: Outcome, *, when: frozenset[str] = OPEN) -> Validation | None:
        """None where the validation is gone or its status is none of `when`."""
        with self._state.lock:
            validation = self._state.validation(validation_id)
            if validation is None or validation.status not in when:
                return None
            changed = self._move(validation, **self._consequences(validation, outcome))
        then = outcome.then
        if then:
            self._later(outcome.then_after, lambda: self.finish(validation_id, then, when=frozenset({outcome.status})))
        return changed

    def cancel(self, validation_id: str) -> Validation | None:
        """None where its status does not allow that any more."""
        with self._state.lock:
            validation = self._state.validation(validation_id)
            if validation is None or validation.status not in CANCELLABLE:
                return None
            return self._move(validation, status="cancelled", is_current=False)

    def _move(self, validation: Validation, **changes: Any) -> Validation:
        changed = self._state.change(validation, **changes)
        self._webhooks.announce(changed.status, changed, self._state.with_verification(changed.entity_id))
        return changed

    def _consequences(self, validation: Validation, outcome: Outcome) -> dict[str, Any]:
        changes: dict[str, Any] = {"status": outcome.status}
        entity = self._state.entity(validation.entity_id)
        if outcome.status == "cancelled":
            changes["is_current"] = False
        if outcome.status not in CHARGED or entity is None:
            return changes
        now = self._state.now()
        return changes | {
            "decision": decision(entity, validation, outcome, self._images(validation)),
            "extracted": extracted_data(entity, outcome),
            "warnings": (outcome.code,) if outcome.code and not outcome.is_from_registry else (),
            "verified_at": now if outcome.status == "approved" else None,
            "metadata": validation.metadata | self._registry_metadata(validation, entity, outcome),
        }

    def _registry_metadata(self, validation: Validation, entity: Entity, outcome: Outcome) -> Json:
        """The registry is asked only after the provider has approved, or where its answer was chosen by hand."""
        provider_approved = outcome.status == "approved" and validation.registry_asked and outcome.registry_answers
        if not (provider_approved or outcome.is_from_registry):
            return {}
        answer: Json = {
            "doubleChecks": {"renaper": True},
            "responseDoubleChecks": {"renaper": registry_answer(entity, outcome, self._state.now())},
        }
        return answer | {"warnings": [outcome.code]} if outcome.is_from_registry else answer

    def _images(self, validation: Validation) -> str:
        settings = self._settings
        where = (settings.integration_code, settings.organization_id, validation.entity_id, validation.id)
        return "/".join(("kyc", *where))
