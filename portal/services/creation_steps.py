"""The steps up to an adopted validation: create the entity, then send the paid request for a validation."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import NamedTuple

from portal.domain.errors import Gu1Error, LostClaim, NotSent, OutcomeUnknown, Refused, Unavailable
from portal.domain.existing_entity import conflict_between
from portal.domain.onboarding import Details, EntityConflict, Onboarding, StallReason
from portal.domain.timings import LONGEST_WAIT, Timings
from portal.domain.validation import CreationState, DoubleCheck, Observation
from portal.services.customer_entities import CustomerEntities
from portal.services.equal_times import EqualTimes
from portal.services.gu1_port import Gu1
from portal.services.leases import Leases, is_adopted, planned_again, validation_changed
from portal.services.meter import Meter
from portal.services.onboardings import Onboardings
from portal.services.reconciliation import ENTITY_NOT_FOUND
from portal.services.restored_sends import RestoredSends, as_sent
from portal.services.shared_reads import SharedReads

log = logging.getLogger(__name__)

DUPLICATE = 409

_ENTITY_IS_LOST = frozenset({ENTITY_NOT_FOUND, "INVALID_ENTITY_TYPE"})


class _Entity(NamedTuple):
    id: str
    is_own: bool
    """Created by this onboarding."""


class _AnothersEntity(Exception):
    def __init__(self, conflict: EntityConflict) -> None:
        super().__init__(conflict)
        self.conflict = conflict


class CreationSteps:
    def __init__(
        self,
        gu1: Gu1,
        leases: Leases,
        onboardings: Onboardings,
        customer_entities: CustomerEntities,
        restored_sends: RestoredSends,
        *,
        timings: Timings,
        meter: Meter,
    ) -> None:
        self._equal_times = EqualTimes()
        self._attempts_and_restores = SharedReads(self._read_attempts_and_restores)
        self._gu1 = gu1
        self._customer_entities = customer_entities
        self._restored_sends = restored_sends
        self._leases = leases
        self._onboardings = onboardings
        self._timings = timings
        self._meter = meter

    async def create_entity(self, claimed: Onboarding) -> None:
        """And then the validation, in the same claim: entity and intent to send are one write."""
        try:
            entity = await self._own_entity(claimed) or await self._by_number(claimed)
        except _AnothersEntity as found:
            await self._ask_for_other_details(claimed, found.conflict)
            return

        def with_entity(fresh: Onboarding) -> Onboarding:
            return replace(fresh, entity_id=entity.id, entity_is_own=entity.is_own, details=None)

        counted, restored_at = await self._attempts_and_restores.of(claimed)
        if self._onboardings.held_back_until(counted):
            await self._leases.advance(claimed, with_entity)
            return

        def change(fresh: Onboarding) -> Onboarding:
            after = replace(with_entity(fresh), stall_reason=None, failures=0)
            if _may_send(after) and restored_at is None:
                return self._sent(_with_attempts_of(counted, after))
            return after  # it is due still, so it keeps its place in the queue

        saved = await self._leases.extend(claimed, change)
        if saved.validation and saved.validation.creation_state is CreationState.SENT:
            await self._send(saved)
        else:
            await self._leases.release(saved)

    def _read_attempts_and_restores(self, claimed: Sequence[Onboarding]) -> list[tuple[Onboarding, datetime | None]]:
        return list(zip(self._onboardings.with_attempts(claimed), self._restored_sends.restores(claimed), strict=True))

    async def _own_entity(self, claimed: Onboarding) -> _Entity | None:
        """An entity under this onboarding's external id: its partner's, or one that an earlier try created."""
        may_have_one = claimed.external_id or claimed.fence > 1
        if not may_have_one and not await self._restored_sends.restored_at(claimed):
            return None
        earlier = await _unless_refused(self._customer_entities.find(claimed))
        if earlier is None or earlier == claimed.lost_entity_id:
            return None
        # A partner's id of its customer may be older than this onboarding; our own id is not.
        return _Entity(earlier, is_own=claimed.has_own_external_id)

    async def _by_number(self, claimed: Onboarding) -> _Entity:
        """An existing or a new one, and whoever waits at the page cannot tell which."""
        began = self._equal_times.monotonic()
        entity = await self._taken_over(claimed) or await self._new_entity(claimed)
        await self._equal_times.hold(began, was_known=not entity.is_own)
        return entity

    async def _taken_over(self, claimed: Onboarding) -> _Entity | None:
        """An entity that gu1 already has for the number. Raises `_AnothersEntity` if it is somebody else's.

        Looked for first: older gu1 versions create a second entity instead of refusing the duplicate.
        """
        found = await self._entity_by_number(claimed)
        return await self._checked(claimed, found) if found else None

    async def _entity_by_number(self, claimed: Onboarding) -> str | None:
        details = _details(claimed)
        found = await _unless_refused(self._gu1.find_entity_by_tax_id(details.country, details.document_number))
        return None if found == claimed.lost_entity_id else found

    async def _new_entity(self, claimed: Onboarding) -> _Entity:
        try:
            created = await self._gu1.create_entity(_details(claimed), claimed.gu1_external_id)
        except Refused as refused:
            # A duplicate of the same person must look the same to the applicant as a new entity.
            existing = refused.entity_id
            if existing is None and refused.http_status == DUPLICATE:
                existing = await self._entity_by_number(claimed)
            if existing is None or existing == claimed.lost_entity_id:
                raise
            return await self._checked(claimed, existing)
        return _Entity(created, is_own=True)

    async def _checked(self, claimed: Onboarding, entity_id: str) -> _Entity:
        """Numbers of different countries can be equal, and old Argentine ones are shared by two people."""
        try:
            entity = await self._gu1.read_entity(entity_id)
        except Refused as refused:
            raise Refused(refused.http_status, refused.code) from refused  # it says nothing about the details
        conflict = conflict_between(_details(claimed), entity)
        if conflict:
            raise _AnothersEntity(conflict)
        return _Entity(entity_id, is_own=False)

    async def _ask_for_other_details(self, claimed: Onboarding, conflict: EntityConflict) -> None:
        def change(fresh: Onboarding) -> Onboarding:
            return replace(
                fresh,
                stall_reason=StallReason.DETAILS_REFUSED,
                entity_conflict=conflict,
                failures=0,
                due_at=fresh.due_after(None),
                updated_at=self._leases.now(),
            )

        await self._leases.finish(claimed, change)
        level = logging.ERROR if conflict is EntityConflict.ANOTHER_PERSON else logging.WARNING
        log.log(level, "onboarding %s: gu1 has another person's entity for the number: %s", claimed.id, conflict)
        self._meter.count("entity_conflicts", kind=conflict)

    async def create_validation(self, claimed: Onboarding) -> None:
        counted, _ = await self._attempts_and_restores.of(claimed)
        opens_at = self._onboardings.held_back_until(counted)
        if opens_at:
            await self._hold_back(claimed, counted, opens_at)
            return
        found = await self._restored_sends.find(claimed)
        if found:
            await self._leases.finish(claimed, lambda fresh: self._adopted(fresh, found))
            return

        def change(fresh: Onboarding) -> Onboarding:
            if not _may_send(fresh):
                raise LostClaim
            return self._sent(_with_attempts_of(counted, fresh))

        await self._send(await self._leases.save(claimed, change))

    def _adopted(self, fresh: Onboarding, found: Observation) -> Onboarding:
        if not is_adopted(fresh):
            fresh = as_sent(fresh, found, self._leases.now())
        return self._onboardings.apply_observation(fresh, found)

    async def _send(self, sent: Onboarding) -> None:
        """The paid request, after it was written down."""
        if self._leases.is_expiring(sent):
            # This process was paused; by the time gu1 answers, another worker could hold the lease.
            too_late = NotSent("the lease is about to expire")
            await self._leases.retry_later(sent, "create_validation", too_late, also=_with_send_taken_back)
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
                await self._leases.retry_later(sent, "create_validation", refused, also=_with_send_taken_back)
        except (NotSent, Unavailable) as error:
            await self._leases.retry_later(sent, "create_validation", error, also=_with_send_taken_back)
        else:
            await self._adopt(sent, seen)

    async def _adopt(self, sent: Onboarding, seen: Observation) -> None:
        """If gu1's answer has no hosted page, a read shows it: whoever began is finished before others begin."""
        if seen.session_url:
            await self._leases.finish(sent, lambda fresh: self._onboardings.apply_observation(fresh, seen))
            return
        adopted = await self._leases.extend(sent, lambda fresh: self._onboardings.apply_observation(fresh, seen))
        try:
            read = await self._gu1.read_validation(seen.gu1_id)
        except Gu1Error:
            await self._leases.release(adopted)  # the next refresh follows anyway
        else:
            await self._leases.finish(adopted, lambda fresh: self._onboardings.apply_observation(fresh, read))

    async def _hold_back(self, claimed: Onboarding, counted: Onboarding, opens_at: datetime) -> None:
        now = self._leases.now()
        is_news = counted.earlier_attempts != claimed.earlier_attempts
        if is_news:
            self._meter.count("held_back")
        await self._leases.sleep_until(
            claimed,
            min(opens_at, now + LONGEST_WAIT),
            lambda fresh: replace(_with_attempts_of(counted, fresh), updated_at=now if is_news else fresh.updated_at),
        )

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
            again = _with_send_taken_back(fresh)
            validation = again.validation
            if validation is None or validation.creation_state is not CreationState.PLANNED:
                return again  # adopted meanwhile
            return replace(
                again.with_new_external_id,
                entity_id=None,
                entity_is_own=False,
                lost_entity_id=claimed.entity_id,
                stall_reason=StallReason.DETAILS_REFUSED,
                failures=0,
                sweep_at=None,  # with the entity its duplicates are gone
                due_at=again.recheck_at,
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
    """False if it was stopped, lapsed, or was adopted through a webhook, since it was claimed."""
    return onboarding.is_planned and onboarding.stopped_at is None and onboarding.lapsed_at is None


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


def _with_attempts_of(counted: Onboarding, fresh: Onboarding) -> Onboarding:
    return replace(fresh, person=counted.person, earlier_attempts=counted.earlier_attempts)


def _with_send_taken_back(onboarding: Onboarding) -> Onboarding:
    """gu1 did nothing, so this send does not count."""
    if is_adopted(onboarding):
        return onboarding
    return validation_changed(planned_again(onboarding), lambda it: replace(it, sends=it.sends - 1))
