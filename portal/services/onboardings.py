"""The use cases: start, give details, view, continue, retry, observe, stop."""

from __future__ import annotations

import hashlib
import logging
import secrets
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from portal.domain.errors import RetryRefused
from portal.domain.onboarding import Details, Onboarding, StallReason
from portal.domain.provider_hosts import ProviderHosts
from portal.domain.stage import Stage, stage_of
from portal.domain.standing import Standing, may_continue, standing_of
from portal.domain.timings import Timings
from portal.domain.validation import Observation, Validation
from portal.services.apply_observation import ObservationApplier
from portal.services.keyed_hash import KeyedHash
from portal.services.ports import Clock, LockedOnboarding, Meter, Store
from portal.services.validation_plan import Policy, ValidationPlanner

log = logging.getLogger(__name__)


RETURN_WITHIN = timedelta(days=1)
"""The provider's session id opens the way back for so long after the hosted page was opened, and no longer."""
WATCH_NOTED_EVERY = timedelta(seconds=30)
WATCHED_FOR = timedelta(seconds=90)
"""Longer than the slowest poll."""


class Onboardings:
    def __init__(
        self,
        store: Store,
        *,
        clock: Clock,
        keyed_hash: KeyedHash,
        policy_for: Callable[[Onboarding], Policy],
        provider_hosts: ProviderHosts,
        meter: Meter,
        timings: Timings,
        wake: Callable[[], None] = lambda: None,
    ) -> None:
        """`wake` tells the engine of this process that something fell due."""
        self._store = store
        self._clock = clock
        self._planner = ValidationPlanner(policy_for, keyed_hash)
        self._observations = ObservationApplier(
            clock=clock, keyed_hash=keyed_hash, provider_hosts=provider_hosts, meter=meter, timings=timings
        )
        self._meter = meter
        self._timings = timings
        self._wake = wake
        self._provider_hosts = provider_hosts
        self.policy_for = policy_for

    def start(self, details: Details, *, locale: str, consent_version: str, nonce: str) -> Onboarding:
        """A stored onboarding; the one stored before where the same form is sent with the same details again."""
        now = self._clock()
        fresh = Onboarding(id=_new_id(), locale=locale, created_at=now, updated_at=now)
        wanted = replace(
            self._planner.with_details(fresh, details, consent_version, now), submission=_submission(nonce, details)
        )
        stored = self._store.add(wanted)
        if stored.id == wanted.id:
            self._meter.count("started", country=details.country)
            self._wake()
        return stored

    def give_details(self, onboarding_id: str, details: Details | None, *, consent_version: str) -> Onboarding:
        """The first details of an invited customer, or new ones where gu1 refused the first.

        None for those that the partner gave, which the customer has just agreed to.
        """
        now = self._clock()
        with self._store.locked(onboarding_id) as row:
            onboarding = row.onboarding
            details = details or onboarding.details
            if details is None or onboarding.erased_at or self._stage(onboarding) is not Stage.DETAILS:
                return onboarding
            changed = self._planner.with_details(onboarding, details, consent_version, now)
            row.save(changed)
        self._wake()
        return changed

    def get(self, onboarding_id: str) -> Onboarding:
        return self._store.get(onboarding_id)

    def watch(self, onboarding: Onboarding) -> None:
        """Somebody looks at the page: what they wait for goes first, and is looked at now if nobody did lately."""
        now = self._clock()
        if onboarding.due_at is None or _is_watched(onboarding, now - WATCH_NOTED_EVERY):
            return
        self._store.watch(onboarding.id, now)
        if not _is_watched(onboarding, now - WATCHED_FOR):
            self.look_again(onboarding.id)

    def open_hosted_page(self, onboarding_id: str) -> str | None:
        """The hosted page of the one adopted validation, as stored; None where there is none to open now."""
        now = self._clock()
        with self._store.locked(onboarding_id) as row:
            validation = row.onboarding.validation
            if validation is None or row.onboarding.erased_at or not may_continue(row.onboarding, now):
                return None
            url = validation.session_url
            if url is None or not self._provider_hosts.allows(url):
                row.save(self._without_url(row.onboarding, validation, now))
                return None
            if validation.shown_at is None:
                self._meter.count("handed_over")
                row.save(self._shown(row.onboarding, validation, now))
            return url

    def _without_url(self, onboarding: Onboarding, validation: Validation, now: datetime) -> Onboarding:
        """The operator has become stricter since gu1 gave it."""
        log.error("onboarding %s: its hosted page is outside GU1_PROVIDER_HOSTS by now", onboarding.id)
        changed = replace(validation, session_url=None)
        return replace(onboarding, validation=changed, stall_reason=StallReason.HOSTED_PAGE_REFUSED, updated_at=now)

    def _shown(self, onboarding: Onboarding, validation: Validation, now: datetime) -> Onboarding:
        shown = replace(validation, shown_at=now, refreshes=0)
        usual = now + self._timings.refresh_after(shown)
        due = min(usual, onboarding.due_at or usual)
        return replace(onboarding, validation=shown, due_at=due, updated_at=now)

    def asked_for(self, gu1_id: str) -> Onboarding | None:
        """The onboarding that this validation of gu1's was asked for in; None for what is not ours."""
        return self._store.find_by_validation(gu1_id)

    def came_back(self, session_id: str) -> Onboarding | None:
        """The onboarding of a provider session whose applicant has just come back; looked at again soon."""
        onboarding = self._store.find_by_session(session_id)
        if onboarding is None or not _was_shown_since(onboarding, self._clock() - RETURN_WITHIN):
            return None
        self.look_again(onboarding.id)
        return onboarding

    def retry(self, onboarding_id: str, *, after_attempt: int) -> Onboarding:
        """Opens the next validation on the same entity; sending the same button twice opens one."""
        now = self._clock()
        with self._store.locked(onboarding_id) as row:
            onboarding = row.onboarding
            if onboarding.attempts > after_attempt:
                return onboarding
            if not self.standing(onboarding).may_retry:
                raise RetryRefused
            changed = replace(
                onboarding,
                validation=self._planner.planned(onboarding, onboarding.attempts + 1, now),
                stall_reason=None,
                failures=0,
                due_at=now,
                updated_at=now,
            )
            row.save(changed)
        self._meter.count("retried")
        self._wake()
        return changed

    def stop(self, onboarding_id: str) -> Onboarding:
        """The applicant did not start this: over here at once, at gu1 as soon as the engine gets there."""
        now = self._clock()
        with self._store.locked(onboarding_id) as row:
            onboarding = row.onboarding
            settled = onboarding.validation is not None and onboarding.validation.is_settled
            if onboarding.stopped_at or onboarding.verified_before_at or settled:
                return onboarding
            changed = replace(onboarding, stopped_at=now, details=None, due_at=now, updated_at=now)
            row.save(changed)
        self._meter.count("stopped")
        self._wake()
        return changed

    def adopt(self, seen: Observation) -> bool:
        """Takes gu1's word, known by our nonce, for the answer that has not come yet or never will."""
        if seen.nonce is None:
            return False
        with self._store.locked_by_nonce(seen.nonce) as row:
            validation = row.onboarding.validation if row else None
            if row is None or validation is None:
                return False
            is_twin = validation.gu1_id not in (None, seen.gu1_id)
            if is_twin and seen.status.is_final:
                return False
            row.save(
                self._to_sweep(row.onboarding) if is_twin else self._observations.apply_unasked(row.onboarding, seen)
            )
        self._wake()
        return not is_twin

    def _to_sweep(self, onboarding: Onboarding) -> Onboarding:
        now = self._clock()
        return replace(onboarding, sweep_at=now, due_at=now)

    def observe(self, seen: Observation) -> bool:
        """Applies what gu1 said; False where the validation is not a current one of ours."""
        with self._store.locked_by_validation(seen.gu1_id) as row:
            if row is None:
                return False
            row.save(self._observations.apply_unasked(row.onboarding, seen))
        return True

    def apply_observation(self, onboarding: Onboarding, seen: Observation) -> Onboarding:
        return self._observations.apply(onboarding, seen)

    def look_again(self, onboarding_id: str) -> None:
        """Something hinted at news: the engine reads gu1 now instead of later."""
        with self._store.locked(onboarding_id) as row:
            self._make_due(row)
        self._wake()

    def look_again_at(self, gu1_id: str) -> bool:
        with self._store.locked_by_validation(gu1_id) as row:
            if row is None:
                return False
            self._make_due(row)
        self._wake()
        return True

    def standing(self, onboarding: Onboarding) -> Standing:
        return standing_of(onboarding, max_attempts=self.policy_for(onboarding).max_attempts, now=self._clock())

    def _stage(self, onboarding: Onboarding) -> Stage:
        return stage_of(onboarding, max_attempts=self.policy_for(onboarding).max_attempts)

    def _make_due(self, row: LockedOnboarding) -> None:
        # A hint is about news of a validation; what gu1 could not do a moment ago keeps its pause.
        if row.onboarding.due_at is not None and row.onboarding.failures == 0:
            row.save(replace(row.onboarding, due_at=self._clock()))


def _new_id() -> str:
    return secrets.token_urlsafe(16)


def _is_watched(onboarding: Onboarding, since: datetime) -> bool:
    return onboarding.watched_at is not None and onboarding.watched_at >= since


def _was_shown_since(onboarding: Onboarding, since: datetime) -> bool:
    validation = onboarding.validation
    return validation is not None and validation.shown_at is not None and validation.shown_at >= since


def _submission(nonce: str, details: Details) -> str:
    """One form sent twice unchanged is one wish; corrected in between it is another."""
    facts = (nonce, details.country, details.document_number, details.first_name, details.last_name, details.email)
    return hashlib.sha256(repr(facts).encode()).hexdigest()
