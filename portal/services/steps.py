"""The steps of one onboarding: what comes next, and the saved move that it is."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta

from portal.domain.errors import Gu1Error, LostClaim, NotSent, OutcomeUnknown, Refused, StoreUnavailable, Unavailable
from portal.domain.onboarding import DoubleCheck, Observation, Onboarding, Sending, Trouble, Validation
from portal.services.onboardings import Onboardings
from portal.services.pace import Pace
from portal.services.ports import Clock, Gu1, Meter, Store

log = logging.getLogger(__name__)

Change = Callable[[Onboarding], Onboarding]

MAX_SENDS = 3
"""How often one validation is asked for, if gu1 never shows that it has it."""
LOOKS_BEFORE_RESEND = 2
CLOCKS_APART = timedelta(minutes=5)
STOP_REASON = "Stopped by the applicant"


class Steps:
    def __init__(
        self, store: Store, gu1: Gu1, onboardings: Onboardings, *, clock: Clock, pace: Pace, meter: Meter
    ) -> None:
        self._store = store
        self._gu1 = gu1
        self._onboardings = onboardings
        self._clock = clock
        self._pace = pace
        self._meter = meter

    async def take(self, claimed: Onboarding) -> None:
        step = self._next_step(claimed)
        name = step.__name__.strip("_")
        try:
            await step(claimed)
        except (LostClaim, StoreUnavailable) as error:
            # Whoever holds the claim now, or the next after the lease, goes on from the last write.
            log.warning("onboarding %s: %s gave up: %s", claimed.id, name, type(error).__name__)
        except Gu1Error as error:
            await self._put_off(claimed, name, error)
        except Exception:
            log.exception("onboarding %s: %s failed", claimed.id, name)
            await self._put_off(claimed, name, Unavailable("unexpected"))

    def _next_step(self, onboarding: Onboarding) -> Callable[[Onboarding], Awaitable[None]]:
        validation = onboarding.validation
        if validation is None or onboarding.trouble is Trouble.DETAILS_REFUSED:
            return self._rest
        if validation.sending is Sending.SENT:
            return self._reconcile
        if onboarding.stopped_at:
            return self._cancel if validation.gu1_id and not validation.status.is_final else self._rest
        if onboarding.entity_id is None:
            return self._create_entity
        return self._create_validation if validation.sending is Sending.PLANNED else self._refresh

    async def _rest(self, claimed: Onboarding) -> None:
        await self._finish(claimed, lambda fresh: replace(fresh, due_at=None))

    async def _create_entity(self, claimed: Onboarding) -> None:
        entity_id = await self._earlier_entity(claimed) or await self._new_entity(claimed)
        await self._finish(claimed, lambda fresh: self._getting_on(replace(fresh, entity_id=entity_id, details=None)))

    async def _earlier_entity(self, claimed: Onboarding) -> str | None:
        """What an earlier try created whose answer never arrived."""
        return await self._gu1.find_entity(claimed.id) if claimed.fence > 1 else None

    async def _new_entity(self, claimed: Onboarding) -> str:
        if claimed.details is None:
            raise Refused(0, "DETAILS_MISSING")
        try:
            return await self._gu1.create_entity(claimed.details, claimed.id)
        except Refused as refused:
            # A duplicate is no news for the applicant: from here on both ways are the same.
            if refused.entity_id is None:
                raise
            return refused.entity_id

    async def _create_validation(self, claimed: Onboarding) -> None:
        entity_id = claimed.entity_id
        sent = await self._save(claimed, self._sent)
        validation = sent.validation
        if validation is None or entity_id is None:
            raise LostClaim
        try:
            seen = await self._gu1.create_validation(
                entity_id,
                double_check=validation.double_check is not DoubleCheck.NOT_ASKED,
                metadata={"onboarding": sent.id, "validation": validation.number, "nonce": validation.nonce},
            )
        except OutcomeUnknown as unknown:
            await self._look_later(claimed, self._pace.quiet, unknown)
        except (NotSent, Unavailable, Refused) as error:
            await self._put_off(claimed, "create_validation", error, also=_unsent)
        else:
            await self._finish(claimed, lambda fresh: self._onboardings.observed(fresh, seen))

    def _sent(self, onboarding: Onboarding) -> Onboarding:
        if onboarding.stopped_at:
            raise LostClaim
        return _validation_changed(
            onboarding,
            lambda it: replace(it, sending=Sending.SENT, sends=it.sends + 1, sent_at=self._clock(), empty_looks=0),
        )

    async def _reconcile(self, claimed: Onboarding) -> None:
        """Looks for what a lost answer may have created, before anything is created again."""
        validation = claimed.validation
        if validation is None or claimed.entity_id is None or validation.sent_at is None:
            raise Refused(0, "ENTITY_MISSING")
        early = self._too_early(validation)
        if early:
            await self._look_later(claimed, early, None)
            return
        found = await self._find_created(claimed.entity_id, validation)
        if found:
            self._meter.count("reconciled", outcome="adopted")
            await self._finish(claimed, lambda fresh: self._onboardings.observed(fresh, found))
        elif validation.empty_looks + 1 < LOOKS_BEFORE_RESEND:
            await self._look_later(claimed, self._pace.look_again, None, empty=True)
        else:
            self._meter.count("reconciled", outcome="absent")
            await self._send_again(claimed, validation)

    def _too_early(self, validation: Validation) -> float:
        """Seconds left of the quiet time after a request without an answer; also after a crash."""
        if validation.sent_at is None:
            return 0
        return max(0.0, self._pace.quiet - (self._clock() - validation.sent_at).total_seconds())

    async def _find_created(self, entity_id: str, validation: Validation) -> Observation | None:
        """The oldest live validation that carries our nonce, else the oldest of them."""
        mine = [
            seen
            for row in await self._gu1.list_validations(entity_id)
            if (seen := await self._with_nonce(row, validation)) and seen.nonce == validation.nonce
        ]
        live = [seen for seen in mine if not seen.status.is_final]
        return min(live or mine, key=lambda seen: seen.created_at or self._clock(), default=None)

    async def _with_nonce(self, row: Observation, validation: Validation) -> Observation | None:
        """The row itself, or the full read where gu1's list leaves the metadata out."""
        sent_at = validation.sent_at
        if row.nonce is not None or (row.created_at and sent_at and row.created_at < sent_at - CLOCKS_APART):
            return row
        return await self._gu1.read_validation(row.gu1_id)

    async def _send_again(self, claimed: Onboarding, validation: Validation) -> None:
        if validation.sends >= MAX_SENDS:
            log.error("onboarding %s: gu1 shows none of %d validations asked for", claimed.id, validation.sends)
            await self._put_off(claimed, "reconcile", Refused(0, "NEVER_CREATED"))
            return
        await self._finish(claimed, lambda fresh: self._getting_on(_unsent(fresh)))

    async def _refresh(self, claimed: Onboarding) -> None:
        validation = claimed.validation
        if validation is None or validation.gu1_id is None:
            raise Refused(0, "VALIDATION_MISSING")
        seen = await self._gu1.read_validation(validation.gu1_id)
        await self._finish(claimed, lambda fresh: self._onboardings.observed(fresh, seen))

    async def _cancel(self, claimed: Onboarding) -> None:
        validation = claimed.validation
        if validation is None or validation.gu1_id is None:
            raise Refused(0, "VALIDATION_MISSING")
        try:
            await self._gu1.cancel_validation(validation.gu1_id, STOP_REASON)
        except Refused:
            log.warning("onboarding %s: gu1 would not cancel the validation any more", claimed.id)
        await self._finish(claimed, lambda fresh: replace(fresh, due_at=None, trouble=None, failures=0))

    def _getting_on(self, onboarding: Onboarding) -> Onboarding:
        return replace(onboarding, trouble=None, failures=0, due_at=self._clock())

    async def _look_later(
        self, claimed: Onboarding, seconds: float, error: Gu1Error | None, *, empty: bool = False
    ) -> None:
        if error:
            log.warning("onboarding %s: outcome unknown: %s", claimed.id, error)
            self._meter.count("outcome_unknown")
        due = self._clock() + timedelta(seconds=seconds)

        def change(fresh: Onboarding) -> Onboarding:
            looked = _validation_changed(fresh, lambda it: replace(it, empty_looks=it.empty_looks + empty))
            return replace(looked, due_at=due, failures=fresh.failures + bool(error))

        await self._finish(claimed, change)

    async def _put_off(self, claimed: Onboarding, step: str, error: Gu1Error, *, also: Change = lambda it: it) -> None:
        """Nothing came of it this time: try again later, and let the applicant know where it lasts."""
        trouble = _trouble(step, error)
        level = logging.ERROR if trouble is Trouble.REFUSED else logging.WARNING
        log.log(level, "onboarding %s: %s put off: %s: %s", claimed.id, step, type(error).__name__, error)
        self._meter.count("put_off", step=step, trouble=trouble)

        def change(fresh: Onboarding) -> Onboarding:
            failures = fresh.failures + 1
            due = None if trouble is Trouble.DETAILS_REFUSED else self._clock() + self._wait(failures, error)
            now = self._clock() if trouble is not fresh.trouble else fresh.updated_at
            return replace(also(fresh), failures=failures, trouble=trouble, due_at=due, updated_at=now)

        try:
            await self._finish(claimed, change)
        except (LostClaim, StoreUnavailable) as lost:
            log.warning("onboarding %s: %s could not be put off: %s", claimed.id, step, type(lost).__name__)

    def _wait(self, failures: int, error: Gu1Error) -> timedelta:
        if isinstance(error, Refused):
            return timedelta(seconds=self._pace.refused_backoff)
        return self._pace.backoff(failures, getattr(error, "retry_after", None))

    async def _finish(self, claimed: Onboarding, change: Change) -> None:
        """Writes the outcome and gives the claim back."""

        def settle(fresh: Onboarding) -> Onboarding:
            changed = change(fresh)
            # Somebody hinted at news while we were at work: look again now, not by the old plan.
            hinted = fresh.due_at is not None and fresh.due_at != claimed.due_at
            due = min(filter(None, (changed.due_at, fresh.due_at))) if hinted else changed.due_at
            return replace(changed, due_at=due, lease_until=None)

        await self._save(claimed, settle)

    async def _save(self, claimed: Onboarding, change: Change) -> Onboarding:
        return await asyncio.to_thread(self._fenced, claimed, change)

    def _fenced(self, claimed: Onboarding, change: Change) -> Onboarding:
        with self._store.locked(claimed.id) as row:
            if row.onboarding.fence != claimed.fence:
                raise LostClaim
            changed = change(row.onboarding)
            row.save(changed)
        return changed


def _validation_changed(onboarding: Onboarding, change: Callable[[Validation], Validation]) -> Onboarding:
    validation = onboarding.validation
    return replace(onboarding, validation=change(validation)) if validation else onboarding


def _unsent(onboarding: Onboarding) -> Onboarding:
    return _validation_changed(onboarding, lambda it: replace(it, sending=Sending.PLANNED, empty_looks=0))


def _trouble(step: str, error: Gu1Error) -> Trouble:
    if not isinstance(error, Refused):
        return Trouble.UNAVAILABLE
    if step == "create_entity" and error.http_status in {400, 422}:
        return Trouble.DETAILS_REFUSED
    return Trouble.REFUSED
