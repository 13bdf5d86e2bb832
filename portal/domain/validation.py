"""One attempt at gu1, and gu1's observations of it. Everything is immutable."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple, Self

from portal.domain.name_match import Name
from portal.domain.reasons import BY_REGISTRY, REMEDIES, Reason, Remedy
from portal.domain.status import CLOSED_UNPAID, OPEN, TOLD_BY_WEBHOOK, Status, may_move

SESSION_LIFE = timedelta(days=7)
"""Of a provider session, if gu1 gives no `expiresAt`."""
CLOCKS_APART = timedelta(minutes=5)
"""The largest expected difference between gu1's clock and ours."""

REFRESHES_FOR_PAGE = 16
"""About three minutes."""
CONFIRMS_WITHIN = timedelta(days=1)
"""How long RENAPER may take to confirm an approval before the page offers a contact and the operator is alerted."""


class DoubleCheck(StrEnum):
    """Whether RENAPER was asked to confirm an approval, and has answered."""

    NOT_ASKED = "not_asked"
    """No answer is expected: not asked for, not taken up by gu1, or no longer waited for."""
    UNANSWERED = "unanswered"
    ANSWERED = "answered"


class IdentityMatch(StrEnum):
    """Whether the verified document is of the person whose details were given, by number, else by name.

    `unknown` if neither could be compared.
    """

    UNKNOWN = "unknown"
    MATCH = "match"
    MISMATCH = "mismatch"


class IdentityBasis(StrEnum):
    """What was compared."""

    NUMBER = "number"
    NAME = "name"


class Identity(NamedTuple):
    match: IdentityMatch
    basis: IdentityBasis | None
    """None if nothing could be compared."""


NOTHING_COMPARED = Identity(IdentityMatch.UNKNOWN, None)


class OperatorDecision(StrEnum):
    """What an operator of the portal decided about a validation, against what it would be by rule."""

    RELEASED = "released"
    """The approval counts although it was held."""
    REJECTED = "rejected"
    """No word of gu1 turns it back."""


class Decider(StrEnum):
    """Who decided a verdict."""

    AUTOMATIC = "automatic"
    """The provider's or a registry's checks."""
    PERSON = "person"
    """A reviewer at gu1: final for the applicant."""


class CreationState(StrEnum):
    """The progress of the paid request for a validation."""

    PLANNED = "planned"
    SENT = "sent"
    """Saved before the request is sent; until the answer it is unknown what gu1 did."""
    ADOPTED = "adopted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """What gu1 said of a validation: the create answer, a read, or a verified webhook with the whole row."""

    gu1_id: str
    entity_id: str | None = None
    status: Status
    session_url: str | None = field(default=None, repr=False)
    session_id: str | None = field(default=None, repr=False)
    double_check: DoubleCheck | None = None
    """None if the row does not say."""
    omits_double_check: bool = False
    """The row shows its metadata, and no double check in it."""
    reason: Reason | None = None
    document_number: str | None = field(default=None, repr=False)
    """As read from the document, letters and digits only; compared, never stored."""
    name: Name | None = field(default=None, repr=False)
    """As read from the document; compared, never stored."""
    by_person: bool = False
    """True if the row shows that a person decided; many rows of a person's decision do not show it."""
    nonce: str | None = None
    """From the metadata that we sent."""
    onboarding_id: str | None = None
    """The same."""
    has_metadata: bool = False
    """False if gu1 showed none; a row of ours can then be recognized only by its creation time."""
    created_at: datetime | None = None
    updated_at: datetime | None = None
    expires_at: datetime | None = None
    verified_at: datetime | None = None


