"""Mails to applicants: which change of an onboarding makes which mail, and when its address is deleted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from portal.domain.onboarding import Onboarding, StallReason
from portal.domain.reminder_times import is_left_at_photos
from portal.domain.stage import Stage, stage_of
from portal.domain.standing import is_final
from portal.services.validation_plan import Policy

MOST_MAILS = 4
"""To one applicant. The last one is reserved for the result."""


class MailKind(StrEnum):
    LINK = "link"
    PHOTOS = "photos"
    EXPIRING = "expiring"
    RESULT = "result"
    """How it ended, or what the applicant has to do next."""


@dataclass(frozen=True, slots=True)
class Recipient:
    """Stored sealed until the onboarding is over."""

    address: str = field(repr=False)
    first_name: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class MailPlan:
    """What a change makes of an onboarding's mails."""

    recipient: Recipient | None = None
    """Of details that were just given."""
    forgets_recipient: bool = False
    """They were given anew, without an address, or nobody is to have mails any more."""
    kind: MailKind | None = None
    occasion: str = ""
    """There is one mail for each kind and occasion."""
    is_over: bool = False
    """The address is deleted, after this mail if there is one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """A claimed one."""

    id: str
    onboarding_id: str
    kind: str
    occasion: str
    created_at: datetime
    due_at: datetime | None
    lease_until: datetime | None
    attempts: int = 0
    handed_over_at: datetime | None = None
    """When the server began to be given it. If nothing is known of what followed, it is not sent again."""


@dataclass(frozen=True, slots=True)
class MailContent:
    subject: str
    text: str = field(repr=False)
    html: str = field(repr=False)
    language: str
    unsubscribe_url: str = field(repr=False)


class Verdict(StrEnum):
    """Of a mail server."""

    SENT = "sent"
    LATER = "later"
    """It does not take this mail now."""
    UNAVAILABLE = "unavailable"
    """It takes none from us: it is down, or the settings are wrong."""
    REFUSED = "refused"
    """It never takes mails to this address."""
    UNKNOWN = "unknown"
    """It was given the mail, and its answer was lost."""


@dataclass(frozen=True, slots=True)
class MailResult:
    verdict: Verdict
    outcome: str
    """In a few words for the operator, without the address."""


@dataclass(frozen=True, slots=True)
class MailPlanner:
    policy_for: Callable[[Onboarding], Policy]
    wants_mails: Callable[[str | None], bool]
    """Whether the customers of the partner with this slug are written to; None: those without a partner."""

    def __call__(self, before: Onboarding | None, after: Onboarding) -> MailPlan | None:
        """None if nothing changes."""
        if after.erased_at:
            return None  # that takes address and mails with it
        is_over = self._is_over(after)
        recipient, is_new = _recipient(before, after)
        kind, occasion = self._mail(before, after, is_new=recipient is not None)
        if not self.wants_mails(after.partner):
            recipient, kind = None, None
        if kind is None and not is_new and not (is_over and not (before and self._is_over(before))):
            return None
        return MailPlan(
            recipient=recipient,
            forgets_recipient=is_new and recipient is None,
            kind=kind,
            occasion=occasion,
            is_over=is_over,
        )

    def is_current(self, mail: Mail, onboarding: Onboarding) -> bool:
        """False if things have moved on, so that the mail would be wrong."""
        if not self.wants_mails(onboarding.partner):
            return False
        if mail.kind == MailKind.RESULT:
            return mail.occasion == self._occasion(onboarding)
        if self._is_over(onboarding):
            return False
        if mail.kind == MailKind.PHOTOS:
            return onboarding.validation is not None and is_left_at_photos(onboarding.validation)
        return mail.kind != MailKind.EXPIRING or mail.occasion == str(onboarding.link_generation)

    def _mail(self, before: Onboarding | None, after: Onboarding, *, is_new: bool) -> tuple[MailKind | None, str]:
        if is_new:
            return MailKind.LINK, ""
        if before is None or after.stopped_at:
            return None, ""
        occasion = self._occasion(after)
        if occasion and occasion != self._occasion(before):
            return MailKind.RESULT, occasion
        if after.photos_reminded_at != before.photos_reminded_at:
            return MailKind.PHOTOS, ""
        if after.expiry_reminded_at and after.expiry_reminded_at != before.expiry_reminded_at:
            return MailKind.EXPIRING, str(after.link_generation)
        return None, ""

    def _occasion(self, onboarding: Onboarding) -> str:
        """Of which result or next step it is; empty if there is none to write of."""
        stage = stage_of(onboarding, max_attempts=self.policy_for(onboarding).max_attempts)
        if stage is Stage.DETAILS:
            is_refused = onboarding.stall_reason is StallReason.DETAILS_REFUSED and not onboarding.given_by_partner
            return f"details {onboarding.validation_number}" if is_refused else ""
        if onboarding.stopped_at or stage not in _RESULTS:
            return ""
        return f"{stage} {onboarding.validation_number}"

    def _is_over(self, onboarding: Onboarding) -> bool:
        policy = self.policy_for(onboarding)
        return is_final(onboarding, max_attempts=policy.max_attempts, attempts_window=policy.attempts_window)


_RESULTS = {Stage.APPROVED, Stage.REJECTED, Stage.EXPIRED, Stage.CANCELLED, Stage.CLOSED}


def _recipient(before: Onboarding | None, after: Onboarding) -> tuple[Recipient | None, bool]:
    """Of details that this change brought, and whether it brought any."""
    if after.consent is None or after.details is None or (before and before.consent == after.consent):
        return None, False
    address = after.details.email
    return (Recipient(address, after.details.first_name) if address else None), True


class MailOutbox(Protocol):
    """Mails to send; the store adds them in the transaction of each change.

    Like all writes of a claimed mail, those here have no effect if its lease was lost.
    """

    def next_due(self, now: datetime) -> datetime | None: ...

    def claim(self, *, now: datetime, lease_until: datetime, limit: int) -> list[Mail]: ...

    def recipient(self, onboarding_id: str) -> Recipient | None:
        """None if the address is deleted. Raises `SealedValue`."""

    def hand_over(self, mail: Mail, *, now: datetime) -> bool:
        """From now on it is not sent again, unless the server says that it did not take it."""

    def sent(self, mail: Mail, *, now: datetime, outcome: str) -> None: ...

    def retry_later(self, mail: Mail, *, due_at: datetime, outcome: str) -> None:
        """The server did not take it."""

    def drop(self, mail: Mail, *, outcome: str) -> None:
        """It is never sent."""

    def refused(self, mail: Mail, *, now: datetime, outcome: str) -> None:
        """Neither this mail nor another about the onboarding is sent, and the address is deleted."""

    def release(self, mail: Mail) -> None: ...

    def purge_addresses(self, created_until: datetime, *, limit: int) -> int: ...
