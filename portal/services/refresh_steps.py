"""The steps after a validation is adopted: refresh it, close expired sessions, cancel stopped ones."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from datetime import timedelta
from enum import StrEnum

from portal.domain.entity_status import EntityStatus
from portal.domain.errors import Gu1Error, Malformed, Refused
from portal.domain.onboarding import Onboarding
from portal.domain.reverification import with_verification_watched
from portal.domain.status import OPEN, Status
from portal.domain.timings import Timings
from portal.domain.validation import Observation, Validation
from portal.services.budget import Budget
from portal.services.customer_entities import CustomerEntities
from portal.services.gu1_port import Gu1
from portal.services.leases import Leases, attempt_of
from portal.services.meter import Meter
from portal.services.onboardings import Onboardings
from portal.services.view_recorder import WATCHED_FOR

log = logging.getLogger(__name__)


class CancelReason(StrEnum):
    """What gu1 is told with a cancellation."""

    STOPPED = "Stopped by the applicant"
    STOPPED_BY_COMPANY = "Stopped by the company"
    EXPIRED = "The session ran out"
    RESTARTED = "Left unfinished, and started anew by the applicant"
    APPROVED_OTHERWISE = "Another attempt of the same person was approved"


RESTART_WITHIN = timedelta(minutes=10)
"""How long closing an abandoned validation is tried before its applicant is told to continue it instead."""

SYNC_EVERY = 12
"""After so many refreshes without a change (about a minute at first) gu1 is made to ask its provider.

gu1 may miss the provider's verdict however well its own webhooks work. While those are trusted, a refresh counts for
all that it stands for, so the first two of them ask the provider, after two and seven minutes instead of one and seven,
and later ones as often as always. A sync takes the place of the read.
"""

SYNC_UNWATCHED_EVERY = 24
"""The same while nobody looks: people close the page after the photos, and gu1 may miss the provider's verdict.
After about seven minutes, an hour and a half, half a day, then once a day."""

_NOT_CANCELLABLE = {400, 404, 409, 422}
"""Answers that mean the validation cannot be cancelled; other refusals concern our key or plan."""

_NOT_FOUND = 404

_CLOSE_GRACE = timedelta(days=1)
"""After a session's end, if gu1 neither closes it nor lets us cancel it."""


class _BudgetExhausted(Exception):
    def __init__(self, wait: timedelta) -> None:
        super().__init__(wait)
        self.wait = wait


