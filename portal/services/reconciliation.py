"""Reconciles a paid request whose answer was lost: adopts the validation found at gu1, or sends it again."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from portal.domain.errors import Malformed, Refused
from portal.domain.onboarding import Onboarding
from portal.domain.timings import Timings
from portal.domain.validation import CLOCKS_APART, Listing, Observation, Validation
from portal.services.gu1_port import Gu1
from portal.services.leases import Leases, planned_again, validation_changed
from portal.services.meter import Meter
from portal.services.onboardings import Onboardings
from portal.services.ports import Store

log = logging.getLogger(__name__)

MAX_SENDS = 3
"""Sends in a row without gu1 ever listing the validation. After that an operator is alerted, and further sends are
rare: an outage of gu1 must not end an onboarding for good."""
EMPTY_LISTS_BEFORE_RESEND = 2
ENTITY_NOT_FOUND = "ENTITY_NOT_FOUND"
_NEWEST = datetime.max.replace(tzinfo=UTC)


class Reconciliation:
    def __init__(
        self, store: Store, gu1: Gu1, leases: Leases, onboardings: Onboardings, *, timings: Timings, meter: Meter
    ) -> None:
        self._store = store
        self._gu1 = gu1
        self._leases = leases
        self._onboardings = onboardings
        self._timings = timings
        self._meter = meter

    async def reconcile(self, claimed: Onboarding) -> None:
        """Searches gu1 for what the request may have created, before it may be sent again."""
        validation = claimed.validation
        if validation is None or claimed.entity_id is None or validation.sent_at is None:
            raise Refused(0, "ENTITY_MISSING")
        list_is_current_at = self._list_is_current_at(validation.sent_at, validation.empty_looks)
        if list_is_current_at:
            await self._leases.sleep_until(claimed, list_is_current_at)
            return
        listed, is_whole = await self.list_validations(claimed.entity_id)
        rows = await with_metadata(self._gu1, listed, since=validation.sent_at)
        found = _oldest_of_ours(rows, validation.nonce) or await self._match_by_time(claimed, validation.sent_at, rows)
        if found:
            self._meter.count("reconciled", outcome="adopted")
            await self._leases.finish(claimed, lambda fresh: self._onboardings.apply_observation(fresh, found))
        elif not is_whole:
            raise Malformed("the validation may be among the rows that cannot be read")
        else:
            await self._not_found(claimed, validation)

    async def list_validations(self, entity_id: str) -> Listing:
        try:
            return await self._gu1.list_validations(entity_id)
        except Refused as refused:
            if refused.code != ENTITY_NOT_FOUND:
                raise
            # A deleted entity has no validations. If it is absent twice, the next request is refused too, and the
            # entity is forgotten.
            return Listing([], is_whole=True)

    def _list_is_current_at(self, sent_at: datetime, empty_looks: int) -> datetime | None:
        """When gu1's list surely shows what was sent; None for now, also after a clock was set back."""
        delay = timedelta(seconds=self._timings.reconcile_delay + empty_looks * self._timings.empty_list_pause)
        return sent_at + delay if timedelta() <= self._leases.now() - sent_at < delay else None

    async def _match_by_time(
        self, claimed: Onboarding, sent_at: datetime, rows: list[Observation]
    ) -> Observation | None:
        """If gu1 shows no metadata: the oldest open validation of that time that no other onboarding can have sent.

        If another system of the operator creates a validation for the same person in the same minute, it may be
        adopted here; the two cannot be told apart.
        """
        latest = sent_at + timedelta(seconds=self._timings.reconcile_delay) + CLOCKS_APART
        bare = [
            row
            for row in rows
            if not row.has_metadata
            and not row.status.is_final
            and row.created_at is not None
            and sent_at - CLOCKS_APART <= row.created_at <= latest
        ]
        if not bare:
            return None
        # In this order, and after the list was read: a row's creator saves the send before and the answer after.
        if await asyncio.to_thread(self._store.is_shared_with_unanswered, claimed):
            return None
        known = await asyncio.to_thread(self._store.adopted_ids, [row.gu1_id for row in bare])
        unknown = [row for row in bare if row.gu1_id not in known]
        if not unknown:
            return None
        log.warning("onboarding %s: adopted a validation without metadata", claimed.id)
        self._meter.count("adopted_without_metadata")
        return _oldest(unknown)

    def _was_sent_recently(self, validation: Validation) -> bool:
        since = self._leases.now() - (validation.sent_at or validation.created_at)
        return since < timedelta(seconds=self._timings.resend_pause)

    async def _not_found(self, claimed: Onboarding, validation: Validation) -> None:
        if validation.empty_looks + 1 < EMPTY_LISTS_BEFORE_RESEND:
            again = self._leases.now() + timedelta(seconds=self._timings.empty_list_pause)
            await self._leases.sleep_until(claimed, again, _with_empty_list)
            return
        self._meter.count("reconciled", outcome="absent")
        if claimed.stopped_at:
            # gu1 may still create it, and then it must be cancelled.
            sweep_at = self._leases.now() + timedelta(seconds=self._timings.first_sweep)
            await self._leases.sleep_until(claimed, sweep_at, lambda it: replace(planned_again(it), sweep_at=sweep_at))
        elif validation.sends >= MAX_SENDS and self._was_sent_recently(validation):
            log.error("onboarding %s: gu1 lists no validation after %d sends", claimed.id, validation.sends)
            await self._leases.retry_later(claimed, "reconcile", Refused(0, "NEVER_CREATED"))
        else:
            await self._leases.advance(claimed, planned_again)


async def with_metadata(gu1: Gu1, rows: Iterable[Observation], *, since: datetime) -> list[Observation]:
    """`rows` with their nonces: gu1's lists can omit the metadata, so those created since then are read one by one."""
    return [await gu1.read_validation(row.gu1_id) if _may_be_ours(row, since) else row for row in rows]


def _may_be_ours(row: Observation, since: datetime) -> bool:
    return row.nonce is None and (row.created_at is None or row.created_at >= since - CLOCKS_APART)


def _oldest_of_ours(rows: list[Observation], nonce: str) -> Observation | None:
    """The oldest open one, else the oldest."""
    mine = [row for row in rows if row.nonce == nonce]
    return _oldest(row for row in mine if not row.status.is_final) or _oldest(mine)


def _oldest(rows: Iterable[Observation]) -> Observation | None:
    """Rows without a creation time count as the newest."""
    return min(rows, key=lambda row: row.created_at or _NEWEST, default=None)


def _with_empty_list(onboarding: Onboarding) -> Onboarding:
    return validation_changed(onboarding, lambda it: replace(it, empty_looks=it.empty_looks + 1))
