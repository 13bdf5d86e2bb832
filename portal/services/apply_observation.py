"""Applies observations: everything that gu1 says of a validation changes its onboarding here."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from portal.domain.onboarding import Onboarding, StallReason
from portal.domain.provider_hosts import ProviderHosts
from portal.domain.renaper_patience import Afterwards, RenaperPatience
from portal.domain.reverification import with_verification_watched
from portal.domain.status import Status
from portal.domain.validation import (
    CLOCKS_APART,
    CONFIRMS_WITHIN,
    NOTHING_COMPARED,
    CreationState,
    DoubleCheck,
    IdentityBasis,
    IdentityMatch,
    Observation,
    OperatorDecision,
    Validation,
)
from portal.services.identity import IdentityComparison
from portal.services.meter import Meter
from portal.services.ports import Clock
from portal.services.refresh_plan import RefreshPlan

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservationApplier:
    clock: Clock
    identity: IdentityComparison
    provider_hosts: ProviderHosts
    meter: Meter
    refresh_plan: RefreshPlan
    renaper_patience: RenaperPatience

    def apply(self, onboarding: Onboarding, seen: Observation) -> Onboarding:
        """Applies an observation that a step requested; unchanged if it is about another validation."""
        before = onboarding.validation
        if before is None or not _concerns(before, seen):
            return onboarding
        now = self.clock()
        sanitized = self._sanitized(seen)
        stall_reason = self._stall_reason(onboarding, seen, sanitized)
        after = self._validation_after(onboarding, before, sanitized)
        after = self._with_patience(onboarding, after, now)
        changed = not after.looks_like(before) or stall_reason is not onboarding.stall_reason
        after = replace(after, refreshes=0 if changed else before.refreshes + 1)
        if _may_have_another_approval(onboarding, after):
            onboarding = replace(onboarding, recheck_at=now)
        is_over = after.is_settled or (onboarding.stopped_at is not None and after.status.is_final)
        is_over = (is_over or after.awaits_person) and not onboarding.is_correcting
        if not onboarding.stopped_at:
            self._alert(onboarding, before, after, now)
        applied = replace(
            onboarding,
            validation=after,
            stall_reason=stall_reason,
            failures=0,
            earlier_starts=0,
            due_at=onboarding.due_after(None if is_over else self._next_refresh(onboarding, after, now)),
            updated_at=now if changed else onboarding.updated_at,
        )
        return with_verification_watched(onboarding, applied, now)

    def apply_to_other(
        self, onboarding: Onboarding, other: Validation, seen: Observation
    ) -> tuple[Onboarding, Validation]:
        """Applies an observation of an attempt that the onboarding does not stand at.

        If gu1 approves it, the onboarding stands at it from now on.
        """
        after = self._validation_after(onboarding, other, self._sanitized(seen))
        left = onboarding.validation
        if not _takes_over(onboarding, after):
            return onboarding, after
        log.warning("onboarding %s: gu1 approved attempt %d after all", onboarding.id, after.number)
        now = self.clock()
        is_open = left is not None and left.gu1_id is not None and not left.status.is_final
        is_unanswered = left is not None and left.gu1_id is None and left.sends > 0
        first_sweep = now + timedelta(seconds=self.refresh_plan.timings.first_sweep)
        moved = replace(
            onboarding,
            validation=after,
            attempts_opened=onboarding.validations_sent,
            stall_reason=None,
            failures=0,
            sweep_at=first_sweep if is_unanswered else onboarding.sweep_at,
            recheck_at=now if is_open else onboarding.recheck_at,
            updated_at=now,
        )
        usual = None if after.is_settled else self._next_refresh(moved, after, now)
        moved = replace(moved, due_at=moved.due_after(usual))
        return with_verification_watched(onboarding, moved, now), after

    def apply_unrequested(self, onboarding: Onboarding, seen: Observation) -> Onboarding:
        """Applies a webhook: it does not count as a refresh, and delays none."""
        before, after = onboarding.validation, self.apply(onboarding, seen)
        if before is None or after.validation is None:
            return after
        return replace(
            after,
            validation=replace(after.validation, refreshes=min(before.refreshes, after.validation.refreshes)),
            due_at=after.due_at and min(after.due_at, onboarding.due_at or after.due_at),
        )

    def _validation_after(self, onboarding: Onboarding, before: Validation, seen: Observation) -> Validation:
        adopted = replace(before, gu1_id=seen.gu1_id, creation_state=CreationState.ADOPTED)
        # If nobody opened the hosted page, no document was shown: gu1's sandbox invents one, session or not.
        is_compared = before.opened_at is not None and before.number > onboarding.set_aside
        identity = self.identity.compare(onboarding, seen) if is_compared else NOTHING_COMPARED
        after = adopted.observed(seen, identity)
        if after is not adopted and (identity.match is IdentityMatch.MATCH or seen.name):
            after = replace(after, verified_digest=self.identity.correctable_digest(onboarding, seen))
        if after is adopted and seen.status is not before.status:
            self.meter.count("refused_status_changes", old=before.status, new=seen.status)
        if before.status.is_final and after.status is not before.status:
            self.meter.count("overturned", old=before.status, new=after.status)
            log.warning(
                "onboarding %s: gu1 changed a verdict from %s to %s", onboarding.id, before.status, after.status
            )
        if after.status is not before.status or before.creation_state is not CreationState.ADOPTED:
            self.meter.count("status_changes", status=after.status, reason=after.reason or "")
        return after

    def _with_patience(self, onboarding: Onboarding, after: Validation, now: datetime) -> Validation:
        """Ends the waiting for RENAPER, as the operator's policy says."""
        if onboarding.stopped_at or not after.is_confirming:
            return replace(after, confirming_since=None)
        was_confirming = onboarding.validation is not None and onboarding.validation.is_confirming
        since = after.confirming_since or (onboarding.updated_at if was_confirming else now)
        after = replace(after, confirming_since=since)
        if now - since < self.renaper_patience.lasts:
            return after
        after = replace(after, patience_ended_at=after.patience_ended_at or now)
        if self.renaper_patience.then is Afterwards.HOLD:
            return after
        log.warning("onboarding %s: approved without RENAPER, which did not answer in time", onboarding.id)
        self.meter.count("approved_unconfirmed")
        return replace(after, double_check=DoubleCheck.NOT_ASKED)

    def _alert(self, onboarding: Onboarding, before: Validation, after: Validation, now: datetime) -> None:
        """Logs what only an operator can fix; what lasts, at each refresh."""
        if after.is_uncompared and not before.is_uncompared:
            log.error("onboarding %s: approval held: the verified document could not be compared", onboarding.id)
            self.meter.count("identity_unknown")
        elif after.is_doubtful and (not before.is_doubtful or before.is_uncompared):
            log.error("onboarding %s: approval held: the document has another %s", onboarding.id, _basis(after))
            self.meter.count("identity_mismatch")
        if after.failed_by_outage and not before.failed_by_outage:
            log.error("onboarding %s: rejected because the registry did not answer", onboarding.id)
            self.meter.count("registry_outages")
        if _was_not_taken_up(before, after):
            log.error("onboarding %s: gu1 did not take up RENAPER's double check", onboarding.id)
            self.meter.count("double_check_not_taken_up")
        if after.lacks_page:
            log.error("onboarding %s: validation has no hosted page", onboarding.id)
            self.meter.count("no_hosted_page")
        if after.is_overdue:
            log.error("onboarding %s: approval held: RENAPER did not answer in time", onboarding.id)
            self.meter.count("unconfirmed")
        elif after.is_confirming and after.confirming_since and now - after.confirming_since >= CONFIRMS_WITHIN:
            log.error("onboarding %s: approval not confirmed by RENAPER for a day", onboarding.id)
            self.meter.count("unconfirmed")

    def _next_refresh(self, onboarding: Onboarding, after: Validation, now: datetime) -> datetime:
        """After the usual wait, but no later than the session's end or the end of the patience with RENAPER."""
        if after.makes_room:
            return now
        ends = [after.ends_at]
        if after.is_confirming and after.confirming_since:
            ends.append(after.confirming_since + self.renaper_patience.lasts)
        return min([now + self.refresh_plan.wait(onboarding, after), *(end for end in ends if now < end)])

    def _sanitized(self, seen: Observation) -> Observation:
        """Without a refused hosted page, and without a future time, which would make later observations stale."""
        is_ahead = seen.updated_at is not None and seen.updated_at > self.clock() + CLOCKS_APART
        url = self.provider_hosts.allowed(seen.session_url) if seen.session_url else None
        return replace(seen, session_url=url, updated_at=None if is_ahead else seen.updated_at)

    def _stall_reason(self, onboarding: Onboarding, seen: Observation, sanitized: Observation) -> StallReason | None:
        refused_before = onboarding.stall_reason is StallReason.HOSTED_PAGE_REFUSED
        if seen.session_url is None:
            return StallReason.HOSTED_PAGE_REFUSED if refused_before else None
        if sanitized.session_url:
            return None
        if not refused_before:
            log.error("onboarding %s: hosted page not in GU1_PROVIDER_HOSTS", onboarding.id)
            self.meter.count("session_url_refused")
        return StallReason.HOSTED_PAGE_REFUSED


