"""The steps after a validation is adopted: look at gu1, close what ran out, cancel what was stopped."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from datetime import datetime, timedelta

from portal.domain.errors import Gu1Error, Refused
from portal.domain.onboarding import Onboarding
from portal.domain.status import Status
from portal.domain.validation import Observation, Validation
from portal.services.budget import Budget
from portal.services.leases import Leases
from portal.services.onboardings import WATCHED_FOR, Onboardings
from portal.services.ports import Gu1, Meter

log = logging.getLogger(__name__)

STOPPED = "Stopped by the applicant"
RAN_OUT = "The session ran out"

SYNC_EVERY = 12
"""Looks without news, about a minute's worth at first, before gu1 is asked to ask the provider."""

_TOO_LATE = {400, 404, 409, 422}
"""Any other refusal is about our key or plan, and passes."""

_GONE = 404

_STILL_OPEN = timedelta(days=1)
"""After its end, where gu1 neither closes a session nor lets us close it."""

_OPEN = {Status.PENDING, Status.IN_PROGRESS, Status.ABANDONED, Status.UNKNOWN}


class _BudgetUsedUp(Exception):
    def __init__(self, wait: timedelta) -> None:
        super().__init__(wait)
        self.wait = wait


class RefreshSteps:
    def __init__(self, gu1: Gu1, leases: Leases, onboardings: Onboardings, budget: Budget, *, meter: Meter) -> None:
        self._gu1 = gu1
        self._leases = leases
        self._onboardings = onboardings
        self._budget = budget
        self._meter = meter

    async def refresh(self, claimed: Onboarding) -> None:
        try:
            seen = await self._look(claimed, _validation(claimed))
        except _BudgetUsedUp as used_up:
            self._meter.count("budget_spent", watched=str(self._is_watched(claimed)).lower())
            await self._leases.sleep_until(claimed, self._leases.now() + used_up.wait)
            return
        not_before = self._leases.now() + await asyncio.to_thread(self._budget.least_interval)

        def change(fresh: Onboarding) -> Onboarding:
            after = self._onboardings.apply_observation(fresh, seen)
            return replace(after, due_at=max(after.due_at, not_before)) if after.due_at else after

        await self._leases.finish(claimed, change)

    async def _look(self, claimed: Onboarding, validation: Validation) -> Observation:
        if validation.ends_at <= self._leases.now() and validation.status in _OPEN:
            return await self._close(claimed)
        # A validation without a provider session, such as gu1's sandbox makes, cannot be synchronised.
        overdue = validation.refreshes % SYNC_EVERY == SYNC_EVERY - 1
        if overdue and validation.session_id and validation.shown_at and self._is_watched(claimed):
            synced = await self._sync(claimed)
            if synced:
                return synced
        return await self._read(claimed)

    async def _read(self, claimed: Onboarding) -> Observation:
        await self._spend(claimed)
        return await self._gu1.read_validation(_gu1_id(claimed))

    async def _sync(self, claimed: Onboarding) -> Observation | None:
        """None where nothing came of it, whatever the cause: a read may still succeed."""
        await self._spend(claimed)
        self._meter.count("synced")
        try:
            return await self._gu1.sync_validation(_gu1_id(claimed))
        except Gu1Error as error:
            log.info("onboarding %s: not synchronised: %s", claimed.id, error)
            return None

    async def _spend(self, claimed: Onboarding) -> None:
        wait = await asyncio.to_thread(self._budget.take, watched=self._is_watched(claimed))
        if wait:
            raise _BudgetUsedUp(wait)

    async def _close(self, claimed: Onboarding) -> Observation:
        """Cancelled before a new one may be opened, so that nobody can complete both."""
        long_over = _validation(claimed).ends_at + _STILL_OPEN <= self._leases.now()
        try:
            seen = await self._read(claimed)
            lives_on = seen.expires_at is not None and seen.expires_at > self._leases.now()
            if lives_on or seen.status not in _OPEN:
                return seen
            is_cancelled = await self._cancel_at_gu1(claimed, RAN_OUT)
            seen = await self._read(claimed)
        except Refused as refused:
            if refused.http_status != _GONE or not long_over:
                raise
            log.error("onboarding %s: its session ran out, and gu1 has its validation no more", claimed.id)
            return Observation(gu1_id=_gu1_id(claimed), status=Status.EXPIRED)
        # gu1 keeps an abandoned session as it is and lets nobody cancel it, so its applicant could never begin anew.
        stays = not is_cancelled and (seen.status is Status.ABANDONED or (seen.status in _OPEN and long_over))
        return replace(seen, status=Status.EXPIRED, updated_at=None) if stays else seen

    async def cancel(self, claimed: Onboarding) -> None:
        """Again and again where gu1 refuses, until it is closed: somebody may still have its address."""
        if _validation(claimed).ends_at <= self._leases.now():
            await self._leases.sleep_until(claimed, claimed.sweep_at)
            return
        await self._cancel_at_gu1(claimed, STOPPED)
        seen = await self._gu1.read_validation(_gu1_id(claimed))
        await self._leases.finish(
            claimed, lambda fresh: replace(self._onboardings.apply_observation(fresh, seen), stall_reason=None)
        )

    async def _cancel_at_gu1(self, claimed: Onboarding, reason: str) -> bool:
        """False where gu1 would not."""
        try:
            await self._gu1.cancel_validation(_gu1_id(claimed), reason)
        except Refused as refused:
            if refused.http_status not in _TOO_LATE:
                raise
            log.warning("onboarding %s: gu1 would not cancel the validation any more", claimed.id)
            return False
        return True

    async def look_up_customer(self, claimed: Onboarding) -> None:
        """Whether a partner's customer was verified before, and still is: then there is nothing to ask."""
        verified_at = await self._verified_before(claimed)

        def change(fresh: Onboarding) -> Onboarding:
            # Details given or everything stopped meanwhile: the answer comes too late.
            if fresh.validation or fresh.stopped_at:
                return fresh
            asked = replace(fresh, stall_reason=None, failures=0, due_at=None)
            return replace(asked, verified_before_at=verified_at, details=None) if verified_at else asked

        await self._leases.finish(claimed, change)

    async def _verified_before(self, claimed: Onboarding) -> datetime | None:
        """None also where gu1 refuses to say, and where nobody can open the link any more."""
        if claimed.ends_at <= self._leases.now():
            return None
        try:
            entity_id = await self._gu1.find_entity(claimed.gu1_external_id)
            known = await self._gu1.read_entity_status(entity_id) if entity_id else None
        except Refused as refused:
            log.warning("onboarding %s: not looked up, so its customer is asked: %s", claimed.id, refused)
            return None
        now = self._leases.now()
        if known is None or known.validation_id is None or not known.holds_at(now):
            return None
        asked_for = await asyncio.to_thread(self._onboardings.asked_for, known.validation_id)
        if asked_for and not asked_for.vouches_for(claimed, known.validation_id):
            log.warning("onboarding %s: verified at gu1, but not by this customer's own approval", claimed.id)
            return None
        return known.verified_at or now

    def _is_watched(self, claimed: Onboarding) -> bool:
        return claimed.watched_at is not None and claimed.watched_at >= self._leases.now() - WATCHED_FOR


def _validation(claimed: Onboarding) -> Validation:
    if claimed.validation is None:
        raise Refused(0, "VALIDATION_MISSING")
    return claimed.validation


def _gu1_id(claimed: Onboarding) -> str:
    return _validation(claimed).gu1_id or ""
