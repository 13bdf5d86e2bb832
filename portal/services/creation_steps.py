"""The steps up to an adopted validation: create the entity, then send the paid request for a validation."""

from __future__ import annotations

import logging
from collections.abc import Awaitable
from dataclasses import replace
from datetime import timedelta

from portal.domain.errors import LostClaim, NotSent, OutcomeUnknown, Refused, Unavailable
from portal.domain.onboarding import Details, Onboarding, StallReason
from portal.domain.timings import Timings
from portal.domain.validation import CreationState, DoubleCheck
from portal.services.leases import Leases, is_adopted, unsent, validation_changed
from portal.services.onboardings import Onboardings
from portal.services.ports import Gu1, Meter
from portal.services.reconciliation import ENTITY_NOT_FOUND

log = logging.getLogger(__name__)

DUPLICATE = 409

_ENTITY_IS_LOST = frozenset({ENTITY_NOT_FOUND, "INVALID_ENTITY_TYPE"})


class CreationSteps:
    def __init__(self, gu1: Gu1, leases: Leases, onboardings: Onboardings, *, timings: Timings, meter: Meter) -> None:
        self._gu1 = gu1
        self._leases = leases
        self._onboardings = onboardings
        self._timings = timings
        self._meter = meter

    async def create_entity(self, claimed: Onboarding) -> None:
        """And then the validation, in the same claim: entity and intent to send are one write."""
        entity_id = await self._existing_entity(claimed) or await self._new_entity(claimed)

        def change(fresh: Onboarding) -> Onboarding:
            known = replace(fresh, entity_id=entity_id, details=None, stall_reason=None, failures=0)
            return self._sent(known) if _may_send(known) else replace(known, due_at=self._leases.now())

        saved = await self._leases.extend(claimed, change)
        if saved.validation and saved.validation.creation_state is CreationState.SENT:
            await self._send(saved)
        else:
            await self._leases.release(saved)

    async def _existing_entity(self, claimed: Onboarding) -> str | None:
        """An entity that an earlier try created, or that gu1 already has for this document number.

        Older gu1 versions create a second entity instead of refusing the duplicate.
        """
        if claimed.external_id or claimed.fence > 1:
            earlier = await _unless_refused(self._gu1.find_entity(claimed.gu1_external_id))
            if earlier and earlier != claimed.lost_entity_id:
                return earlier
        return await self._entity_by_document(claimed)

    async def _entity_by_document(self, claimed: Onboarding) -> str | None:
        details = _details(claimed)
        found = await _unless_refused(self._gu1.find_entity_by_tax_id(details.country, details.document_number))
        return None if found == claimed.lost_entity_id else found

    async def _new_entity(self, claimed: Onboarding) -> str:
        try:
            return await self._gu1.create_entity(_details(claimed), claimed.gu1_external_id)
        except Refused as refused:
            # A duplicate must look the same to the applicant as a new entity.
            existing = refused.entity_id
            if existing is None and refused.http_status == DUPLICATE:
                existing = await self._entity_by_document(claimed)
            if existing is None or existing == claimed.lost_entity_id:
                raise
            return existing

    async def create_validation(self, claimed: Onboarding) -> None:
        def change(fresh: Onboarding) -> Onboarding:
            if not _may_send(fresh):
                raise LostClaim
            return self._sent(fresh)

        await self._send(await self._leases.save(claimed, change))

    async def _send(self, sent: Onboarding) -> None:
        """The paid request, after it was written down."""
        if self._leases.is_expiring(sent):
            # This process was paused; by the time gu1 answers, another worker could hold the lease.
            too_late = NotSent("the lease is about to expire")
            await self._leases.retry_later(sent, "create_validation", too_late, also=_not_sent)
            return
        validation = sent.validation
        if validation is None or sent.entity_id is None:
            raise LostClaim
        try:
            seen = await self._gu1.create_validation(
                sent.entity_id,
                double_check=validation.double_check is not DoubleCheck.NOT_ASKED,
                integration_code=self._onboardings.policy_for(sent).integration_code,
                metadata={"onboarding": sent.id, "validation": validation.number, "nonce": validation.nonce},
            )
        except OutcomeUnknown as unknown:
            await self._schedule_reconciliation(sent, unknown)
        except Refused as refused:
            if refused.code in _ENTITY_IS_LOST:
                await self._forget_entity(sent, refused)
            else:
                await self._leases.retry_later(sent, "create_validation", refused, also=_not_sent)
        except (NotSent, Unavailable) as error:
            await self._leases.retry_later(sent, "create_validation", error, also=_not_sent)
        else:
            await self._leases.finish(sent, lambda fresh: self._onboardings.apply_observation(fresh, seen))

    def _sent(self, onboarding: Onboarding) -> Onboarding:
        validation = onboarding.validation
        if validation is None:
            raise LostClaim
        now = self._leases.now()
        sent = replace(
            validation, creation_state=CreationState.SENT, sends=validation.sends + 1, sent_at=now, empty_looks=0
        )
        sweep_at = now + timedelta(seconds=self._timings.first_sweep) if sent.sends > 1 else onboarding.sweep_at
        return replace(onboarding, validation=sent, sweep_at=sweep_at)

    async def _forget_entity(self, claimed: Onboarding, refused: Refused) -> None:
        """The details are asked for again, and then the next entity is created.

        No validation of the entity can still be adopted: this request was refused, and those before it were looked
        for at gu1 twice before it was sent.
        """
        log.error("onboarding %s: gu1 has no usable entity %s: %s", claimed.id, claimed.entity_id, refused.code)
        self._meter.count("entities_lost", code=refused.code or "")

        def change(fresh: Onboarding) -> Onboarding:
            unsent_again = _not_sent(fresh)
            validation = unsent_again.validation
            if validation is None or validation.creation_state is not CreationState.PLANNED:
                return unsent_again  # adopted meanwhile
            return replace(
                unsent_again,
                entity_id=None,
                lost_entity_id=claimed.entity_id,
                stall_reason=StallReason.DETAILS_REFUSED,
                failures=0,
                sweep_at=None,  # with the entity its duplicates are gone
                due_at=unsent_again.recheck_at,
                updated_at=self._leases.now(),
            )

        await self._leases.finish(claimed, change)

    async def _schedule_reconciliation(self, claimed: Onboarding, unknown: OutcomeUnknown) -> None:
        log.warning("onboarding %s: create_validation: outcome unknown: %s", claimed.id, unknown)
        self._meter.count("outcome_unknown")

        def change(fresh: Onboarding) -> Onboarding:
            return fresh if is_adopted(fresh) else replace(fresh, due_at=due, failures=fresh.failures + 1)

        due = self._leases.now() + timedelta(seconds=self._timings.reconcile_delay)
        await self._leases.finish(claimed, change)


def _may_send(onboarding: Onboarding) -> bool:
    """False if it was stopped, or adopted through a webhook, since it was claimed."""
    validation = onboarding.validation
    is_planned = validation is not None and validation.creation_state is CreationState.PLANNED
    return is_planned and onboarding.stopped_at is None


def _details(claimed: Onboarding) -> Details:
    if claimed.details is None:
        raise Refused(0, "DETAILS_MISSING")
    return claimed.details


async def _unless_refused(found: Awaitable[str | None]) -> str | None:
    """None if gu1 refuses: an API key may be allowed to create but not to search."""
    try:
        return await found
    except Refused:
        return None


def _not_sent(onboarding: Onboarding) -> Onboarding:
    """gu1 did nothing, so this send does not count."""
    if is_adopted(onboarding):
        return onboarding
    return validation_changed(unsent(onboarding), lambda it: replace(it, sends=it.sends - 1))
