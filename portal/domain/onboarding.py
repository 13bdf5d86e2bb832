"""The one aggregate: an onboarding and the validation it stands at.

Everything here is a value; a change makes a new one, and the store writes it under a lock.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Self

from portal.domain.status import Status
from portal.domain.validation import Validation

LIFETIME = timedelta(days=30)
"""Of an access link."""


@dataclass(frozen=True, slots=True)
class Details:
    """What the applicant typed. Kept encrypted, and only until gu1 has the entity."""

    country: str
    """ISO 3166-1 alpha-2."""
    document_number: str = field(repr=False)
    """Letters and digits only."""
    first_name: str = field(repr=False)
    last_name: str = field(repr=False)
    email: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Consent:
    version: str
    given_at: datetime


class StallReason(StrEnum):
    """Why an onboarding is not getting on, until it is again."""

    UNAVAILABLE = "unavailable"
    REFUSED = "refused"
    """gu1 refuses us: a key, the configuration or the credit. An operator has to act."""
    DETAILS_REFUSED = "details_refused"
    """gu1 refuses what the applicant typed. The applicant has to act."""
    HOSTED_PAGE_REFUSED = "session_url_refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Onboarding:
    id: str
    locale: str
    partner: str | None = None
    """The slug of the partner that sent the person; None for those who came by themselves."""
    external_id: str | None = None
    """A partner's own name for the customer."""
    known_as: str | None = None
    """What gu1 knows the person by, where that is neither `external_id` nor `id`."""
    return_url: str | None = None
    """Where the partner wants the person back; one of its registered ones."""
    state: str | None = field(default=None, repr=False)
    """The partner's own, given back with the result and not looked into."""
    capture: str | None = None
    """How the hosted page opens, where the partner asked for another way than usual."""
    given_by_partner: bool = False
    """Whose `details` these are: the partner's are neither shown to the person nor corrected by them."""
    country: str | None = None
    submission: str | None = None
    """Names one sending of the first form; the same sending twice is the same onboarding."""
    details: Details | None = field(default=None, repr=False)
    document_digest: str | None = None
    """Keyed hash of the typed number, to compare with the verified one after `details` are gone."""
    consent: Consent | None = None
    entity_id: str | None = None
    verified_before_at: datetime | None = None
    """When gu1 verified this very customer for the partner, if that still holds: nothing to ask then."""
    watched_at: datetime | None = None
    """When somebody last looked at the page, give or take half a minute."""
    validation: Validation | None = None
    stall_reason: StallReason | None = None
    failures: int = 0
    stopped_at: datetime | None = None
    erased_at: datetime | None = None
    """When the person's data was erased on the partner's word."""
    due_at: datetime | None = None
    """When the engine looks at this onboarding next; None where nothing is left to do."""
    sweep_at: datetime | None = None
    """When gu1 is next looked through for validations of ours that were created but never adopted."""
    fence: int = 0
    lease_until: datetime | None = None
    created_at: datetime
    updated_at: datetime
    """The last time the applicant could have noticed a change."""

    @property
    def attempts(self) -> int:
        return self.validation.number if self.validation else 0

    def due_after(self, usual: datetime | None) -> datetime | None:
        """`usual`, or the sweep where that comes first."""
        return min(filter(None, (usual, self.sweep_at)), default=None)

    @property
    def gu1_external_id(self) -> str:
        """What gu1 knows the person by."""
        return self.known_as or self.external_id or self.id

    @property
    def ends_at(self) -> datetime:
        """When its access link opens nothing any more."""
        return self.created_at + LIFETIME

    @property
    def without_person(self) -> Self:
        """What may be kept once the person's data is erased: what was paid, when, and at gu1 under which ids."""
        validation = self.validation
        return replace(
            self,
            external_id=None,
            known_as=None,
            return_url=None,
            state=None,
            country=None,
            submission=None,
            details=None,
            document_digest=None,
            watched_at=None,
            validation=validation and replace(validation, session_url=None, session_id=None),
        )

    def vouches_for(self, customer: Self, gu1_id: str) -> bool:
        """Whether this validation of ours shows who the customer is: their own, approved, and believed here.

        Somebody else may have typed their number, and verified with another document.
        """
        is_own = (self.partner, self.external_id) == (customer.partner, customer.external_id)
        validation = self.validation
        if validation is None or validation.gu1_id != gu1_id:
            return False
        return is_own and validation.status is Status.APPROVED and validation.is_settled

    @property
    def only_consent_is_missing(self) -> bool:
        """The partner gave the details; they stay here until the person agrees."""
        return self.details is not None and self.consent is None

    @property
    def status(self) -> Status:
        """What may be told: no approval that is still in doubt."""
        if self.validation is None or self.verified_before_at:
            return Status.APPROVED if self.verified_before_at else Status.PENDING
        held = self.validation.is_confirming or self.validation.is_doubtful
        return Status.IN_REVIEW if held else self.validation.status
