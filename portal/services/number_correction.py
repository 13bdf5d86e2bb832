"""What follows if the document number is given once more, because the verified document has another one."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from portal.domain.correction import Correction
from portal.domain.onboarding import Details, Onboarding
from portal.domain.validation import IdentityBasis, IdentityMatch, Validation
from portal.services.identity import IdentityComparison
from portal.services.validation_plan import ValidationPlanner


class NumberCorrector:
    """Changes nothing by itself: whoever calls it saves the result."""

    def __init__(self, planner: ValidationPlanner, identity: IdentityComparison) -> None:
        self._planner = planner
        self._identity = identity

    def given_again(self, onboarding: Onboarding, details: Details, now: datetime) -> Onboarding:
        """With the one correction that it may have; `may_correct_number` was asked before.

        `details`: the names may be empty if gu1's record is the onboarding's own.
        """
        if not self._is_verified(onboarding, details):
            return replace(onboarding, correction=Correction.REFUSED, updated_at=now)
        if not onboarding.entity_is_own:
            return self.with_new_record(onboarding, details, now)
        return replace(
            onboarding,
            correction=Correction.PENDING,
            details=details,
            stall_reason=None,
            failures=0,
            due_at=now,
            updated_at=now,
        )

    def with_record_corrected(self, onboarding: Onboarding, details: Details, now: datetime) -> Onboarding:
        """gu1's record has the number now, so the verdict is about the right person."""
        validation = onboarding.validation
        return replace(
            onboarding,
            correction=Correction.CORRECTED,
            details=None,
            document_digest=self._identity.document_digest(details),
            validation=validation and _with_match(validation),
            stall_reason=None,
            failures=0,
            due_at=onboarding.due_after(None),
            updated_at=now,
        )

    def with_new_record(self, onboarding: Onboarding, details: Details, now: datetime) -> Onboarding:
        """With a new record, and a new validation if the last one is held: its verdict is about the wrong record."""
        renewed = replace(
            onboarding.with_new_external_id,
            correction=Correction.REPLACED,
            details=details,
            document_digest=self._identity.document_digest(details),
            person=self._planner.person_of(onboarding, details),
            entity_id=None,
            entity_is_own=False,
            lost_entity_id=onboarding.entity_id,
            set_aside=onboarding.validations_sent,
            updated_at=now,
        )
        is_held = onboarding.validation is not None and onboarding.validation.is_held
        return self._planner.with_next(renewed, now) if is_held else renewed

    def is_same_person(self, onboarding: Onboarding, details: Details) -> bool:
        """Apart from the number."""
        return details.country == onboarding.country and self._identity.has_same_name(onboarding, details)

    def _is_verified(self, onboarding: Onboarding, details: Details) -> bool:
        verified = onboarding.validation.verified_digest if onboarding.validation else None
        has_names = details.first_name or details.last_name
        if verified is None or (has_names and not self.is_same_person(onboarding, details)):
            return False
        return self._identity.is_number_of(details, verified)


def _with_match(validation: Validation) -> Validation:
    return replace(
        validation,
        identity_match=IdentityMatch.MATCH,
        identity_basis=IdentityBasis.NUMBER,
        verified_digest=None,
    )
