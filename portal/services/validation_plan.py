"""The policy for an onboarding, and the validation planned from it and the applicant's details."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from portal.domain.attempts import DEFAULT_WINDOW
from portal.domain.comparable_numbers import one_spelling
from portal.domain.onboarding import Consent, ConsentText, Details, Onboarding
from portal.domain.validation import DoubleCheck, Validation
from portal.services.identity import IdentityComparison
from portal.services.keyed_hash import KeyedHash


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Applies to the onboardings of one partner, or to those without a partner."""

    max_attempts: int
    attempts_window: timedelta = DEFAULT_WINDOW
    """In which at most `max_attempts` of a person are made."""
    double_check_renaper: bool
    integration_code: str | None = None
    """None for the operator's default."""
    requires_identity: bool = False
    """An approval does not count if the document could not be compared with the details."""
    is_live: bool = True
    """False with a key of gu1's sandbox, which invents its verdicts."""


class ValidationPlanner:
    def __init__(self, policy_for: Callable[[Onboarding], Policy], identity: IdentityComparison) -> None:
        self._policy_for = policy_for
        self._identity = identity

    def with_details(self, onboarding: Onboarding, details: Details, consent: ConsentText, now: datetime) -> Onboarding:
        """With a validation planned, and due now; it replaces one that was planned and not sent."""
        return replace(
            onboarding,
            country=details.country,
            details=details,
            document_digest=self._identity.document_digest(details),
            name_digests=self._identity.name_digests(onboarding.id, details),
            entity_conflict=None,
            person=self.person_of(onboarding, details),
            earlier_attempts=None,
            consent=Consent(consent, now),
            validation=self.planned(replace(onboarding, country=details.country), onboarding.validations_sent + 1, now),
            stall_reason=None,
            failures=0,
            due_at=now,
            updated_at=now,
        )

    def with_next(self, onboarding: Onboarding, now: datetime, others: Iterable[Validation] = ()) -> Onboarding:
        """With the next validation planned, and due now. One that failed by an outage does not count as an attempt.

        If one of `others`, its other attempts, is open still, it goes on with that: both could be completed and paid.
        """
        left_open = next((it for it in others if not it.status.is_final and now < it.ends_at), None)
        failed_by_outage = onboarding.validation is not None and onboarding.validation.failed_by_outage
        return replace(
            onboarding,
            validation=left_open or self.planned(onboarding, onboarding.validation_number + 1, now),
            recheck_at=None if left_open else onboarding.recheck_at,
            earlier_attempts=_without(left_open, onboarding.attempt_times),
            outages=onboarding.outages + failed_by_outage,
            outages_in_row=onboarding.outages_in_row + 1 if failed_by_outage else 0,
            stall_reason=None,
            failures=0,
            due_at=now,
            updated_at=now,
        )

    def person_of(self, onboarding: Onboarding, details: Details) -> str | None:
        return person_of(self._identity.number_hash, onboarding, details)

    def planned(self, onboarding: Onboarding, number: int, now: datetime) -> Validation:
        policy = self._policy_for(onboarding)
        double_check = policy.double_check_renaper and onboarding.country == "AR"
        return Validation(
            number=number,
            nonce=secrets.token_urlsafe(16),
            double_check=DoubleCheck.UNANSWERED if double_check else DoubleCheck.NOT_ASKED,
            identity_required=policy.requires_identity,
            created_at=now,
        )


def _without(attempt: Validation | None, times: Sequence[datetime]) -> tuple[datetime, ...]:
    """The times of the attempts before `attempt`, which counts by itself as the current one."""
    return tuple(time for time in times if attempt is None or time != attempt.attempted_at)


def person_of(keyed_hash: KeyedHash, onboarding: Onboarding, details: Details | None = None) -> str | None:
    """A keyed hash of the partner's customer, else of the typed number; None without either.

    Whoever starts at a partner's page is a new customer each time, and so known by the number.
    """
    if not onboarding.is_self_started:
        return keyed_hash.digest(json.dumps(["customer", onboarding.partner, onboarding.external_id]))
    if details is None:
        return None
    number = one_spelling(details.country, details.document_number)
    of_partner = [onboarding.partner] if onboarding.partner else []
    return keyed_hash.digest(json.dumps(["document", *of_partner, details.country, number]))
