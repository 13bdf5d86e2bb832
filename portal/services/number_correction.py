"""What follows if the document number is given once more, because the verified document has another one."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from portal.domain.comparable_numbers import comparable
from portal.domain.correction import Correction
from portal.domain.onboarding import Details, Onboarding
from portal.domain.validation import IdentityMatch
from portal.services.keyed_hash import KeyedHash
from portal.services.validation_plan import ValidationPlanner


class NumberCorrector:
    """Changes nothing by itself: whoever calls it saves the result."""

    def __init__(self, planner: ValidationPlanner, keyed_hash: KeyedHash) -> None:
        self._planner = planner
        self._keyed_hash = keyed_hash

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
            document_digest=self._digest(details),
            validation=validation and replace(validation, identity_match=IdentityMatch.MATCH, verified_digest=None),
            stall_reason=None,
            failures=0,
            due_at=onboarding.due_after(None),
            updated_at=now,
        )

    def with_new_record(self, onboarding: Onboarding, details: Details, now: datetime) -> Onboarding:
        """With a new record, and a new validation if the last one is held: its verdict is about the wrong record."""
        renewed = replace(
            onboarding,
            correction=Correction.REPLACED,
            details=details,
            document_digest=self._digest(details),
            entity_id=None,
            entity_is_own=False,
            lost_entity_id=onboarding.entity_id,
            set_aside=onboarding.validations_sent,
            updated_at=now,
        )
        is_held = onboarding.validation is not None and onboarding.validation.is_held
        return self._planner.with_next(renewed, now) if is_held else renewed

    def _is_verified(self, onboarding: Onboarding, details: Details) -> bool:
        number, validation = self._number(details), onboarding.validation
        verified = validation.verified_digest if validation else None
        is_same_country = details.country == onboarding.country
        return bool(number and verified and is_same_country and self._keyed_hash.matches(number, verified))

    def _digest(self, details: Details) -> str | None:
        number = self._number(details)
        return self._keyed_hash.digest(number) if number else None

    @staticmethod
    def _number(details: Details) -> str | None:
        return comparable(details.country, details.document_number)
