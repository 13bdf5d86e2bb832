"""One attempt at gu1, and what gu1 itself says of it.

Everything here is a value; a change makes a new one.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple, Self

from portal.domain.reasons import REMEDIES, Reason, Remedy
from portal.domain.status import Status, may_move

SESSION_LIFE = timedelta(days=7)
"""Of a provider session, where gu1 gives no `expiresAt`."""
CLOCKS_APART = timedelta(minutes=5)
"""How far gu1's clock and ours may differ, whole seconds included."""

LOOKS_FOR_PAGE = 16
"""Some three minutes' worth."""
CONFIRMS_WITHIN = timedelta(days=1)
"""The registry does, after an approval; later than that, somebody has to be asked."""


class DoubleCheck(StrEnum):
    """The registry's own look at the person (RENAPER), where it was asked for."""

    NOT_ASKED = "not_asked"
    UNANSWERED = "unanswered"
    ANSWERED = "answered"


class IdentityMatch(StrEnum):
    """Whether the verified document is the one whose number the applicant typed."""

    UNKNOWN = "unknown"
    MATCH = "match"
    MISMATCH = "mismatch"


class CreationState(StrEnum):
    """How far the paid request for a validation has come."""

    PLANNED = "planned"
    SENT = "sent"
    """Written before the request leaves; without an answer nobody knows what gu1 did."""
    ADOPTED = "adopted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """What gu1 itself said of a validation: the create answer, a read, or a verified webhook with the whole row."""

    gu1_id: str
    entity_id: str | None = None
    status: Status
    session_url: str | None = field(default=None, repr=False)
    session_id: str | None = field(default=None, repr=False)
    double_check: DoubleCheck | None = None
    """None where the row does not say."""
    reason: Reason | None = None
    document_number: str | None = field(default=None, repr=False)
    """As read from the document, letters and digits only; compared and forgotten, never stored."""
    nonce: str | None = None
    """Our own, from the metadata we sent."""
    has_metadata: bool = False
    """Whether any was shown that somebody sent; a row of ours without any is known only by when it was created."""
    created_at: datetime | None = None
    updated_at: datetime | None = None
    expires_at: datetime | None = None
    verified_at: datetime | None = None


class Listing(NamedTuple):
    rows: list[Observation]
    """Newest first."""
    is_whole: bool
    """Whether every row could be read: what is not among them was then not created."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Validation:
    """One attempt at gu1."""

    number: int
    """1, 2, … within its onboarding."""
    nonce: str
    """Sent in the metadata, to know our own validation again after a lost answer."""
    creation_state: CreationState = CreationState.PLANNED
    sends: int = 0
    sent_at: datetime | None = None
    empty_looks: int = 0
    """How often gu1's list was read since `sent_at` without finding this one."""
    gu1_id: str | None = None
    status: Status = Status.PENDING
    session_url: str | None = field(default=None, repr=False)
    session_id: str | None = field(default=None, repr=False)
    shown_at: datetime | None = None
    """When the browser was first sent to the hosted page."""
    double_check: DoubleCheck = DoubleCheck.NOT_ASKED
    reason: Reason | None = None
    identity_match: IdentityMatch = IdentityMatch.UNKNOWN
    gu1_updated_at: datetime | None = None
    expires_at: datetime | None = None
    verified_at: datetime | None = None
    created_at: datetime
    refreshes: int = 0

    @property
    def ends_at(self) -> datetime:
        """When the provider's session runs out, as far as gu1 says so."""
        return self.expires_at or (self.sent_at or self.created_at) + SESSION_LIFE

    @property
    def ran_out(self) -> bool:
        """Closed by gu1, or by us where gu1 left it open past its end."""
        if self.status is Status.CANCELLED:
            return self.gu1_updated_at is not None and self.gu1_updated_at >= self.ends_at - CLOCKS_APART
        return self.status is Status.EXPIRED

    @property
    def is_settled(self) -> bool:
        """Nothing more is expected from gu1."""
        return self.status.is_final and not self.is_confirming and not self.is_doubtful

    @property
    def is_confirming(self) -> bool:
        return self.status is Status.APPROVED and self.double_check is DoubleCheck.UNANSWERED

    @property
    def is_doubtful(self) -> bool:
        """Approved, but with a document other than the one whose number was typed."""
        return self.status is Status.APPROVED and self.identity_match is IdentityMatch.MISMATCH

    @property
    def lacks_page(self) -> bool:
        """There is nowhere to go, and no verdict as gu1's sandbox gives without a hosted page, within moments."""
        has_none = self.status is Status.PENDING and self.session_url is None
        return has_none and self.creation_state is CreationState.ADOPTED and self.refreshes >= LOOKS_FOR_PAGE

    def looks_like(self, other: Self) -> bool:
        """Whether the applicant could not tell the two apart."""
        return self._visible == other._visible

    @property
    def _visible(self) -> tuple[object, ...]:
        return (self.creation_state, self.status, self.session_url, self.double_check, self.reason, self.identity_match)

    @property
    def remedy(self) -> Remedy | None:
        return REMEDIES[self.reason or Reason.UNSPECIFIED] if self.status is Status.REJECTED else None

    def observed(self, seen: Observation, identity_match: IdentityMatch) -> Self:
        """This validation after gu1 spoke; the same one where the news is stale or not allowed."""
        newer = _newer(seen.updated_at, self.gu1_updated_at)
        if newer is False or (seen.status is not self.status and not may_move(self.status, seen.status, newer=newer)):
            return self
        return replace(
            self,
            status=seen.status,
            session_url=seen.session_url or self.session_url,
            session_id=seen.session_id or self.session_id,
            double_check=_further(self.double_check, seen.double_check),
            reason=(seen.reason or self.reason or Reason.UNSPECIFIED) if seen.status is Status.REJECTED else None,
            identity_match=self.identity_match if identity_match is IdentityMatch.UNKNOWN else identity_match,
            gu1_updated_at=seen.updated_at or self.gu1_updated_at,
            expires_at=seen.expires_at or self.expires_at,
            verified_at=seen.verified_at or self.verified_at,
        )


def _newer(new: datetime | None, old: datetime | None) -> bool | None:
    """None where the two cannot be told apart: gu1's clock has whole seconds on some pages."""
    if new is None or old is None or new == old:
        return None
    return new > old


def _further(old: DoubleCheck, new: DoubleCheck | None) -> DoubleCheck:
    """A double check that we asked for stays asked for even when a row forgets to say so."""
    if new is None or (new is DoubleCheck.NOT_ASKED and old is DoubleCheck.UNANSWERED):
        return old
    return old if old is DoubleCheck.ANSWERED else new
