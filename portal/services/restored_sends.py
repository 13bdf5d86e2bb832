"""After the database was restored from a backup: what was sent to gu1 since the backup is unknown here.

So one look at gu1's list comes before the next paid request of each onboarding that began before the restore.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from portal.domain.errors import Malformed
from portal.domain.onboarding import Onboarding
from portal.domain.status import Status
from portal.domain.validation import CLOCKS_APART, CreationState, Observation
from portal.services.gu1_port import Gu1
from portal.services.leases import validation_changed
from portal.services.meter import Meter
from portal.services.ports import Store
from portal.services.reconciliation import Reconciliation, with_metadata
from portal.services.shared_reads import SharedReads

log = logging.getLogger(__name__)

_OLDEST = datetime.min.replace(tzinfo=UTC)


class RestoredSends:
    def __init__(self, store: Store, gu1: Gu1, reconciliation: Reconciliation, *, meter: Meter) -> None:
        self._store = store
        self._gu1 = gu1
        self._reconciliation = reconciliation
        self._meter = meter
        self._restores = SharedReads(self.restores)

    async def restored_at(self, claimed: Onboarding) -> datetime | None:
        """When, if a request may have been sent that is unknown here."""
        return await self._restores.of(claimed)

    def restores(self, claimed: Sequence[Onboarding]) -> list[datetime | None]:
        """`restored_at` of each. Waits for the database."""
        last = self._store.last_restore()
        return [self._restored_at(it, last) for it in claimed]

    @staticmethod
    def _restored_at(claimed: Onboarding, restored_at: datetime | None) -> datetime | None:
        if restored_at is None or claimed.created_at > restored_at:
            return None
        sent_at = claimed.validation.sent_at if claimed.validation else None
        return None if sent_at and sent_at > restored_at else restored_at

    async def find(self, claimed: Onboarding) -> Observation | None:
        """The validation that a forgotten request of this onboarding created. Raises `Gu1Error`."""
        restored_at = await self.restored_at(claimed)
        if restored_at is None or claimed.entity_id is None:
            return None
        listed, is_whole = await self._reconciliation.list_validations(claimed.entity_id)
        known = await asyncio.to_thread(self._store.adopted_ids, [row.gu1_id for row in listed])
        unknown = [row for row in listed if row.gu1_id not in known]
        rows = await with_metadata(self._gu1, unknown, since=claimed.created_at)
        left = await asyncio.to_thread(self._store.closed_nonces, claimed.id)
        own = [row for row in rows if row.onboarding_id == claimed.id and row.nonce and row.nonce not in left]
        found = _newest(own) or await self._match_by_time(claimed, restored_at, rows)
        if found is None and not is_whole:
            raise Malformed("the validation may be among the rows that cannot be read")
        if found:
            log.warning("onboarding %s: adopted a validation from before the restore", claimed.id)
            self._meter.count("reconciled", outcome="restored")
        return found

    async def _match_by_time(
        self, claimed: Onboarding, restored_at: datetime, rows: list[Observation]
    ) -> Observation | None:
        """If gu1 shows no metadata. A finished one only if nobody but this person can have finished it."""
        is_theirs = claimed.entity_is_own or not claimed.is_self_started
        bare = [
            row
            for row in rows
            if not row.has_metadata
            and (is_theirs or not row.status.is_final)
            and row.created_at is not None
            and claimed.created_at - CLOCKS_APART <= row.created_at <= restored_at + CLOCKS_APART
        ]
        if not bare or await asyncio.to_thread(self._store.is_shared_with_unanswered, claimed):
            return None
        return _newest(bare)


def as_sent(onboarding: Onboarding, found: Observation, now: datetime) -> Onboarding:
    """As if the request that created `found` was just sent, and its hosted page opened if it went on since."""
    return validation_changed(
        onboarding,
        lambda it: replace(
            it,
            nonce=found.nonce or it.nonce,
            creation_state=CreationState.SENT,
            sends=max(it.sends, 1),
            sent_at=now,
            opened_at=it.opened_at or (None if found.status is Status.PENDING else found.created_at or now),
        ),
    )


def _newest(rows: Iterable[Observation]) -> Observation | None:
    return max(rows, key=lambda row: row.created_at or _OLDEST, default=None)
