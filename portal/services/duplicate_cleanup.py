"""Cancels what gu1 created for an onboarding beside the validation that it adopted."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from datetime import datetime, timedelta

from portal.domain.errors import Gu1Error, Refused
from portal.domain.onboarding import Onboarding
from portal.domain.timings import Timings
from portal.domain.validation import Observation
from portal.services.leases import Leases
from portal.services.listings import with_metadata
from portal.services.ports import Gu1, Meter, Store

log = logging.getLogger(__name__)

NOT_NEEDED = "Asked for twice, and never shown to anybody"


class DuplicateCleanup:
    def __init__(self, store: Store, gu1: Gu1, leases: Leases, *, timings: Timings, meter: Meter) -> None:
        self._store = store
        self._gu1 = gu1
        self._leases = leases
        self._timings = timings
        self._meter = meter

    async def sweep(self, claimed: Onboarding) -> None:
        """Nobody was shown these twins, so nothing is lost with them, and nobody can complete them any more."""
        try:
            for twin in await self._twins(claimed):
                await self._cancel(claimed, twin)
        except Gu1Error as error:
            # No trouble of the applicant's: the next sweep comes anyway.
            log.warning("onboarding %s: not swept: %s: %s", claimed.id, type(error).__name__, error)
        now = self._leases.now()
        wait = self._timings.next_sweep(now - _sent_at(claimed, now))

        def change(fresh: Onboarding) -> Onboarding:
            swept = replace(fresh, sweep_at=now + wait if wait else None)
            rests = fresh.stopped_at or (fresh.validation and fresh.validation.is_settled)
            return replace(swept, due_at=swept.sweep_at if rests else now)

        await self._leases.finish(claimed, change)

    async def _twins(self, claimed: Onboarding) -> list[Observation]:
        if claimed.entity_id is None:
            return []
        listed, _ = await self._gu1.list_validations(claimed.entity_id)
        nonces = await self._accounted_for(claimed)
        known = await asyncio.to_thread(self._store.known, [row.gu1_id for row in listed])
        unknown = [row for row in listed if row.gu1_id not in known and not row.status.is_final]
        rows = await with_metadata(self._gu1, unknown, since=claimed.created_at)
        return [row for row in rows if row.nonce in nonces and not row.status.is_final]

    async def _accounted_for(self, claimed: Onboarding) -> set[str]:
        """What is created under one of these can never be adopted any more, whoever is at work meanwhile."""
        nonces = await asyncio.to_thread(self._store.adopted_nonces, claimed.id)
        return nonces | {claimed.validation.nonce} if claimed.stopped_at and claimed.validation else nonces

    async def _cancel(self, claimed: Onboarding, twin: Observation) -> None:
        try:
            await self._gu1.cancel_validation(twin.gu1_id, NOT_NEEDED)
        except Refused as refused:
            log.warning("onboarding %s: gu1 would not cancel a twin: %s", claimed.id, refused)
        else:
            self._meter.count("twins_cancelled")


def _sent_at(claimed: Onboarding, now: datetime) -> datetime:
    validation = claimed.validation
    return min(validation.sent_at, now) if validation and validation.sent_at else now - timedelta(days=1)
