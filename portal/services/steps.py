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
        self._creation = Creation(gu1, self._claims, onboardings, pace=pace, meter=meter)
        self._following = Following(gu1, self._claims, onboardings, budget, meter=meter)

    async def take(self, claimed: Onboarding) -> None:
        step = self._next_step(claimed)
        name = step.__name__.strip("_")
        try:
            await step(claimed)
        except (LostClaim, StoreUnavailable) as error:
            # Whoever holds the claim now, or the next after the lease, goes on from the last write.
            log.warning("onboarding %s: %s gave up: %s", claimed.id, name, type(error).__name__)
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
            return self._creation.reconcile
        if onboarding.stopped_at:
            cancels = validation.gu1_id and not validation.status.is_final
            return self._following.cancel if cancels else self._rest
        if onboarding.trouble is Trouble.DETAILS_REFUSED:
            return self._rest
        if onboarding.entity_id is None:
            return self._creation.create_entity
        return self._creation.create_validation if validation.sending is Sending.PLANNED else self._following.refresh

    async def _rest(self, claimed: Onboarding) -> None:
        await self._claims.rest_until(claimed, None)
