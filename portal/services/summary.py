"""An onboarding as its partner sees it, in the API and in notifications."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime

from portal.domain.correction import Correction
from portal.domain.onboarding import Onboarding, StallReason
from portal.domain.reasons import Reason
from portal.domain.stage import Stage
from portal.domain.standing import is_finished, retry_opens_at, standing_of
from portal.domain.status import Status
from portal.domain.validation import Decider, IdentityMatch
from portal.services.notification import EXPIRING, LAPSED, LEFT_AT_PHOTOS, UPDATED, Notice
from portal.services.validation_plan import Policy


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """Contains no personal data but the partner's own: its id for the customer, `purpose`, `state` and `metadata`."""

    id: str
    external_id: str
    purpose: str | None
    status: Status
    stage: Stage
    reason: Reason | None
    identity_match: IdentityMatch
    correction: Correction | None
    decided_by: Decider | None
    attempts: int
    validation_id: str | None
    entity_id: str | None
    created_at: datetime
    updated_at: datetime
    verified_at: datetime | None
    verified_until: datetime | None
    needs_reverification: bool
    can_retry_at: datetime | None
    """When the next attempt may be made, also if that is in the past; None if no wait is asked for, or for ever."""
    is_final: bool
    attempts_left: int
    expires_at: datetime
    livemode: bool
    state: str | None = field(repr=False)
    metadata: Mapping[str, str] = field(repr=False)


def summary_of(onboarding: Onboarding, policy: Policy, now: datetime) -> Summary:
    standing = standing_of(
        onboarding, max_attempts=policy.max_attempts, attempts_window=policy.attempts_window, now=now
    )
    validation, verdict = onboarding.validation, onboarding.verdict
    is_approved = onboarding.status is Status.APPROVED
    verified_at = onboarding.verified_before_at or (validation.verified_at if validation else None)
    return Summary(
        id=onboarding.id,
        external_id=onboarding.external_id or "",
        purpose=onboarding.purpose,
        status=onboarding.status,
        stage=standing.stage,
        reason=verdict.reason if verdict else None,
        identity_match=verdict.identity_match if verdict else IdentityMatch.UNKNOWN,
        correction=onboarding.correction,
        decided_by=verdict.decided_by if verdict else None,
        attempts=onboarding.attempts,
        validation_id=validation.gu1_id if validation else None,
        entity_id=onboarding.entity_id,
        created_at=onboarding.created_at,
        updated_at=onboarding.updated_at,
        verified_at=(verified_at or onboarding.updated_at) if is_approved else None,
        verified_until=onboarding.verified_until if is_approved else None,
        needs_reverification=onboarding.reverification_due_at is not None,
        can_retry_at=retry_opens_at(
            onboarding, max_attempts=policy.max_attempts, attempts_window=policy.attempts_window
        ),
        is_final=standing.is_final,
        attempts_left=0 if standing.is_final else standing.attempts_left,
        expires_at=onboarding.link_ends_at,
        livemode=policy.is_live,
        state=onboarding.state,
        metadata=dict(onboarding.metadata or {}),
    )


def plain_summary(summary: Summary) -> dict[str, object]:
    """For JSON."""
    return {name: _plain(value) for name, value in asdict(summary).items()}


class ChangeNotifier:
    """Turns a change of an onboarding into the notifications for its partner."""

    def __init__(self, policy_for: Callable[[Onboarding], Policy], wants_notifications: Callable[[str], bool]) -> None:
        """`wants_notifications`: whether the partner with this slug does."""
        self._policy_for = policy_for
        self._wants_notifications = wants_notifications

    def __call__(self, before: Onboarding, after: Onboarding) -> list[Notice]:
        if after.partner is None or after.erased_at or not self._wants_notifications(after.partner):
            return []
        policy = self._policy_for(after)
        happened = {}
        if _significant(before, policy.max_attempts) != _significant(after, policy.max_attempts):
            happened[UPDATED] = after.updated_at
        happened |= _reminders(before, after)
        return [
            Notice(kind, at, json.dumps(plain_summary(summary_of(after, policy, at)))) for kind, at in happened.items()
        ]


def _reminders(before: Onboarding, after: Onboarding) -> dict[str, datetime]:
    made = {
        LEFT_AT_PHOTOS: (before.photos_reminded_at, after.photos_reminded_at),
        EXPIRING: (before.expiry_reminded_at, after.expiry_reminded_at),
        LAPSED: (before.lapsed_at, after.lapsed_at),
    }
    return {kind: new for kind, (old, new) in made.items() if new and new != old}


def _significant(onboarding: Onboarding, max_attempts: int) -> tuple[object, ...]:
    """Leaves out the stages of waiting, which come and go by themselves."""
    verdict = onboarding.verdict
    # Only the partner can correct the details that it gave.
    needs_partner = onboarding.given_by_partner and onboarding.stall_reason is StallReason.DETAILS_REFUSED
    return (
        onboarding.status,
        verdict and verdict.reason,
        verdict.identity_match if verdict else IdentityMatch.UNKNOWN,
        verdict and verdict.decided_by,
        onboarding.validation_number,
        is_finished(onboarding, max_attempts=max_attempts),
        onboarding.lapsed_at is not None,
        needs_partner,
        onboarding.correction,
        onboarding.reverification_due_at is not None,
    )


def _plain(value: object) -> object:
    return value.isoformat().replace("+00:00", "Z") if isinstance(value, datetime) else value
