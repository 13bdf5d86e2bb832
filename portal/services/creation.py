"""The steps up to an adopted validation: the entity, the paid request, and what to do when its answer is lost."""

from __future__ import annotations

import logging
from collections.abc import Awaitable
from dataclasses import replace
from datetime import timedelta

from portal.domain.errors import LostClaim, Malformed, NotSent, OutcomeUnknown, Refused, Unavailable
from portal.domain.onboarding import Details, Onboarding
from portal.domain.validation import CLOCKS_APART, DoubleCheck, Observation, Sending, Validation
from portal.services.claims import Claims, unsent, validation_changed
from portal.services.onboardings import Onboardings
from portal.services.pace import Pace
from portal.services.ports import Gu1, Meter

log = logging.getLogger(__name__)

MAX_SENDS = 3
"""How often one validation is asked for, if gu1 never shows that it has it."""
LOOKS_BEFORE_RESEND = 2
DUPLICATE = 409


class Creation:
    def __init__(self, gu1: Gu1, claims: Claims, onboardings: Onboardings, *, pace: Pace, meter: Meter) -> None:
        self._gu1 = gu1
        self._claims = claims
        self._onboardings = onboardings
        self._pace = pace
        self._meter = meter

    async def create_entity(self, claimed: Onboarding) -> None:
        entity_id = await self._known_entity(claimed) or await self._new_entity(claimed)
        await self._claims.get_on(claimed, lambda fresh: replace(fresh, entity_id=entity_id, details=None))

    async def _known_entity(self, claimed: Onboarding) -> str | None:
        """What an earlier try created unheard, and what gu1 would make a second one of on its older pages."""
        if claimed.external_id or claimed.fence > 1:
            earlier = await _unless_refused(self._gu1.find_entity(claimed.gu1_external_id))
            if earlier:
                return earlier
        return await self._same_person(_details(claimed))

    async def _same_person(self, details: Details) -> str | None:
        return await _unless_refused(self._gu1.find_entity_by_tax_id(details.country, details.document_number))

    async def _new_entity(self, claimed: Onboarding) -> str:
        details = _details(claimed)
        try:
            return await self._gu1.create_entity(details, claimed.gu1_external_id)
        except Refused as refused:
            # A duplicate is no news for the applicant: from here on both ways are the same.
            existing = refused.entity_id
            if existing is None and refused.http_status == DUPLICATE:
                existing = await self._same_person(details)
            if existing is None:
                raise
            return existing

    async def create_validation(self, claimed: Onboarding) -> None:
        sent = await self._claims.save(claimed, self._sent)
        validation = sent.validation
        if validation is None or sent.entity_id is None:
            raise LostClaim
        try:
            seen = await self._gu1.create_validation(
                sent.entity_id,
                double_check=validation.double_check is not DoubleCheck.NOT_ASKED,
                metadata={"onboarding": sent.id, "validation": validation.number, "nonce": validation.nonce},
            )
        except OutcomeUnknown as unknown:
            await self._await_outcome(claimed, unknown)
        except (NotSent, Unavailable, Refused) as error:
            await self._claims.put_off(claimed, "create_validation", error, also=_never_done)
        else:
            await self._claims.finish(claimed, lambda fresh: self._onboardings.observed(fresh, seen))

    def _sent(self, onboarding: Onboarding) -> Onboarding:
        validation = onboarding.validation
        # Stopped, or adopted by a webhook, since it was claimed.
        if onboarding.stopped_at or validation is None or validation.sending is not Sending.PLANNED:
            raise LostClaim
        sent = replace(
            validation, sending=Sending.SENT, sends=validation.sends + 1, sent_at=self._claims.now(), empty_looks=0
        )
        return replace(onboarding, validation=sent)

    async def _await_outcome(self, claimed: Onboarding, unknown: OutcomeUnknown) -> None:
        log.warning("onboarding %s: outcome unknown: %s", claimed.id, unknown)
        self._meter.count("outcome_unknown")

        def change(fresh: Onboarding) -> Onboarding:
            return fresh if _is_adopted(fresh) else replace(fresh, due_at=due, failures=fresh.failures + 1)

        due = self._claims.now() + timedelta(seconds=self._pace.quiet)
        await self._claims.finish(claimed, change)

    async def reconcile(self, claimed: Onboarding) -> None:
        """Looks for what a lost answer may have created, before anything is created again."""
        validation = claimed.validation
        if validation is None or claimed.entity_id is None or validation.sent_at is None:
            raise Refused(0, "ENTITY_MISSING")
        # Also where a hint made it due before the next look was.
        quiet = self._pace.quiet + validation.empty_looks * self._pace.look_again
        believable = validation.sent_at + timedelta(seconds=quiet)
        if self._claims.now() < believable:
            await self._claims.rest_until(claimed, believable)
            return
        listed, is_whole = await self._gu1.list_validations(claimed.entity_id)
        found = await self._find_created(listed, validation)
        if found:
            self._meter.count("reconciled", outcome="adopted")
            await self._claims.finish(claimed, lambda fresh: self._onboardings.observed(fresh, found))
        elif not is_whole:
            raise Malformed("what was asked for may be among the rows that cannot be read")
        else:
            await self._not_found(claimed, validation)

    async def _find_created(self, listed: list[Observation], validation: Validation) -> Observation | None:
        """The oldest live validation that carries our nonce, else the oldest of them.

        Where gu1 shows no metadata nothing is guessed: on a shared entity it could be another person's.
        Asking again is safe, since nobody is ever shown a validation that was not adopted.
        """
        rows = [await self._with_nonce(row, validation) for row in listed]
        mine = [row for row in rows if row.nonce == validation.nonce]
        live = [row for row in mine if not row.status.is_final]
        return min(live or mine, key=lambda row: row.created_at or self._claims.now(), default=None)

    async def _with_nonce(self, row: Observation, validation: Validation) -> Observation:
        """The row itself, or the full read where gu1's list leaves the metadata out."""
        if row.nonce is not None or not _was_created_since(row, validation):
            return row
        return await self._gu1.read_validation(row.gu1_id)

    async def _not_found(self, claimed: Onboarding, validation: Validation) -> None:
        if validation.empty_looks + 1 < LOOKS_BEFORE_RESEND:
            again = self._claims.now() + timedelta(seconds=self._pace.look_again)
            await self._claims.rest_until(claimed, again, _looked)
            return
        self._meter.count("reconciled", outcome="absent")
        if claimed.stopped_at:
            await self._claims.rest_until(claimed, None, unsent)
        elif validation.sends >= MAX_SENDS:
            log.error("onboarding %s: gu1 shows none of %d validations asked for", claimed.id, validation.sends)
            await self._claims.put_off(claimed, "reconcile", Refused(0, "NEVER_CREATED"))
        else:
            await self._claims.get_on(claimed, unsent)


def _details(claimed: Onboarding) -> Details:
    if claimed.details is None:
        raise Refused(0, "DETAILS_MISSING")
    return claimed.details


async def _unless_refused(found: Awaitable[str | None]) -> str | None:
    """A key may create without being allowed to search."""
    try:
        return await found
    except Refused:
        return None


def _was_created_since(row: Observation, validation: Validation) -> bool:
    """Also where gu1 does not say when."""
    if row.created_at is None or validation.sent_at is None:
        return True
    return row.created_at >= validation.sent_at - CLOCKS_APART


def _looked(onboarding: Onboarding) -> Onboarding:
    return validation_changed(onboarding, lambda it: replace(it, empty_looks=it.empty_looks + 1))


def _never_done(onboarding: Onboarding) -> Onboarding:
    """gu1 surely did nothing, so this sending does not count."""
    if _is_adopted(onboarding):
        return onboarding
    return validation_changed(unsent(onboarding), lambda it: replace(it, sends=it.sends - 1))


def _is_adopted(onboarding: Onboarding) -> bool:
    return onboarding.validation is not None and onboarding.validation.sending is Sending.ADOPTED
