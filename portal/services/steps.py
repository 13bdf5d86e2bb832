"""What comes next for one onboarding."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

from portal.domain.errors import Gu1Error, LostClaim, StoreUnavailable, Unavailable
from portal.domain.onboarding import Onboarding, Trouble
from portal.domain.validation import Sending
from portal.services.budget import Budget
from portal.services.claims import Claims
from portal.services.creation import Creation
from portal.services.following import Following
from portal.services.onboardings import Onboardings
from portal.services.pace import Pace
from portal.services.ports import Clock, Gu1, Meter, Store
from portal.services.reconciling import Reconciling
from portal.services.sweeping import Sweeping

log = logging.getLogger(__name__)

Step = Callable[[Onboarding], Awaitable[None]]


class Steps:
    def __init__(
        self,
        store: Store,
        gu1: Gu1,
        onboardings: Onboardings,
        *,
        clock: Clock,
        pace: Pace,
        meter: Meter,
        budget: Budget,
    ) -> None:
        self._claims = Claims(store, clock=clock, pace=pace, meter=meter)
        self._clock = clock
        self._creation = Creation(gu1, self._claims, onboardings, pace=pace, meter=meter)
        self._reconciling = Reconciling(store, gu1, self._claims, onboardings, pace=pace, meter=meter)
        self._sweeping = Sweeping(store, gu1, self._claims, pace=pace, meter=meter)
        self._following = Following(gu1, self._claims, onboardings, budget, meter=meter)

    async def take(self, claimed: Onboarding) -> None:
        step = self._next_step(claimed)
        name = step.__name__.strip("_")
        try:
            await step(claimed)
        except LostClaim:
            log.warning("onboarding %s: %s gave up", claimed.id, name)
            await self._claims.give_back(claimed)
        except StoreUnavailable:
            # The next after the lease goes on from the last write.
            log.warning("onboarding %s: %s gave up: the database failed", claimed.id, name)
        except Gu1Error as error:
            await self._claims.put_off(claimed, name, error)
        except Exception:
            log.exception("onboarding %s: %s failed", claimed.id, name)
            await self._claims.put_off(claimed, name, Unavailable("unexpected"))

    def _next_step(self, onboarding: Onboarding) -> Step:
        validation = onboarding.validation
        if validation is None:
            asks = onboarding.external_id and not onboarding.stopped_at
            return self._following.look_up_customer if asks else self._rest
        if validation.sending is Sending.SENT:
            return self._reconciling.reconcile
        if onboarding.stopped_at and validation.gu1_id and not validation.status.is_final:
            return self._following.cancel
        is_swept = onboarding.stopped_at or validation.sending is Sending.ADOPTED
        if is_swept and onboarding.sweep_at and onboarding.sweep_at <= self._clock():
            return self._sweeping.sweep
        if onboarding.stopped_at:
            return self._rest
        if onboarding.trouble is Trouble.DETAILS_REFUSED:
            return self._rest
        if onboarding.entity_id is None:
            # The details are forgotten with the link, and nobody could go on with what they would lead to.
            is_over = onboarding.ends_at <= self._clock()
            return self._rest if is_over else self._creation.create_entity
        return self._creation.create_validation if validation.sending is Sending.PLANNED else self._following.refresh

    async def _rest(self, claimed: Onboarding) -> None:
        await self._claims.rest_until(claimed, claimed.sweep_at)