class Listing(NamedTuple):
    rows: list[Observation]
    """Newest first."""
    is_whole: bool
    """True if every row was there and could be read; a validation that is not listed was then not created."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Validation:
    """One attempt at gu1."""

    number: int
    """1, 2, … within its onboarding."""
    nonce: str
    """Sent in the metadata, to recognize our validation after a lost answer."""
    creation_state: CreationState = CreationState.PLANNED
    sends: int = 0
    sent_at: datetime | None = None
    empty_looks: int = 0
    """How often gu1's list was read since `sent_at` without showing this validation."""
    gu1_id: str | None = None
    status: Status = Status.PENDING
    session_url: str | None = field(default=None, repr=False)
    session_id: str | None = field(default=None, repr=False)
    opened_at: datetime | None = None
    """When the browser was first sent to the hosted page."""
    returned_at: datetime | None = None
    """When the person came back from it, or said that the photos are done. Until then they may still be at them."""
    double_check: DoubleCheck = DoubleCheck.NOT_ASKED
    double_check_taken_up: bool = False
    """gu1 said that it makes the double check that we asked for."""
    confirming_since: datetime | None = None
    """When the approval began to wait for RENAPER."""
    patience_ended_at: datetime | None = None
    """When GU1_RENAPER_PATIENCE was over and RENAPER had not answered."""
    reason: Reason | None = None
    identity_match: IdentityMatch = IdentityMatch.UNKNOWN
    identity_basis: IdentityBasis | None = None
    """What the match follows from; None also for a mismatch of numbers that an older release found."""
    identity_required: bool = False
    """The partner does not accept an approval of a document that could not be compared."""
    verified_digest: str | None = None
    """Keyed hash of the verified document's number, as long as only that is not as in the details: the names agree."""
    operator_decision: OperatorDecision | None = None
    was_in_review: bool = False
    was_approved: bool = False
    decided_by: Decider | None = None
    """None without a verdict."""
    gu1_updated_at: datetime | None = None
    expires_at: datetime | None = None
    verified_at: datetime | None = None
    created_at: datetime
    refreshes: int = 0
    restart_asked_at: datetime | None = None
    """When the applicant asked for a new validation in place of this abandoned one."""
    restart_refused_at: datetime | None = None
    """When gu1 did not close it for that, so that it can only be continued."""

    @property
    def ends_at(self) -> datetime:
        """When the provider's session expires."""
        return self.expires_at or (self.sent_at or self.created_at) + SESSION_LIFE

    @property
    def ran_out(self) -> bool:
        """The session expired and was closed by gu1, or by us if gu1 left it open."""
        if self.lost_approval:
            return False
        if self.status is Status.CANCELLED:
            return self.gu1_updated_at is not None and self.gu1_updated_at >= self.ends_at - CLOCKS_APART
        return self.status is Status.EXPIRED

    @property
    def has_session(self) -> bool:
        """There is a session at the provider; gu1's sandbox also makes validations without one."""
        return self.session_id is not None or self.session_url is not None

    def may_have_unseen_verdict(self, seen: Observation) -> bool:
        """gu1 says that an opened session expired: it may have missed the provider's verdict before that."""
        return seen.status is Status.EXPIRED and not self.status.is_final and self.opened_at is not None

    @property
    def is_at_photos(self) -> bool:
        """The hosted page was opened, and nothing says yet that the person is through."""
        is_open = self.status in {Status.PENDING, Status.IN_PROGRESS}
        return is_open and self.opened_at is not None and self.returned_at is None

    @property
    def is_told_by_webhooks(self) -> bool:
        """What gu1 will say of it next, it says by webhook too; not the address of a page that it still owes us.

        `TOLD` in `portal/store/recorded_views.py` is the same.
        """
        is_at_gu1 = self.creation_state is CreationState.ADOPTED and self.session_url is not None
        return is_at_gu1 and self.status in TOLD_BY_WEBHOOK and not self.is_restarting

    @property
    def lost_approval(self) -> bool:
        """It was approved, and gu1 ended the approval later, for example because the document expired."""
        return self.was_approved and self.status in {Status.EXPIRED, Status.CANCELLED}

    @property
    def is_settled(self) -> bool:
        """Nothing more is expected from gu1."""
        return self.status.is_final and not self.is_held and not self.makes_room

    @property
    def is_restarting(self) -> bool:
        """To be closed at gu1, or closed already, and then followed by the next one."""
        return self.restart_asked_at is not None and self.restart_refused_at is None

    @property
    def makes_room(self) -> bool:
        """Closed at gu1 for a restart: nobody can complete it any more, so the next one may be opened."""
        return self.is_restarting and self.status in CLOSED_UNPAID

    @property
    def is_confirming(self) -> bool:
        return self._may_be_held and self.double_check is DoubleCheck.UNANSWERED

    @property
    def is_overdue(self) -> bool:
        """Approved and on hold: RENAPER did not answer within GU1_RENAPER_PATIENCE. It may still do so."""
        return self.is_confirming and self.patience_ended_at is not None

    @property
    def is_doubtful(self) -> bool:
        """Approved, but the document is another person's, or the partner wants to know and nobody can say."""
        is_refused = self.identity_match is IdentityMatch.MISMATCH or self._is_unknown_and_refused
        return self._may_be_held and is_refused

    @property
    def is_uncompared(self) -> bool:
        """Approved and on hold only because the document could not be compared."""
        return self._may_be_held and self._is_unknown_and_refused

    @property
    def _is_unknown_and_refused(self) -> bool:
        return self.identity_required and self.identity_match is IdentityMatch.UNKNOWN

    @property
    def awaits_person(self) -> bool:
        """Held as another person's: no read changes that, and gu1 sends a webhook if it changes its mind."""
        is_compared = self.identity_match is IdentityMatch.MISMATCH and self.identity_basis is not None
        return self.is_doubtful and is_compared and not self.is_confirming

    @property
    def is_correctable(self) -> bool:
        """Held because of the number alone, which may have been mistyped."""
        return self.awaits_person and self.verified_digest is not None

    @property
    def is_held(self) -> bool:
        """Approved at gu1, but not here."""
        return self.is_confirming or self.is_doubtful

    @property
    def _may_be_held(self) -> bool:
        return self.status is Status.APPROVED and self.operator_decision is not OperatorDecision.RELEASED

    @property
    def lacks_page(self) -> bool:
        """gu1 gave no hosted page, and no verdict either, as its sandbox soon gives without one."""
        has_none = self.status is Status.PENDING and self.session_url is None
        return has_none and self.creation_state is CreationState.ADOPTED and self.refreshes >= REFRESHES_FOR_PAGE

    def looks_like(self, other: Self) -> bool:
        """True if the applicant would see no difference."""
        return self._visible == other._visible

    @property
    def _visible(self) -> tuple[object, ...]:
        return (
            *(self.creation_state, self.status, self.session_url, self.double_check, self.reason),
            *(self.is_overdue, self.identity_match, self.identity_basis, self.operator_decision, self.decided_by),
            self.is_correctable,
        )

    @property
    def visible_state(self) -> tuple[object, ...]:
        """All that the applicant's page shows of it."""
        restart = (self.restart_asked_at, self.restart_refused_at)
        opened = (self.opened_at, self.returned_at, self.ends_at, self.ran_out, self.lacks_page)
        return (*self._visible, self.number, *opened, *restart)

    @property
    def remedy(self) -> Remedy | None:
        if self.status is not Status.REJECTED:
            return None
        return Remedy.CONTACT if self.is_persons_decision else REMEDIES[self.reason or Reason.UNSPECIFIED]

    @property
    def is_persons_decision(self) -> bool:
        return self.decided_by is Decider.PERSON

    @property
    def failed_by_outage(self) -> bool:
        """gu1 rejected it because the registry did not answer, so it is no attempt of the applicant's."""
        return self.remedy is Remedy.RETRY_LATER

    @property
    def is_attempt(self) -> bool:
        """It counts as an attempt: its hosted page was opened, or gu1 gave a verdict, and not because of an outage."""
        is_made = self.opened_at is not None or self.status in {Status.APPROVED, Status.REJECTED}
        return is_made and not self.failed_by_outage

    @property
    def attempted_at(self) -> datetime:
        return self.opened_at or self.sent_at or self.created_at

    def observed(self, seen: Observation, identity: Identity) -> Self:
        """This validation with the observation applied; unchanged if that is stale or its status not allowed."""
        if self.operator_decision is OperatorDecision.REJECTED:
            return self
        newer = _is_newer(seen.updated_at, self.gu1_updated_at)
        if newer is False or (seen.status is not self.status and not may_move(self.status, seen.status, newer=newer)):
            return self if newer else self._with_late_review(seen)
        return replace(
            self,
            status=seen.status,
            was_in_review=self.was_in_review or seen.status is Status.IN_REVIEW,
            was_approved=self.was_approved or seen.status is Status.APPROVED,
            decided_by=self._decided_by(seen),
            session_url=seen.session_url or self.session_url,
            session_id=seen.session_id or self.session_id,
            double_check=self._double_check_after(seen),
            double_check_taken_up=self.double_check_taken_up
            or seen.double_check in {DoubleCheck.UNANSWERED, DoubleCheck.ANSWERED},
            reason=(seen.reason or self.reason or Reason.UNSPECIFIED) if seen.status is Status.REJECTED else None,
            identity_match=identity.match if identity.basis else self.identity_match,
            identity_basis=identity.basis or self.identity_basis,
            gu1_updated_at=seen.updated_at or self.gu1_updated_at,
            expires_at=seen.expires_at or self.expires_at,
            verified_at=seen.verified_at or self.verified_at,
            # It was completed after all: a later cancellation is somebody's decision, and no fresh start.
            restart_asked_at=self.restart_asked_at if seen.status in OPEN | CLOSED_UNPAID else None,
        )

    def _double_check_after(self, seen: Observation) -> DoubleCheck:
        """An answer stays. What gu1 took up is expected, even if a later row leaves it out, until gu1 says no."""
        if DoubleCheck.ANSWERED in {self.double_check, seen.double_check}:
            return DoubleCheck.ANSWERED
        if seen.double_check is DoubleCheck.UNANSWERED:
            was_given_up = self.patience_ended_at is not None and self.double_check is DoubleCheck.NOT_ASKED
            return DoubleCheck.NOT_ASKED if was_given_up else DoubleCheck.UNANSWERED
        is_omitted = seen.omits_double_check and not self.double_check_taken_up
        return DoubleCheck.NOT_ASKED if is_omitted or seen.double_check is DoubleCheck.NOT_ASKED else self.double_check

    def _with_late_review(self, seen: Observation) -> Self:
        """With a review that is heard of only after what followed it."""
        if seen.status is not Status.IN_REVIEW or self.was_in_review:
            return self
        decided = self.status is Status.APPROVED or (self.status is Status.REJECTED and not self.was_approved)
        by_person = decided and self.reason not in BY_REGISTRY
        return replace(self, was_in_review=True, decided_by=Decider.PERSON if by_person else self.decided_by)

    def _decided_by(self, seen: Observation) -> Decider | None:
        if seen.status not in {Status.APPROVED, Status.REJECTED}:
            return None
        is_person = seen.by_person
        if seen.status is self.status:
            is_person |= self.is_persons_decision
        elif self.status is Status.APPROVED:
            # RENAPER and the monitoring of documents give a code, a reviewer does not.
            is_person |= self.is_settled and seen.reason is None
        else:
            was_in_review = self.was_in_review and seen.reason not in BY_REGISTRY
            is_person |= was_in_review or self.status is Status.REJECTED
        return Decider.PERSON if is_person else Decider.AUTOMATIC


def _is_newer(new: datetime | None, old: datetime | None) -> bool | None:
    """None if they are equal or missing: some of gu1's answers have whole seconds only."""
    if new is None or old is None or new == old:
        return None
    return new > old