class RefreshSteps:
    def __init__(
        self,
        gu1: Gu1,
        customer_entities: CustomerEntities,
        leases: Leases,
        onboardings: Onboardings,
        budget: Budget,
        *,
        timings: Timings,
        meter: Meter,
    ) -> None:
        self._gu1 = gu1
        self._customer_entities = customer_entities
        self._leases = leases
        self._onboardings = onboardings
        self._budget = budget
        self._timings = timings
        self._meter = meter
        self._plan = onboardings.refresh_plan

    async def refresh(self, claimed: Onboarding) -> None:
        number = self._plan.number(claimed, _validation(claimed), self._leases.now())
        try:
            seen = await self._observe(claimed, _validation(claimed), number)
        except _BudgetExhausted as exhausted:
            self._meter.count("budget_spent", watched=str(self._is_watched(claimed)).lower())
            await self._leases.sleep_until(claimed, self._leases.now() + exhausted.wait)
            return
        not_before = self._leases.now() + await asyncio.to_thread(self._budget.least_interval)

        def change(fresh: Onboarding) -> Onboarding:
            after = self._onboardings.apply_observation(_counted(fresh, claimed, number - 1), seen)
            return replace(after, due_at=max(after.due_at, not_before)) if after.due_at else after

        await self._leases.finish(claimed, change)

    async def _observe(self, claimed: Onboarding, validation: Validation, number: int) -> Observation:
        if validation.ends_at <= self._leases.now() and validation.status in OPEN:
            return await self._close(claimed)
        # A validation without a provider session, as in gu1's sandbox, cannot be synced.
        synced = await self._sync(claimed) if self._sync_is_due(claimed, validation, number) else None
        seen = synced or await self._read(claimed)
        if self._plan.webhook_trust.is_broken_by(validation, seen):
            log.warning("onboarding %s: no webhook told that gu1 says %s", claimed.id, seen.status)
            await asyncio.to_thread(self._plan.webhook_trust.lose)
        if synced is None and validation.may_have_unseen_verdict(seen):
            return await self._synced_or_refused(claimed, validation) or seen
        return seen

    def _sync_is_due(self, claimed: Onboarding, validation: Validation, number: int) -> bool:
        if validation.opened_at is None or validation.session_id is None:
            return False
        every = SYNC_EVERY if self._is_watched(claimed) else SYNC_UNWATCHED_EVERY
        return number // every > validation.refreshes // every

    async def _read(self, claimed: Onboarding) -> Observation:
        await self._spend(claimed)
        return await self._gu1.read_validation(_gu1_id(claimed))

    async def _sync(self, claimed: Onboarding) -> Observation | None:
        """None if it failed for any reason: a read may still succeed."""
        await self._spend(claimed)
        self._meter.count("synced")
        try:
            return await self._gu1.sync_validation(_gu1_id(claimed))
        except Gu1Error as error:
            log.info("onboarding %s: sync failed: %s", claimed.id, error)
            return None

    async def _synced_or_refused(self, claimed: Onboarding, validation: Validation) -> Observation | None:
        """The last sync before a session is given up; costs no budget. None if gu1 cannot sync it or shows no row.

        Any other failure is raised, so that the step is retried: an outage must not cost anybody a verdict.
        """
        if not validation.has_session:
            return None
        self._meter.count("synced")
        try:
            return await self._gu1.sync_validation(_gu1_id(claimed))
        except (Refused, Malformed) as error:
            log.info("onboarding %s: sync failed: %s", claimed.id, error)
        except Gu1Error as error:
            if self._grace_is_over(validation):
                log.warning("onboarding %s: session given up without a sync: %s", claimed.id, error)
            else:
                raise
        return None

    def _grace_is_over(self, validation: Validation) -> bool:
        return validation.ends_at + _CLOSE_GRACE <= self._leases.now()

    async def _spend(self, claimed: Onboarding) -> None:
        wait = await asyncio.to_thread(self._budget.take, watched=self._is_watched(claimed))
        if wait:
            raise _BudgetExhausted(wait)

    async def _close(self, claimed: Onboarding) -> Observation:
        """Cancels an expired session at gu1 before the next may be opened, so that nobody can complete both."""
        validation = _validation(claimed)
        grace_is_over = self._grace_is_over(validation)
        try:
            await self._spend(claimed)
            # A verdict that only the provider knows would be lost by cancelling.
            await self._synced_or_refused(claimed, validation)
            seen = await self._gu1.read_validation(_gu1_id(claimed))
            was_extended = seen.expires_at is not None and seen.expires_at > self._leases.now()
            if was_extended or seen.status not in OPEN:
                return seen
            is_cancelled = await self._cancel_at_gu1(claimed, CancelReason.EXPIRED)
            seen = await self._read(claimed)
        except Refused as refused:
            if refused.http_status != _NOT_FOUND or not grace_is_over:
                raise
            log.error("onboarding %s: session expired, and gu1 no longer has the validation", claimed.id)
            return Observation(gu1_id=_gu1_id(claimed), status=Status.EXPIRED)
        # gu1 never closes an abandoned session and refuses to cancel it; without this its applicant could never retry.
        stays_open = not is_cancelled and (seen.status is Status.ABANDONED or (seen.status in OPEN and grace_is_over))
        return replace(seen, status=Status.EXPIRED, updated_at=None) if stays_open else seen

    async def restart(self, claimed: Onboarding) -> None:
        """Closes an abandoned validation at gu1, then plans the next: until gu1 says so, somebody could complete both.

        If gu1 does not close it, it can only be continued.
        """
        validation = _validation(claimed)
        if validation.makes_room:
            self._meter.count("restarts", outcome="closed")
            await self._leases.finish(claimed, self._onboardings.with_next)
            return
        if self._leases.now() - (validation.restart_asked_at or validation.created_at) > RESTART_WITHIN:
            await self._leases.finish(claimed, self._with_restart_refused)
            return
        await self._synced_or_refused(claimed, validation)
        seen, is_refused = await self._gu1.read_validation(_gu1_id(claimed)), False
        if seen.status in OPEN:
            is_refused = not await self._cancel_at_gu1(claimed, CancelReason.RESTARTED)
            seen = await self._gu1.read_validation(_gu1_id(claimed))

        def change(fresh: Onboarding) -> Onboarding:
            after = self._onboardings.apply_observation(fresh, seen)
            return self._with_restart_refused(after) if is_refused else after

        await self._leases.finish(claimed, change)

    def _with_restart_refused(self, onboarding: Onboarding) -> Onboarding:
        validation = onboarding.validation
        if validation is None or not validation.is_restarting or validation.makes_room:
            return onboarding
        self._meter.count("restarts", outcome="refused")
        now = self._leases.now()
        refused = replace(validation, restart_refused_at=now, refreshes=0)
        return replace(onboarding, validation=refused, stall_reason=None, failures=0, due_at=now, updated_at=now)

    async def cancel(self, claimed: Onboarding) -> None:
        """Repeats until the validation is final: somebody may still have the address of its hosted page."""
        if _validation(claimed).ends_at <= self._leases.now():
            await self._leases.sleep_until(claimed, claimed.due_after(None))
            return
        is_own_wish = not claimed.stopped_by_operator
        reason = CancelReason.STOPPED if is_own_wish else CancelReason.STOPPED_BY_COMPANY
        await self._cancel_at_gu1(claimed, reason)
        seen = await self._gu1.read_validation(_gu1_id(claimed))
        await self._leases.finish(
            claimed, lambda fresh: replace(self._onboardings.apply_observation(fresh, seen), stall_reason=None)
        )

    async def _cancel_at_gu1(self, claimed: Onboarding, reason: CancelReason, *, gu1_id: str | None = None) -> bool:
        """False if gu1 refused because it is too late."""
        try:
            await self._gu1.cancel_validation(gu1_id or _gu1_id(claimed), reason)
        except Refused as refused:
            if refused.http_status not in _NOT_CANCELLABLE:
                raise
            log.warning("onboarding %s: gu1 refused to cancel the validation", claimed.id)
            return False
        return True

    async def recheck_others(self, claimed: Onboarding) -> None:
        """Reads the attempts that it does not stand at, and cancels what is open of them."""
        others = await asyncio.to_thread(self._onboardings.other_attempts, claimed.id)
        wait = None
        try:
            if any([await self._is_open_still(claimed, other) for other in others]):
                wait = self._timings.recheck_refused
        except Gu1Error as error:
            log.warning("onboarding %s: other attempts not read: %s: %s", claimed.id, type(error).__name__, error)
            wait = max(self._timings.recheck_unanswered, getattr(error, "retry_after", None) or 0.0)
        now = self._leases.now()
        again = now + timedelta(seconds=wait) if wait else None

        def change(fresh: Onboarding) -> Onboarding:
            # News came meanwhile, or one of them was approved and so left the claimed one open.
            has_more_news = fresh.recheck_at != claimed.recheck_at or attempt_of(fresh) != attempt_of(claimed)
            rechecked = fresh if has_more_news else replace(fresh, recheck_at=again)
            is_over = fresh.validation is not None and fresh.validation.is_settled
            return replace(rechecked, due_at=rechecked.due_after(None if is_over else now))

        await self._leases.finish(claimed, change)

    async def _is_open_still(self, claimed: Onboarding, other: Validation) -> bool:
        gu1_id, now = other.gu1_id or "", self._leases.now()
        was_left_open = not other.status.is_final
        may_be_open = was_left_open and now < other.ends_at
        try:
            seen = await self._gu1.read_validation(gu1_id)
            # What a reviewer opened again is not cancelled: its verdict is still to come.
            if was_left_open and not seen.status.is_final:
                await self._cancel_at_gu1(claimed, CancelReason.APPROVED_OTHERWISE, gu1_id=gu1_id)
                seen = await self._gu1.read_validation(gu1_id)
        except Refused as refused:
            log.warning("onboarding %s: attempt %d not read: %s", claimed.id, other.number, refused)
            return may_be_open
        await asyncio.to_thread(self._onboardings.observe, seen)
        return may_be_open and not seen.status.is_final

    async def look_up_customer(self, claimed: Onboarding) -> None:
        """Approves the onboarding if gu1 already has a valid approval for this customer."""
        entity = await self._earlier_approval(claimed)

        def change(fresh: Onboarding) -> Onboarding:
            # Details were given or the onboarding was stopped meanwhile.
            if fresh.validation or fresh.stopped_at:
                return fresh
            looked_up = replace(fresh, stall_reason=None, failures=0, due_at=None)
            if entity is None:
                return looked_up
            now = self._leases.now()
            approved = replace(looked_up, verified_before_at=entity.verified_at or now, details=None)
            return replace(with_verification_watched(fresh, approved, now), verified_until=entity.expires_at)

        await self._leases.finish(claimed, change)

    async def _earlier_approval(self, claimed: Onboarding) -> EntityStatus | None:
        """A valid one that is the customer's own; None also if gu1 refuses to say or the access link has expired."""
        if claimed.ends_at <= self._leases.now():
            return None
        try:
            entity_id = await self._customer_entities.find(claimed)
            entity = await self._gu1.read_entity_status(entity_id) if entity_id else None
        except Refused as refused:
            log.warning("onboarding %s: earlier approval not looked up: %s", claimed.id, refused)
            return None
        now = self._leases.now()
        if entity is None or entity.validation_id is None or not entity.holds_at(now):
            return None
        on_entity = replace(claimed, entity_id=entity_id)
        owner = await asyncio.to_thread(self._onboardings.find_by_validation, entity.validation_id)
        if owner is None and claimed.purpose is not None:
            return None  # nobody knows what another system asked for it for
        if owner is None and await asyncio.to_thread(self._onboardings.is_shared_with_unanswered, on_entity):
            log.warning("onboarding %s: the approval at gu1 may be of one that waits for an answer", claimed.id)
            return None
        if owner and not owner.is_valid_approval_for(claimed, entity.validation_id):
            log.warning("onboarding %s: the approval at gu1 is not this customer's own", claimed.id)
            return None
        return entity

    def _is_watched(self, claimed: Onboarding) -> bool:
        return claimed.watched_at is not None and claimed.watched_at >= self._leases.now() - WATCHED_FOR


def _validation(claimed: Onboarding) -> Validation:
    if claimed.validation is None:
        raise Refused(0, "VALIDATION_MISSING")
    return claimed.validation


def _counted(fresh: Onboarding, claimed: Onboarding, refreshes: int) -> Onboarding:
    """With those made that the claimed refresh stands for, unless there was news since."""
    if fresh.validation is None or fresh.validation != claimed.validation:
        return fresh
    return replace(fresh, validation=replace(fresh.validation, refreshes=refreshes))


def _gu1_id(claimed: Onboarding) -> str:
    return _validation(claimed).gu1_id or ""
