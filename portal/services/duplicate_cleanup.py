"""Cancels duplicate validations: those gu1 created for an onboarding besides the adopted one."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from datetime import datetime, timedelta

from portal.domain.errors import Gu1Error, Refused
from portal.domain.onboarding import Onboarding
from portal.domain.timings import Timings
from portal.domain.validation import Observation
from portal.services.gu1_port import Gu1
from portal.services.leases import Leases
from portal.services.meter import Meter
from portal.services.ports import Store
from portal.services.reconciliation import with_metadata

log = logging.getLogger(__name__)

CANCEL_REASON = "Asked for twice, and never shown to anybody"


class DuplicateCleanup:
    def __init__(self, store: Store, gu1: Gu1, leases: Leases, *, timings: Timings, meter: Meter) -> None:
        self._store = store
        self._gu1 = gu1
        self._leases = leases
        self._timings = timings
        self._meter = meter

    async def sweep(self, claimed: Onboarding) -> None:
        """Nobody was sent to a duplicate's hosted page, so cancelling it loses nothing."""
        try:
            for duplicate in await self._duplicates(claimed):
                await self._cancel(claimed, duplicate)
        except Gu1Error as error:
            # This does not affect the applicant, and the next sweep follows anyway.
            log.warning("onboarding %s: duplicate cleanup failed: %s: %s", claimed.id, type(error).__name__, error)
        now = self._leases.now()
        wait = self._timings.next_sweep(now - _sent_at(claimed, now))

        def change(fresh: Onboarding) -> Onboarding:
            swept = replace(fresh, sweep_at=now + wait if wait else None)
            is_over = fresh.stopped_at or (fresh.validation and fresh.validation.is_settled)
            return replace(swept, due_at=swept.due_after(None if is_over else now))

        await self._leases.finish(claimed, change)

    async def _duplicates(self, claimed: Onboarding) -> list[Observation]:
        if claimed.entity_id is None:
            return []
        listed, _ = await self._gu1.list_validations(claimed.entity_id)
        nonces = await self._closed_nonces(claimed)
        known = await asyncio.to_thread(self._store.adopted_ids, [row.gu1_id for row in listed])
        unknown = [row for row in listed if row.gu1_id not in known and not row.status.is_final]
        rows = await with_metadata(self._gu1, unknown, since=claimed.created_at)
        return [row for row in rows if row.nonce in nonces and not row.status.is_final]

    async def _closed_nonces(self, claimed: Onboarding) -> set[str]:
        """A validation created with one of these nonces can never be adopted any more."""
        nonces = await asyncio.to_thread(self._store.closed_nonces, claimed.id)
        return nonces | {claimed.validation.nonce} if claimed.stopped_at and claimed.validation else nonces

    async def _cancel(self, claimed: Onboarding, duplicate: Observation) -> None:
        try:
            await self._gu1.cancel_validation(duplicate.gu1_id, CANCEL_REASON)
        except Refused as refused:
            log.warning("onboarding %s: gu1 refused to cancel a duplicate: %s", claimed.id, refused)
        else:
            self._meter.count("duplicates_cancelled")


def _sent_at(claimed: Onboarding, now: datetime) -> datetime:
    validation = claimed.validation
    return min(validation.sent_at, now) if validation and validation.sent_at else now - timedelta(days=1)
