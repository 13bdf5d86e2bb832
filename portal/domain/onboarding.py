"""The one aggregate: an onboarding and the validation it stands at.

Everything here is a value; a change makes a new one, and the store writes it under a lock.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from portal.domain.status import Status
from portal.domain.validation import Validation


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


class Trouble(StrEnum):
    """Why an onboarding is not getting on, until it is again."""

    UNAVAILABLE = "unavailable"
    REFUSED = "refused"
    """gu1 refuses us: a key, the configuration or the credit. An operator has to act."""
    DETAILS_REFUSED = "details_refused"
    """gu1 refuses what the applicant typed. The applicant has to act."""
    SESSION_URL_REFUSED = "session_url_refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Onboarding:
    id: str
    locale: str
    external_id: str | None = None
    """A partner's own name for the customer."""
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
    trouble: Trouble | None = None
    failures: int = 0
    stopped_at: datetime | None = None
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
        return self.external_id or self.id

    @property
    def status(self) -> Status:
        """What may be told: no approval that is still in doubt."""
        if self.validation is None or self.verified_before_at:
            return Status.APPROVED if self.verified_before_at else Status.PENDING
        held = self.validation.is_confirming or self.validation.is_doubtful
        return Status.IN_REVIEW if held else self.validation.status
