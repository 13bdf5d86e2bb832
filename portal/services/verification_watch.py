"""Keeps an eye on how long a customer's approval is valid, and notes when the customer has to verify again.

gu1 is read once after the approval, then when it ends and once a month until then. What falls due is written once, in
one transaction with the event for the partner.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from datetime import timedelta

from portal.domain.entity_status import EntityStatus
from portal.domain.errors import Gu1Error, Refused
from portal.domain.onboarding import Onboarding
from portal.domain.status import Status
from portal.services.budget import Budget
from portal.services.customer_entities import CustomerEntities
from portal.services.gu1_port import Gu1
from portal.services.leases import Leases
from portal.services.meter import Meter
from portal.services.ports import Store

log = logging.getLogger(__name__)

CHECK_EVERY = timedelta(days=30)
"""gu1 may ask for it without having said when it will."""
AFTER_FAILURE = timedelta(hours=1)
AFTER_REFUSAL = timedelta(days=1)


class VerificationWatch:
    def __init__(
        self,
        store: Store,
        gu1: Gu1,
        customer_entities: CustomerEntities,
        leases: Leases,
        budget: Budget,
        *,
        meter: Meter,
    ) -> None:
        self._store = store
        self._gu1 = gu1
        self._customer_entities = customer_entities
        self._leases = leases
        self._budget = budget
        self._meter = meter

    def is_due(self, onboarding: Onboarding) -> bool:
        check_at = onboarding.verification_check_at
        return check_at is not None and check_at <= self._leases.now()

    async def check_verification(self, claimed: Onboarding) -> None:
        if claimed.status is not Status.APPROVED:  # a release that did not watch it took the approval back
            await self._leases.finish(claimed, lambda fresh: replace(fresh, verification_check_at=None))
            return
        wait = await asyncio.to_thread(self._budget.take, watched=False)
        if wait:
            await self._put_off(claimed, wait)
            return
        try:
            entity = await self._read(claimed)
        except Gu1Error as error:
            log.warning("onboarding %s: validity not read: %s: %s", claimed.id, type(error).__name__, error)
            await self._put_off(claimed, AFTER_REFUSAL if isinstance(error, Refused) else AFTER_FAILURE)
            return
        if entity is None or (not entity.is_verified and entity.verified_at is None):
            await self._put_off(claimed, AFTER_FAILURE)  # gu1 does not know of the approval yet
            return
        if await asyncio.to_thread(self._is_for_another_purpose, claimed, entity):
            entity = replace(entity, verified_at=None, expires_at=claimed.verified_until)
        # An earlier approval of the customer does not count any more, so nothing of it falls due.
        await asyncio.to_thread(self._store.forget_earlier_verifications, claimed)
        await self._leases.finish(claimed, lambda fresh: self._checked(fresh, entity))

    async def _read(self, claimed: Onboarding) -> EntityStatus | None:
        entity_id = claimed.entity_id or await self._customer_entities.find(claimed)
        return await self._gu1.read_entity_status(entity_id) if entity_id else None

    def _is_for_another_purpose(self, claimed: Onboarding, entity: EntityStatus) -> bool:
        """All onboardings of a customer share an entity, and gu1 names its last approval alone."""
        if claimed.external_id is None or entity.validation_id is None:
            return False
        owner = self._store.find_by_validation(entity.validation_id)
        if owner is None or owner.purpose == claimed.purpose:
            return False
        return (owner.partner, owner.external_id) == (claimed.partner, claimed.external_id)

    def _checked(self, fresh: Onboarding, entity: EntityStatus) -> Onboarding:
        now = self._leases.now()
        rested = replace(fresh, due_at=fresh.due_after(None))
        if fresh.verification_check_at is None or fresh.status is not Status.APPROVED:
            return rested
        has_ended = entity.expires_at is not None and entity.expires_at <= now
        if not has_ended and not entity.asks_reverification:
            next_check = min(filter(None, (entity.expires_at, now + CHECK_EVERY)))
            return replace(rested, verified_until=entity.expires_at, verification_check_at=next_check)
        self._meter.count("reverifications_due", partner=fresh.partner or "")
        log.info("onboarding %s: the customer has to verify again", fresh.id)
        validation = fresh.validation and replace(
            fresh.validation, verified_at=fresh.validation.verified_at or entity.verified_at or fresh.updated_at
        )
        return replace(
            rested,
            validation=validation,
            verified_until=entity.expires_at,
            verification_check_at=None,
            reverification_due_at=entity.expires_at if has_ended else now,
            updated_at=now,
        )

    async def _put_off(self, claimed: Onboarding, wait: timedelta) -> None:
        again = self._leases.now() + wait
        await self._leases.finish(
            claimed, lambda fresh: replace(fresh, due_at=fresh.due_after(None), verification_check_at=again)
        )
