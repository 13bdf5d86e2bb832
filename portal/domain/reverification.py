"""From when on an approval is watched, and until when."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from portal.domain.onboarding import Onboarding
from portal.domain.status import Status


def with_verification_watched(before: Onboarding, after: Onboarding, now: datetime) -> Onboarding:
    """`after`, watched from its approval on, until it is none any more.

    Only partners' customers: of the others nobody would be told.
    """
    if after.external_id is None or (before.status is Status.APPROVED) is (after.status is Status.APPROVED):
        return after
    if after.status is Status.APPROVED:
        return replace(after, verification_check_at=now, verified_until=None, reverification_due_at=None)
    is_lost = after.validation is not None and after.validation.lost_approval
    due_at = (after.reverification_due_at or now) if is_lost else None
    return replace(after, verification_check_at=None, verified_until=None, reverification_due_at=due_at)
