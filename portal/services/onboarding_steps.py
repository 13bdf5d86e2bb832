"""Chooses and takes the next step of an onboarding."""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable

from portal.domain.errors import Gu1Error, LostClaim, StoreUnavailable, Unavailable
from portal.domain.onboarding import Onboarding, StallReason
from portal.domain.timings import Timings
from portal.domain.validation import CreationState
from portal.services.budget import Budget
from portal.services.correction_step import CorrectionStep
from portal.services.creation_steps import CreationSteps
from portal.services.customer_entities import CustomerEntities
from portal.services.duplicate_cleanup import DuplicateCleanup
from portal.services.gu1_port import Gu1
from portal.services.leases import Leases
from portal.services.meter import Meter
from portal.services.onboardings import Onboardings
from portal.services.ports import Clock, Store
from portal.services.reconciliation import Reconciliation
from portal.services.refresh_steps import RefreshSteps
from portal.services.request_ids import part_of_request
from portal.services.restored_sends import RestoredSends
from portal.services.verification_watch import VerificationWatch

log = logging.getLogger(__name__)

Step = Callable[[Onboarding], Awaitable[None]]


class OnboardingSteps:
    def __init__(
        self,
        store: Store,
        gu1: Gu1,
        onboardings: Onboardings,
        *,
        clock: Clock,
        timings: Timings,
        meter: Meter,
        budget: Budget,
    ) -> None:
        self._leases = Leases(store, clock=clock, timings=timings, meter=meter)
        self._clock = clock
        self._meter = meter
        self._reconciliation = Reconciliation(store, gu1, self._leases, onboardings, timings=timings, meter=meter)
        restored_sends = RestoredSends(store, gu1, self._reconciliation, meter=meter)
        entities = CustomerEntities(store, gu1)
        self._creation = CreationSteps(
            gu1, self._leases, onboardings, entities, restored_sends, timings=timings, meter=meter
        )
        self._cleanup = DuplicateCleanup(store, gu1, self._leases, timings=timings, meter=meter)
        self._correction = CorrectionStep(gu1, self._leases, onboardings, meter=meter)
        self._watch = VerificationWatch(store, gu1, entities, self._leases, budget, meter=meter)
        self._refresh_steps = RefreshSteps(
            gu1, entities, self._leases, onboardings, budget, timings=timings, meter=meter
        )

    async def take(self, claimed: Onboarding) -> None:
        with part_of_request(claimed.request_id):
            await self._take(claimed)

    async def _take(self, claimed: Onboarding) -> None:
        step = self._next_step(claimed)
        name, began = step.__name__.strip("_"), time.monotonic()
        outcome = "cancelled"
        try:
            outcome = await self._outcome(step, name, claimed)
        finally:
            self._meter.observe("step_seconds", time.monotonic() - began, step=name, outcome=outcome)

    async def _outcome(self, step: Step, name: str, claimed: Onboarding) -> str:
        try:
            await step(claimed)
        except LostClaim:
            log.warning("onboarding %s: %s stopped: another worker took over", claimed.id, name)
            await self._leases.release(claimed)
            return "lost"
        except StoreUnavailable:
            # After the lease a worker continues from the last write.
            log.warning("onboarding %s: %s stopped: the database is unavailable", claimed.id, name)
            return "database"
        except Gu1Error as error:
            await self._leases.retry_later(claimed, name, error)
            return "gu1"
        except Exception:
            log.exception("onboarding %s: %s failed unexpectedly", claimed.id, name)
            await self._leases.retry_later(claimed, name, Unavailable("unexpected"))
            return "unexpected"
        return "done"

    def _next_step(self, onboarding: Onboarding) -> Step:
        validation = onboarding.validation
        if onboarding.recheck_at and onboarding.recheck_at <= self._clock():
            return self._refresh_steps.recheck_others
        if self._watch.is_due(onboarding):
            return self._watch.check_verification
        if validation is None:
            has_customer = onboarding.external_id and not onboarding.stopped_at and not onboarding.reverify
            return self._refresh_steps.look_up_customer if has_customer else self._pause
        if validation.creation_state is CreationState.SENT:
            return self._reconciliation.reconcile
        if onboarding.stopped_at and validation.gu1_id and not validation.status.is_final:
            return self._refresh_steps.cancel
        is_swept = onboarding.stopped_at or validation.creation_state is CreationState.ADOPTED
        if is_swept and onboarding.sweep_at and onboarding.sweep_at <= self._clock():
            return self._cleanup.sweep
        if onboarding.stopped_at:
            # An approval that still waits for something: gu1 decides whether it can be cancelled.
            is_open = validation.gu1_id and not validation.is_settled
            return self._refresh_steps.cancel if is_open else self._pause
        if onboarding.is_correcting:
            return self._pause if onboarding.ends_at <= self._clock() else self._correction.correct
        if onboarding.stall_reason is StallReason.DETAILS_REFUSED:
            return self._pause
        if onboarding.is_planned and onboarding.has_lapsed(self._clock()):
            return self._pause  # nobody could continue; a new link goes on
        if onboarding.entity_id is None:
            return self._creation.create_entity
        if onboarding.is_planned:
            return self._creation.create_validation
        return self._refresh_steps.restart if validation.is_restarting else self._refresh_steps.refresh

    async def _pause(self, claimed: Onboarding) -> None:
        await self._leases.sleep_until(claimed, claimed.due_after(None))
