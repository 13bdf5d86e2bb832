"""The step that puts gu1's record right after the document number was given once more."""

from __future__ import annotations

import logging
from dataclasses import replace

from portal.domain.errors import Refused
from portal.domain.existing_entity import ExistingEntity
from portal.domain.onboarding import Details, Onboarding, StallReason
from portal.domain.validation import Observation
from portal.services.gu1_port import Gu1
from portal.services.leases import Leases
from portal.services.meter import Meter
from portal.services.onboardings import Onboardings

log = logging.getLogger(__name__)

_KEEPS_NUMBER = {400, 404, 405, 409, 422}
"""Answers that mean gu1 does not change the number; other refusals concern our key or plan."""

_NOT_FOUND = 404


class CorrectionStep:
    """Nothing in here is paid, and each call may be repeated, so a lost answer or a crash only repeats the step."""

    def __init__(self, gu1: Gu1, leases: Leases, onboardings: Onboardings, *, meter: Meter) -> None:
        self._gu1 = gu1
        self._leases = leases
        self._onboardings = onboardings
        self._meter = meter

    async def correct(self, claimed: Onboarding) -> None:
        details, entity_id = claimed.details, claimed.entity_id
        if details is None or entity_id is None:
            raise Refused(0, "DETAILS_MISSING")
        is_accepted = await self._asked_for_change(entity_id, details)
        record = await self._record(entity_id)
        # Only what gu1 shows decides: it may refuse, ignore the number, or have changed it before its answer was lost.
        if record and (record.has_number(details.document_number) if record.number else is_accepted):
            await self._count_verdict(claimed, details)
        else:
            await self._replace_record(claimed, details, record)

    async def _asked_for_change(self, entity_id: str, details: Details) -> bool:
        """False if gu1 refused."""
        try:
            await self._gu1.change_tax_id(entity_id, details.document_number)
        except Refused as refused:
            if refused.http_status not in _KEEPS_NUMBER:
                raise
            return False
        return True

    async def _record(self, entity_id: str) -> ExistingEntity | None:
        """None if gu1 has no such entity."""
        try:
            return await self._gu1.read_entity(entity_id)
        except Refused as refused:
            if refused.http_status != _NOT_FOUND:
                raise
            return None

    async def _count_verdict(self, claimed: Onboarding, details: Details) -> None:
        seen = await self._newest_news(claimed)
        self._meter.count("corrections", outcome="corrected")

        def change(fresh: Onboarding) -> Onboarding:
            if not fresh.is_correcting:
                return fresh
            corrected = self._onboardings.corrector.with_record_corrected(fresh, details, self._leases.now())
            return self._onboardings.apply_observation(corrected, seen) if seen else corrected

        await self._leases.finish(claimed, change)

    async def _newest_news(self, claimed: Onboarding) -> Observation | None:
        """A held verdict is not read regularly, so gu1 may have changed it meanwhile."""
        gu1_id = claimed.validation.gu1_id if claimed.validation else None
        if gu1_id is None:
            return None
        try:
            return await self._gu1.read_validation(gu1_id)
        except Refused as refused:
            log.warning("onboarding %s: validation not read after a correction: %s", claimed.id, refused)
            return None

    async def _replace_record(self, claimed: Onboarding, details: Details, record: ExistingEntity | None) -> None:
        log.warning("onboarding %s: gu1 does not change an entity's number; a new entity follows", claimed.id)
        whole = _with_names(details, record)
        self._meter.count("corrections", outcome="replaced")

        def change(fresh: Onboarding) -> Onboarding:
            if not fresh.is_correcting:
                return fresh
            renewed = self._onboardings.corrector.with_new_record(fresh, details, self._leases.now())
            if whole:
                return replace(renewed, details=whole)
            # Only the person knows the names, so the form asks for everything once more.
            asked = replace(renewed, details=None, stall_reason=StallReason.DETAILS_REFUSED)
            return replace(asked, due_at=fresh.due_after(None))

        await self._leases.finish(claimed, change)


def _with_names(details: Details, record: ExistingEntity | None) -> Details | None:
    """The names were deleted when gu1 had them, and this record was made of them. None if gu1 does not show them."""
    if details.first_name or details.last_name:
        return details
    if record is None or not (record.first_name or record.last_name):
        return None
    return replace(details, first_name=record.first_name, last_name=record.last_name)
