"""Fenced writes for the worker's steps; recording the outcome also releases the lease."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from portal.domain.errors import Gu1Error, LostClaim, Refused, StoreUnavailable
from portal.domain.onboarding import Onboarding, StallReason
from portal.domain.stage import FAILURES_BEFORE_DELAYED, LONG_PAUSE
from portal.domain.timings import Timings
from portal.domain.validation import CreationState, Validation
from portal.services.meter import Meter
from portal.services.ports import Clock, LockedOnboarding, Store

log = logging.getLogger(__name__)

Change = Callable[[Onboarding], Onboarding]


class Leases:
    def __init__(self, store: Store, *, clock: Clock, timings: Timings, meter: Meter) -> None:
        self._store = store
        self._timings = timings
        self._meter = meter
        self.now = clock

    async def save(self, claimed: Onboarding, change: Change) -> Onboarding:
        """Writes in the middle of a step. Raises `LostClaim` if another worker took over the lease."""

        def fenced(row: LockedOnboarding) -> Onboarding:
            if row.onboarding.fence != claimed.fence:
                raise LostClaim
            changed = change(row.onboarding)
            row.save(changed)
            return changed

        return await asyncio.wrap_future(self._store.change(claimed.id, fenced))

    async def extend(self, claimed: Onboarding, change: Change) -> Onboarding:
        """Like `save`, and the lease starts anew for the step that follows."""

        def change_and_extend(fresh: Onboarding) -> Onboarding:
            return replace(change(fresh), lease_until=self.now() + timedelta(seconds=self._timings.lease))

        return await self._save_patiently(claimed, change_and_extend)

    async def finish(self, claimed: Onboarding, change: Change) -> None:
        """Writes the outcome and releases the lease."""

        def change_and_release(fresh: Onboarding) -> Onboarding:
            changed = change(fresh)
            # A refresh was requested during the step: keep the earlier due time.
            requested = fresh.due_at is not None and fresh.due_at != claimed.due_at
            due = min(filter(None, (changed.due_at, fresh.due_at))) if requested else changed.due_at
            return replace(changed, due_at=due, lease_until=None)

        await self._save_patiently(claimed, change_and_release)

    async def _save_patiently(self, claimed: Onboarding, change: Change) -> Onboarding:
        for pause in self._timings.save_backoff:
            try:
                return await self.save(claimed, change)
            except StoreUnavailable:
                # Retry here: otherwise gu1's answer is lost, and the onboarding waits until the lease expires.
                await asyncio.sleep(pause)
        return await self.save(claimed, change)

    async def release(self, claimed: Onboarding) -> None:
        """Releases the lease and changes nothing else; ignores errors."""
        with contextlib.suppress(LostClaim, StoreUnavailable):
            await self.finish(claimed, lambda fresh: fresh)

    def is_expiring(self, claimed: Onboarding) -> bool:
        """True if the lease is too short for a call that must not be made twice."""
        left = claimed.lease_until - self.now() if claimed.lease_until else timedelta()
        return left < timedelta(seconds=self._timings.lease / 2)

    async def advance(self, claimed: Onboarding, change: Change) -> None:
        """Writes the outcome of a successful step; the next step is due now, and keeps its place in the queue."""
        due_at = min(self.now(), claimed.due_at or self.now())
        await self.finish(claimed, lambda fresh: replace(change(fresh), stall_reason=None, failures=0, due_at=due_at))

    async def sleep_until(self, claimed: Onboarding, due_at: datetime | None, change: Change = lambda it: it) -> None:
        await self.finish(claimed, lambda fresh: replace(change(fresh), due_at=due_at))

    async def retry_later(
        self, claimed: Onboarding, step: str, error: Gu1Error, *, also: Change = lambda it: it
    ) -> None:
        """Schedules a retry with backoff, and marks the onboarding as stalled. `also` is a further change."""
        stall_reason = _stall_reason(step, error)
        level = logging.ERROR if stall_reason is StallReason.REFUSED else logging.WARNING
        log.log(level, "onboarding %s: %s failed: %s: %s", claimed.id, step, type(error).__name__, error)
        self._meter.count("step_retries", step=step, reason=stall_reason)

        def change(fresh: Onboarding) -> Onboarding:
            if attempt_of(fresh) != attempt_of(claimed) or (is_adopted(fresh) and not is_adopted(claimed)):
                return fresh  # it stands at another attempt, or this one was found: the failure no longer matters
            failures = fresh.failures + 1
            wait = self._wait(failures, error)
            if wait > LONG_PAUSE:
                failures = max(failures, FAILURES_BEFORE_DELAYED)
            due = None if stall_reason is StallReason.DETAILS_REFUSED else self.now() + wait
            updated = self.now() if stall_reason is not fresh.stall_reason else fresh.updated_at
            return replace(also(fresh), failures=failures, stall_reason=stall_reason, due_at=due, updated_at=updated)

        try:
            await self.finish(claimed, change)
        except (LostClaim, StoreUnavailable) as lost:
            log.warning("onboarding %s: %s: retry not saved: %s", claimed.id, step, type(lost).__name__)

    def _wait(self, failures: int, error: Gu1Error) -> timedelta:
        if isinstance(error, Refused):
            return self._timings.refused_wait(failures)
        return self._timings.backoff(failures, getattr(error, "retry_after", None))


def validation_changed(onboarding: Onboarding, change: Callable[[Validation], Validation]) -> Onboarding:
    validation = onboarding.validation
    return replace(onboarding, validation=change(validation)) if validation else onboarding


def attempt_of(onboarding: Onboarding) -> int | None:
    return onboarding.validation.number if onboarding.validation else None


def is_adopted(onboarding: Onboarding) -> bool:
    return onboarding.validation is not None and onboarding.validation.creation_state is CreationState.ADOPTED


def planned_again(onboarding: Onboarding) -> Onboarding:
    """To be sent again, unless a webhook brought its validation meanwhile."""
    if is_adopted(onboarding):
        return onboarding
    return validation_changed(onboarding, lambda it: replace(it, creation_state=CreationState.PLANNED, empty_looks=0))


def _stall_reason(step: str, error: Gu1Error) -> StallReason:
    if not isinstance(error, Refused):
        return StallReason.UNAVAILABLE
    if step == "create_entity" and error.about_details:
        return StallReason.DETAILS_REFUSED
    return StallReason.REFUSED
