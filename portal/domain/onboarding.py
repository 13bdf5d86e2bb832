"""The aggregate: an onboarding with its current validation. Immutable; the store writes changes under a lock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Self

from portal.domain.correction import Correction
from portal.domain.status import Status
from portal.domain.validation import CreationState, Validation

START_PREFIX = "start-"
"""Begins the external ids of customers who started at a partner's page, because nobody gave them one."""
LIFETIME = timedelta(days=30)
"""Of an access link."""


@dataclass(frozen=True, slots=True)
class Details:
    """Stored encrypted, and only until gu1 has the entity."""

    country: str
    """ISO 3166-1 alpha-2."""
    document_number: str = field(repr=False)
    """Letters and digits only."""
    first_name: str = field(repr=False)
    last_name: str = field(repr=False)
    """Empty for people with only one name."""
    email: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class ConsentText:
    """What somebody read before they agreed."""

    version: str
    language: str | None = None
    digest: str | None = None
    """SHA-256 of the text, with company, provider and country. Like `language`, None if the page did not say."""


@dataclass(frozen=True, slots=True)
class Consent:
    text: ConsentText
    given_at: datetime


class StallReason(StrEnum):
    """Why an onboarding is stalled; cleared when it continues."""

    UNAVAILABLE = "unavailable"
    REFUSED = "refused"
    """gu1 refuses our key or configuration, or the credit is used up. An operator has to act."""
    DETAILS_REFUSED = "details_refused"
    """gu1 refuses the details, lost them with the entity, or has somebody else's entity for the number. The applicant
    has to act."""
    HOSTED_PAGE_REFUSED = "session_url_refused"


