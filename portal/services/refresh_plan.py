"""When gu1 is next read for an onboarding: soon and often, or rarely where its webhooks tell the same.

If a webhook is lost all the same, its applicant waits longer than without any: somebody who came to the page or back
from the photos at most 75 s for what gu1 says by then; everybody else, and later, at most two minutes at first and then
five. That is also how long an onboarding sleeps on after the trust in webhooks was lost, so none has to be woken.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from portal.domain.onboarding import Onboarding
from portal.domain.timings import Timings
from portal.domain.validation import Validation
from portal.services.webhook_trust import NoWebhookTrust


@dataclass(frozen=True, slots=True)
class RefreshPlan:
    timings: Timings
    webhook_trust: NoWebhookTrust

    def wait(self, onboarding: Onboarding, validation: Validation) -> timedelta:
        """Until the next refresh of this validation of the onboarding."""
        may_be_rare = self._may_be_rare(onboarding, validation)
        return self.timings.rare_refresh_after(validation) if may_be_rare else self.timings.refresh_after(validation)

    def number(self, onboarding: Onboarding, validation: Validation, now: datetime) -> int:
        """Of the refresh that is made now. A rare one counts for those that it stands for."""
        next_one = validation.refreshes + 1
        if not self._may_be_rare(onboarding, validation):
            return next_one
        changed_at = max(validation.attempted_at, validation.gu1_updated_at or validation.attempted_at)
        return max(next_one, self.timings.refreshes_within(now - changed_at))

    def opened(self, onboarding: Onboarding, opened: Validation, now: datetime) -> Onboarding:
        """With the hosted page opened, after which the waits begin anew."""
        due_at, usual = onboarding.due_at, now + self.wait(onboarding, opened)
        # What a webhook or a view has requested stays due.
        is_rare = due_at is not None and due_at > now and self._may_be_rare(onboarding, opened)
        if is_rare and onboarding.failures == 0:
            return replace(onboarding, validation=opened, due_at=onboarding.due_after(usual), updated_at=now)
        return replace(onboarding, validation=opened, due_at=min(usual, due_at or usual), updated_at=now)

    def due_after_photos(self, onboarding: Onboarding, now: datetime) -> datetime:
        """For somebody who is back from them, or says so once more."""
        validation, due_at = onboarding.validation, onboarding.due_at or now
        if validation is None or due_at <= now or not self._may_be_rare(onboarding, validation):
            return now
        soon = self.due_for_who_came(now)
        # A refresh just before the verdict would have the next one come too late for it.
        return onboarding.due_after(soon) or soon if validation.returned_at == now else min(soon, due_at)

    def due_for_who_came(self, now: datetime) -> datetime:
        """To a page of which webhooks tell."""
        is_trusted = self.webhook_trust.holds()
        return now + timedelta(seconds=self.timings.rare_after_coming if is_trusted else 0)

    def _may_be_rare(self, onboarding: Onboarding, validation: Validation) -> bool:
        """Not if it was stopped, and so has to be cancelled at gu1."""
        is_told = validation.is_told_by_webhooks and onboarding.stopped_at is None
        return is_told and self.webhook_trust.holds()
