"""What becomes of a paid request whose answer was lost: found again at gu1, or sent again."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from portal.domain.errors import Malformed, Refused
from portal.domain.onboarding import Onboarding
from portal.domain.timings import Timings
from portal.domain.validation import CLOCKS_APART, Observation, Validation
from portal.services.leases import Leases, unsent, validation_changed
from portal.services.listings import with_metadata
from portal.services.onboardings import Onboardings
from portal.services.ports import Gu1, Meter, Store

log = logging.getLogger(__name__)

MAX_SENDS = 3
"""How often one validation is asked for in a row, if gu1 never shows that it has it; after that an operator is
called, and it is asked for ever so rarely, so that gu1's bad morning is nobody's dead end."""
LOOKS_BEFORE_RESEND = 2
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
        """Looks for what a lost answer may have created, before anything is created again."""
        validation = claimed.validation
        if validation is None or claimed.entity_id is None or validation.sent_at is None:
            raise Refused(0, "ENTITY_MISSING")
        believable = self._believable_at(validation.sent_at, validation.empty_looks)
        if believable:
            await self._leases.sleep_until(claimed, believable)
            return
        listed, is_whole = await self._gu1.list_validations(claimed.entity_id)
        rows = await with_metadata(self._gu1, listed, since=validation.sent_at)
        found = _oldest_of_ours(rows, validation.nonce) or await self._guessed(claimed, validation.sent_at, rows)
        if found:
            self._meter.count("reconciled", outcome="adopted")
            await self._leases.finish(claimed, lambda fresh: self._onboardings.apply_observation(fresh, found))
        elif not is_whole:
            raise Malformed("what was asked for may be among the rows that cannot be read")
        else:
            await self._not_found(claimed, validation)

    def _believable_at(self, sent_at: datetime, empty_looks: int) -> datetime | None:
        """When gu1's list can be trusted to show it; None where that is now, also after a clock was put back."""
        quiet = timedelta(seconds=self._timings.quiet + empty_looks * self._timings.look_again)
        return sent_at + quiet if timedelta() <= self._leases.now() - sent_at < quiet else None

    async def _guessed(self, claimed: Onboarding, sent_at: datetime, rows: list[Observation]) -> Observation | None:
        """Where gu1 shows no metadata: the oldest live one that can be nobody else's of ours.

        What another system of the operator's creates for this very person in the same minute cannot be told
        apart; the person would then go on with that one.
        """
        latest = sent_at + timedelta(seconds=self._timings.quiet) + CLOCKS_APART
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
        # In this order, after the listing: whoever created a row in it noted the sending before, and its answer after.
        if await asyncio.to_thread(self._store.is_shared_with_unanswered, claimed):
            return None
        known = await asyncio.to_thread(self._store.known, [row.gu1_id for row in bare])
        unknown = [row for row in bare if row.gu1_id not in known]
        if not unknown:
            return None
        log.warning("onboarding %s: a validation without metadata is taken for the one asked for", claimed.id)
        self._meter.count("guessed")
        return _oldest(unknown)

    def _was_sent_lately(self, validation: Validation) -> bool:
        since = self._leases.now() - (validation.sent_at or validation.created_at)
        return since < timedelta(seconds=self._timings.rest_between_sends)

    async def _not_found(self, claimed: Onboarding, validation: Validation) -> None:
        if validation.empty_looks + 1 < LOOKS_BEFORE_RESEND:
            again = self._leases.now() + timedelta(seconds=self._timings.look_again)
            await self._leases.sleep_until(claimed, again, _looked)
            return
        self._meter.count("reconciled", outcome="absent")
        if claimed.stopped_at:
            # It may still come into being, and then nobody is to complete it.
            sweep_at = self._leases.now() + timedelta(seconds=self._timings.first_sweep)
            await self._leases.sleep_until(claimed, sweep_at, lambda it: replace(unsent(it), sweep_at=sweep_at))
        elif validation.sends >= MAX_SENDS and self._was_sent_lately(validation):
            log.error("onboarding %s: gu1 shows none of %d validations asked for", claimed.id, validation.sends)
            await self._leases.retry_later(claimed, "reconcile", Refused(0, "NEVER_CREATED"))
        else:
            await self._leases.advance(claimed, unsent)


def _oldest_of_ours(rows: list[Observation], nonce: str) -> Observation | None:
    """The oldest live one, else the oldest."""
    mine = [row for row in rows if row.nonce == nonce]
    return _oldest(row for row in mine if not row.status.is_final) or _oldest(mine)


def _oldest(rows: Iterable[Observation]) -> Observation | None:
    """One of unknown age counts as new."""
    return min(rows, key=lambda row: row.created_at or _NEWEST, default=None)


def _looked(onboarding: Onboarding) -> Onboarding:
    return validation_changed(onboarding, lambda it: replace(it, empty_looks=it.empty_looks + 1))