class EntityConflict(StrEnum):
    """Why gu1's entity for the given number was not taken: it is somebody else's."""

    CUIL_NEEDED = "cuil_needed"
    """Two people can have the number; the CUIL tells them apart."""
    ANOTHER_PERSON = "another_person"
    """The number or the name is mistyped, or an operator has to see whose record it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Onboarding:
    id: str
    locale: str
    partner: str | None = None
    """The partner's slug; None if the applicant came without a partner."""
    external_id: str | None = None
    """The partner's own id for the customer."""
    purpose: str | None = None
    """What the customer is verified for, where the partner tells several apart; each has an open onboarding of its own.
    """
    known_as: str | None = None
    """The external id at gu1, if it is neither `external_id` nor `id`."""
    return_url: str | None = None
    """One of the partner's registered ones."""
    state: str | None = field(default=None, repr=False)
    """Opaque; returned to the partner with the result."""
    metadata: Mapping[str, str] | None = field(default=None, repr=False)
    """The partner's own notes; never sent to gu1."""
    capture: str | None = None
    """The capture mode, if the partner requested one for this onboarding."""
    given_by_partner: bool = False
    """True if the partner gave the details; the applicant neither sees nor corrects them."""
    country: str | None = None
    submission: str | None = None
    """The idempotency key of the first form."""
    details: Details | None = field(default=None, repr=False)
    document_digest: str | None = None
    """Keyed hash of the typed number, to compare it with the verified one after `details` are deleted."""
    name_digests: str | None = field(default=None, repr=False)
    """Keyed hashes of the typed name's words, for the same; see `portal/services/identity.py`."""
    consent: Consent | None = None
    person: str | None = field(default=None, repr=False)
    """Whose attempts they are, as a keyed hash; forgotten when the window of attempts has passed."""
    earlier_attempts: tuple[datetime, ...] | None = None
    """When the person's attempts before the current validation were made, also in other onboardings.

    As counted when the current one was planned, sent or opened; None if it never was.
    """
    entity_id: str | None = None
    entity_conflict: EntityConflict | None = None
    """Why the details were refused, if it was not gu1 that refused them; see `conflict`."""
    verified_before_at: datetime | None = None
    """When gu1 verified this customer earlier, if that approval is still valid: the onboarding is then approved."""
    reverify: bool = False
    """The partner wants a new verification, even if an earlier approval is still valid."""
    verified_until: datetime | None = None
    """When the approval ends, if gu1 says so."""
    verification_check_at: datetime | None = None
    """When gu1 is next asked whether the customer has to verify again."""
    reverification_due_at: datetime | None = None
    """Since when the customer has to verify again."""
    watched_at: datetime | None = None
    """When the page was last open, within half a minute."""
    phone_joined_at: datetime | None = None
    """When a phone last came by the code on another device's page."""
    entity_is_own: bool = False
    """gu1 has the entity because this onboarding created it, so its number may be corrected."""
    lost_entity_id: str | None = None
    """The last entity that turned out to be deleted, of another type or with a wrong number; never used again."""
    correction: Correction | None = None
    """What became of the number that was given once more; None if none was."""
    other_numbers: int = 0
    """How often the partner gave another document number than the applicant's while this was open."""
    set_aside: int = 0
    """The validations up to this one were made on a record with a wrong number: they count for nothing."""
    validation: Validation | None = None
    """The one that the onboarding stands at: the newest, unless gu1 approved an earlier one afterwards."""
    attempts_opened: int = 0
    """At least; the number of `validation` if that is higher."""
    allowed_attempt: int | None = None
    """The number of an attempt that an operator allowed, whatever the limit and the last reason say."""
    stall_reason: StallReason | None = None
    failures: int = 0
    outages: int = 0
    """Earlier validations that failed by an outage of the registry."""
    outages_in_row: int = 0
    """Those of them that directly precede the current validation."""
    stopped_at: datetime | None = None
    stopped_by_operator: bool = False
    """An operator or the partner cancelled it; otherwise `stopped_at` is when the applicant stopped it."""
    erasure_asked_at: datetime | None = None
    """When the applicant asked for the personal data to be erased, which an operator then confirms."""
    erased_at: datetime | None = None
    """When the partner had the personal data erased."""
    earlier_starts: int = 0
    """How many starts from the same address came before it within the hour, until gu1 has its validation."""
    due_at: datetime | None = None
    """When the runner takes the next step; None if there is none."""
    sweep_at: datetime | None = None
    """When gu1 is next searched for duplicates: validations that were created but not adopted."""
    recheck_at: datetime | None = None
    """When gu1 is next asked about the other attempts: one has news, or is still open and must be cancelled."""
    link_generation: int = 0
    """How often the access link was replaced by a new one: no other link leads anywhere."""
    link_issued_at: datetime | None = None
    """When a link took the place of the first one."""
    link_expires_at: datetime | None = None
    """Of a link that replaced another; the first one expires with the onboarding."""
    reminder_due_at: datetime | None = None
    """When `portal.domain.reminder_times` next has something to say; the store writes it with each change."""
    photos_reminded_at: datetime | None = None
    expiry_reminded_at: datetime | None = None
    lapsed_at: datetime | None = None
    """When it was noted that the access link ended before the onboarding was over."""
    request_id: str | None = None
    """Of the last request that changed it, for the log and for gu1."""
    fence: int = 0
    lease_until: datetime | None = None
    created_at: datetime
    updated_at: datetime
    """The last change that the applicant could see."""

    @property
    def validation_number(self) -> int:
        """The highest of its validations; 0 before the first."""
        return max(self.attempts_opened, self.validation.number if self.validation else 0)

    @property
    def validations_sent(self) -> int:
        """Without one that is planned and was never sent."""
        last = self.validation
        is_unsent = last is not None and last.creation_state is CreationState.PLANNED and last.sends == 0
        return self.validation_number - 1 if is_unsent else self.validation_number

    @property
    def attempts(self) -> int:
        """The validations that count for the applicant: not those that failed by an outage of the registry."""
        fails_now = self.validation is not None and self.validation.failed_by_outage
        return max(0, self.validation_number - self.outages - fails_now)

    @property
    def has_allowed_attempt(self) -> bool:
        """An operator allowed the next attempt."""
        return self.allowed_attempt is not None and self.allowed_attempt > self.attempts

    @property
    def is_allowed_attempt(self) -> bool:
        """An operator allowed the current attempt, or the next."""
        return self.allowed_attempt is not None and self.allowed_attempt >= self.attempts

    @property
    def attempt_times(self) -> tuple[datetime, ...]:
        """When the person's attempts in the window were made, the current one included; the oldest first."""
        validation, earlier = self.validation, self.earlier_attempts
        if validation is None:
            return earlier or ()
        if earlier is None:  # written by a release that did not count them
            earlier = (validation.created_at,) * max(0, self.validation_number - self.outages - 1)
        return tuple(sorted((*earlier, validation.attempted_at) if validation.is_attempt else earlier))

    def due_after(self, usual: datetime | None) -> datetime | None:
        """`usual`, or `sweep_at` or `recheck_at` if that is earlier."""
        return min(filter(None, (usual, self.sweep_at, self.recheck_at)), default=None)

    @property
    def is_correcting(self) -> bool:
        """gu1's record still has to get the number that was given once more."""
        return self.correction is Correction.PENDING and self.stopped_at is None

    @property
    def without_pending_correction(self) -> Self:
        """For somebody's decision that settles it in another way."""
        return replace(self, correction=None, details=None, failures=0) if self.is_correcting else self

    @property
    def needs_photos_again(self) -> bool:
        """The current validation takes the place of one on a record with a wrong number."""
        follows = self.validation is not None and self.validation.number == self.set_aside + 1
        return self.correction is Correction.REPLACED and follows

    @property
    def needs_details_again(self) -> bool:
        """gu1 lost the entity, and the details had been deleted when gu1 had it."""
        is_lost = self.lost_entity_id is not None and self.entity_id is None
        return is_lost and self.details is None and self.stall_reason is StallReason.DETAILS_REFUSED

    @property
    def has_phone(self) -> bool:
        """A phone came by the code since the current validation began."""
        began = self.validation.created_at if self.validation else None
        return self.phone_joined_at is not None and began is not None and self.phone_joined_at >= began

    @property
    def conflict(self) -> EntityConflict | None:
        """Why other details are needed, if it was not gu1 that refused the first."""
        return self.entity_conflict if self.stall_reason is StallReason.DETAILS_REFUSED else None

    @property
    def gu1_external_id(self) -> str:
        return self.known_as or self.external_id or self.id

    @property
    def has_own_external_id(self) -> bool:
        """It holds the onboarding's id, so an entity with it was created by this onboarding."""
        return self.id in self.gu1_external_id

    @property
    def has_new_external_id(self) -> bool:
        """`with_new_external_id` was called."""
        return self.known_as is not None and f"~{self.id}" in self.known_as

    @property
    def with_new_external_id(self) -> Self:
        """For the next entity at gu1: the one that was given up keeps the external id that it has."""
        suffix = "2" if self.has_new_external_id else self.id
        return replace(self, known_as=f"{self.gu1_external_id}~{suffix}")

    @property
    def is_self_started(self) -> bool:
        """No partner vouches for who this is: anybody may have typed the number."""
        return self.external_id in {None, f"{START_PREFIX}{self.id}"}

    @property
    def ends_at(self) -> datetime:
        """From when on no link can lead to it any more."""
        return self.created_at + LIFETIME

    @property
    def link_ends_at(self) -> datetime:
        """When the access link expires."""
        return self.link_expires_at or self.ends_at

    def with_new_link(self, now: datetime, expires_at: datetime) -> Self:
        """The link before it is dead at once, and what lapsed with it goes on."""
        return replace(
            self,
            link_generation=self.link_generation + 1,
            link_issued_at=now,
            link_expires_at=expires_at,
            expiry_reminded_at=None,
            lapsed_at=None,
            due_at=now if self.is_planned and not self.stopped_at else self.due_at,
            updated_at=now,
        )

    @property
    def is_planned(self) -> bool:
        """The next step towards a hosted page is a request that costs."""
        return self.validation is not None and self.validation.creation_state is CreationState.PLANNED

    def has_lapsed(self, now: datetime) -> bool:
        return self.lapsed_at is not None or self.link_ends_at <= now

    @property
    def visible_state(self) -> tuple[object, ...]:
        """All that the applicant's page shows. A change of it changes `updated_at`, by which polls notice it."""
        next_try = self.due_at if self.failures or self.stall_reason else None
        return (
            (self.locale, self.country, self.capture, self.return_url, self.given_by_partner),
            (self.details is None, self.consent is None, self.stall_reason, self.failures, next_try),
            (self.stopped_at, self.erased_at, self.verified_before_at, self.allowed_attempt, self.needs_details_again),
            (self.conflict, self.correction, self.entity_is_own, self.link_generation, self.recheck_at is None),
            (self.earlier_attempts, self.phone_joined_at),
            self.validation and self.validation.visible_state,
        )

    @property
    def without_personal_data(self) -> Self:
        """What remains after an erasure: what was paid, when, and the ids at gu1."""
        validation = self.validation
        return replace(
            self,
            external_id=None,
            purpose=None,
            known_as=None,
            return_url=None,
            state=None,
            metadata=None,
            country=None,
            submission=None,
            details=None,
            document_digest=None,
            name_digests=None,
            person=None,
            earlier_attempts=None,
            verified_until=None,
            verification_check_at=None,
            reverification_due_at=None,
            watched_at=None,
            request_id=None,
            validation=validation and replace(validation, session_url=None, session_id=None, verified_digest=None),
        )

    @property
    def customer_and_purpose(self) -> tuple[str | None, ...]:
        return self.partner, self.external_id, self.purpose

    def is_valid_approval_for(self, customer: Self, gu1_id: str) -> bool:
        """True if `gu1_id` is an approval of the customer's own onboarding for the same purpose, neither stopped nor
        held nor unconfirmed.

        Otherwise somebody else may have typed the customer's number and verified with another document.
        """
        is_own = self.customer_and_purpose == customer.customer_and_purpose
        validation = self.validation
        if self.stopped_at or validation is None or validation.gu1_id != gu1_id:
            return False
        return is_own and validation.status is Status.APPROVED and validation.is_settled

    @property
    def only_consent_is_missing(self) -> bool:
        """The partner gave the details, and the applicant has not agreed yet."""
        return self.details is not None and self.consent is None

    @property
    def status(self) -> Status:
        """What partners and applicants see: `in_review` while an approval is held or unconfirmed.

        A stop wins over everything that gu1 says.
        """
        if self.stopped_at:
            return Status.CANCELLED
        if self.validation is None or self.verified_before_at:
            return Status.APPROVED if self.verified_before_at else Status.PENDING
        if self.validation.makes_room:
            return Status.PENDING
        return Status.IN_REVIEW if self.validation.is_held else self.validation.status

    @property
    def verdict(self) -> Validation | None:
        """The validation whose result partners and applicants are told; None if there is none or it was stopped."""
        return None if self.stopped_at else self.validation