def _basis(after: Validation) -> IdentityBasis:
    """An older release, which compared numbers only, kept none."""
    return after.identity_basis or IdentityBasis.NUMBER


def _was_not_taken_up(before: Validation, after: Validation) -> bool:
    return before.double_check is DoubleCheck.UNANSWERED and (
        after.double_check is DoubleCheck.NOT_ASKED and after.patience_ended_at is None
    )


def _may_have_another_approval(onboarding: Onboarding, after: Validation) -> bool:
    """Of another attempt, which did not matter while this one was approved."""
    before = onboarding.validation
    was_approved = before is not None and before.status is Status.APPROVED and after.status is not Status.APPROVED
    return was_approved and onboarding.validation_number > 1 and not onboarding.stopped_at


def _takes_over(onboarding: Onboarding, after: Validation) -> bool:
    """True if the onboarding stands at `after` from now on.

    An approval counts, whichever attempt it is of; one of another document only if no attempt is open.

    But not after an operator rejected the attempt that the onboarding stands at.
    """
    left = onboarding.validation
    if after.number <= onboarding.set_aside:
        return False
    if onboarding.stopped_at or onboarding.erased_at or after.status is not Status.APPROVED:
        return False
    if left is None:
        return not after.is_doubtful
    if left.operator_decision is OperatorDecision.REJECTED:
        return False
    return left.status is not Status.APPROVED and (left.is_settled or not after.is_doubtful)


def _concerns(validation: Validation, seen: Observation) -> bool:
    """False if the onboarding stands at another attempt."""
    if validation.gu1_id:
        return validation.gu1_id == seen.gu1_id
    return validation.creation_state is CreationState.SENT or validation.nonce == seen.nonce
