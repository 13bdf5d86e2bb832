"""The use cases of an applicant: start, give details, view, continue, retry, stop; and gu1's observations."""

from __future__ import annotations

import hashlib
import logging
import secrets
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from portal.domain.errors import CorrectionRefused, RetryRefused
from portal.domain.onboarding import ConsentText, Details, Onboarding, StallReason
from portal.domain.provider_hosts import ProviderHosts
from portal.domain.renaper_patience import DEFAULT_PATIENCE, RenaperPatience
from portal.domain.sealed import SealedText, SealedValue
from portal.domain.stage import Stage
from portal.domain.standing import Standing, may_continue, standing_of, stopped
from portal.domain.timings import Timings
from portal.domain.validation import Observation, Validation
from portal.services.apply_observation import ObservationApplier
from portal.services.identity import IdentityComparison
from portal.services.meter import Meter
from portal.services.number_correction import NumberCorrector
from portal.services.partners_page import PartnersPage
from portal.services.person_attempts import PersonAttempts
from portal.services.ports import Clock, LockedOnboarding, PollState, Store
from portal.services.refresh_plan import RefreshPlan
from portal.services.start_counters import StartCounters
from portal.services.validation_plan import Policy, ValidationPlanner
from portal.services.view_recorder import ViewRecorder
from portal.services.webhook_trust import NO_TRUST, NoWebhookTrust

log = logging.getLogger(__name__)

RETURN_WITHIN = timedelta(days=1)
"""How long after the hosted page was opened the provider's session id identifies the onboarding."""


class Onboardings:
    def __init__(
        self,
        store: Store,
        *,
        clock: Clock,
        identity: IdentityComparison,
        policy_for: Callable[[Onboarding], Policy],
        provider_hosts: ProviderHosts,
        meter: Meter,
        timings: Timings,
        counters: StartCounters,
        renaper_patience: RenaperPatience = DEFAULT_PATIENCE,
        webhook_trust: NoWebhookTrust = NO_TRUST,
        wake: Callable[[], None] = lambda: None,
    ) -> None:
        """`wake` wakes this process's runner when an onboarding becomes due."""
        self._store = store
        self._clock = clock
        self._counters = counters
        self._planner = ValidationPlanner(policy_for, identity)
        self._attempts = PersonAttempts(identity.number_hash, policy_for, clock)
        self.corrector = NumberCorrector(self._planner, identity)
        self.refresh_plan = RefreshPlan(timings, webhook_trust)
        self._observations = ObservationApplier(
            clock=clock,
            identity=identity,
            provider_hosts=provider_hosts,
            meter=meter,
            refresh_plan=self.refresh_plan,
            renaper_patience=renaper_patience,
        )
        self._meter = meter
        self._wake = wake
        self._provider_hosts = provider_hosts
        self.policy_for = policy_for
        self.views = ViewRecorder(
            store, self.refresh_plan, clock=clock, wake=wake, request_refresh=self.request_refresh
        )

    def start(
        self,
        details: Details,
        *,
        locale: str,
        consent: ConsentText,
        nonce: str,
        address: str | None = None,
        effort: int = 0,
        page: PartnersPage | None = None,
    ) -> Onboarding:
        """The stored onboarding; the same one if the same form is sent again with the same details.

        `address`: where the form was sent from; `effort`: what was done to exceed a limit, see `StartCounter`. Raises
        `LimitReached`, also if the same form is sent again with other details.
        """
        now = self._clock()
        fresh = Onboarding(id=secrets.token_urlsafe(16), locale=locale, created_at=now, updated_at=now)
        if page:
            fresh = page.owns(fresh)
        fresh = replace(
            self._planner.with_details(fresh, details, consent, now), submission=_submission(nonce, details)
        )
        stored = self._store.add(fresh, self._counters.of_form(nonce, details, address, effort, page))
        if stored.id == fresh.id:
            self._meter.count("started", country=details.country)
            self._wake()
        return stored

    def give_details(
        self, onboarding_id: str, details: Details | None, *, consent: ConsentText, address: str | None = None
    ) -> Onboarding:
        """The first details of a partner's customer, or new ones if gu1 refused the first.

        `details`: None for those given by the partner, to which the customer has just agreed. `address`: where the
        customer sent them from.
        """
        now = self._clock()
        with self._store.locked(onboarding_id) as row:
            onboarding = row.onboarding
            details = details or onboarding.details
            if details is None or onboarding.erased_at or self.standing(onboarding).stage is not Stage.DETAILS:
                return onboarding
            changed = self._planner.with_details(onboarding, details, consent, now)
            row.save(replace(changed, earlier_starts=row.count_start(self._counters.of_source(address), now)))
        self._wake()
        return row.onboarding

    def correct_number(
        self, onboarding_id: str, number: str, *, first_name: str = "", last_name: str = ""
    ) -> Onboarding:
        """The applicant gives the document number once more. Raises `CorrectionRefused` if that is not possible (now).

        The names are needed unless gu1's record is the onboarding's own.
        """
        now = self._clock()
        with self._store.locked(onboarding_id) as row:
            onboarding = row.onboarding
            if not self.standing(onboarding).may_correct_number:
                raise CorrectionRefused
            details = Details(onboarding.country or "", number, first_name, last_name)
            corrected = self.corrector.given_again(onboarding, details, now)
            row.save(corrected)
        self._meter.count("corrections", outcome=corrected.correction or "")
        self._wake()
        return row.onboarding

    def get(self, onboarding_id: str) -> Onboarding:
        return self._store.get(onboarding_id)

    def poll_state(self, onboarding_id: str) -> PollState:
        return self._store.poll_state(onboarding_id)

    def open_hosted_page(self, onboarding_id: str) -> str | None:
        """The stored address of the adopted validation's hosted page; None if there is none to open now."""
        now = self._clock()
        with self._store.locked(onboarding_id) as row:
            validation = row.onboarding.validation
            if validation is None or row.onboarding.erased_at or not may_continue(row.onboarding, now):
                return None
            if isinstance(validation.session_url, SealedText):
                raise SealedValue
            url = self._provider_hosts.allowed(validation.session_url or "")
            if url is None:
                row.save(self._without_url(row.onboarding, validation, now))
                return None
            if validation.opened_at is None:
                return url if self._opens(row, validation, now) else None
            if validation.returned_at:
                row.save(replace(row.onboarding, validation=replace(validation, returned_at=None), updated_at=now))
            return url

    def _opens(self, row: LockedOnboarding, validation: Validation, now: datetime) -> bool:
        """Opens the hosted page for the first time; False if the person has no attempts left."""
        counted = self._attempts.counted(row.onboarding, row.find_attempts)
        if self._attempts.held_back_until(counted):
            self._meter.count("held_back")
            row.save(replace(counted, updated_at=now))
            return False
        self._meter.count("hosted_pages_opened")
        row.save(self.refresh_plan.opened(counted, replace(validation, opened_at=now, refreshes=0), now))
        return True

    def _without_url(self, onboarding: Onboarding, validation: Validation, now: datetime) -> Onboarding:
        """For a stored address that GU1_PROVIDER_HOSTS no longer allows."""
        log.error("onboarding %s: hosted page no longer in GU1_PROVIDER_HOSTS", onboarding.id)
        changed = replace(validation, session_url=None)
        return replace(onboarding, validation=changed, stall_reason=StallReason.HOSTED_PAGE_REFUSED, updated_at=now)

    def find_by_validation(self, gu1_id: str) -> Onboarding | None:
        """The onboarding that sent the request for this validation; None if it is not ours."""
        return self._store.find_by_validation(gu1_id)

    def is_shared_with_unanswered(self, onboarding: Onboarding) -> bool:
        """Another onboarding of its entity sent a request whose validation is unknown: gu1 may have created one."""
        return self._store.is_shared_with_unanswered(onboarding)

    def record_return(self, session_id: str) -> Onboarding | None:
        """The onboarding of this provider session, which is refreshed; None if unknown or opened too long ago."""
        onboarding = self._store.find_by_session(session_id)
        opened_at = onboarding.validation.opened_at if onboarding and onboarding.validation else None
        if onboarding is None or opened_at is None or opened_at < self._clock() - RETURN_WITHIN:
            return None
        self.record_photos_done(onboarding.id)
        return onboarding

    def record_photos_done(self, onboarding_id: str) -> None:
        """The person is back from the hosted page, or says that the photos are done; so gu1 is asked now or soon."""
        now = self._clock()
        with self._store.locked(onboarding_id) as row:
            validation = row.onboarding.validation
            if validation and validation.is_at_photos:
                row.save(replace(row.onboarding, validation=replace(validation, returned_at=now), updated_at=now))
            self._make_due(row, self.refresh_plan.due_after_photos(row.onboarding, now))
        self._wake()

    def retry(self, onboarding_id: str, *, after_attempt: int) -> Onboarding:
        """Opens the next validation on the same entity, only one if repeated. Raises `RetryRefused`.

        If an earlier one is open still, because gu1 has not closed it, the applicant goes on with that.

        After an abandoned one the runner opens it, as soon as gu1 has closed the abandoned one.

        `after_attempt`: the number of the validation that the applicant saw.
        """
        now = self._clock()
        with self._store.locked(onboarding_id) as row:
            onboarding = row.onboarding
            if onboarding.validation_number > after_attempt:
                return onboarding
            counted = self._attempts.counted(onboarding, row.find_attempts)
            others = [it for it in row.other_attempts() if it.number > onboarding.set_aside]
            changed = self._with_retry(onboarding, counted, others, now)
            if changed or counted.earlier_attempts != onboarding.earlier_attempts:
                row.save(changed or counted)
        if changed is None:
            raise RetryRefused
        self._wake()
        return row.onboarding

    def _with_retry(
        self, before: Onboarding, counted: Onboarding, others: Sequence[Validation], now: datetime
    ) -> Onboarding | None:
        """None if it is refused. `counted`: `before` with the person's attempts counted anew."""
        if self._attempts.held_back_until(before):
            is_free = self._attempts.held_back_until(counted) is None
            return replace(counted, due_at=now, updated_at=now) if is_free else None
        standing = self.standing(counted)
        if standing.may_restart:
            return _with_restart_asked(counted, now)
        if not standing.may_retry:
            return None
        self._meter.count("retried")
        return self._planner.with_next(counted, now, others)

    def with_attempts(self, onboardings: Sequence[Onboarding]) -> list[Onboarding]:
        """With the persons' attempts before the current validations counted anew."""
        with self._store.reading_attempts() as find:
            return [self._attempts.counted(it, partial(find, it)) for it in onboardings]

    def held_back_until(self, onboarding: Onboarding) -> datetime | None:
        """When the person's next attempt is free; None if the current validation may be sent."""
        return self._attempts.held_back_until(onboarding)

    def with_next(self, onboarding: Onboarding) -> Onboarding:
        """With the next validation in the place of the abandoned one that was closed for it."""
        validation = onboarding.validation
        if validation is None or not validation.makes_room or onboarding.stopped_at or onboarding.erased_at:
            return onboarding
        return self._planner.with_next(onboarding, self._clock())

    def stop(self, onboarding_id: str) -> Onboarding:
        """Stops at once; the runner then cancels the validation at gu1."""
        now = self._clock()
        with self._store.locked(onboarding_id) as row:
            changed = stopped(row.onboarding, now)
            if changed is None:
                return row.onboarding
            row.save(changed)
        self._meter.count("stopped")
        self._wake()
        return row.onboarding

    def adopt(self, seen: Observation) -> bool:
        """Adopts the validation that carries our nonce, if its create answer is missing or lost.

        A duplicate is not adopted but scheduled for cleanup. False if nothing was adopted.
        """
        if seen.nonce is None:
            return False
        with self._store.locked_by_nonce(seen.nonce) as row:
            validation = row.onboarding.validation if row else None
            if row is None or validation is None:
                return False
            is_duplicate = validation.gu1_id not in (None, seen.gu1_id)
            if is_duplicate and seen.status.is_final:
                return False
            change = self._with_cleanup_due if is_duplicate else self._observations.apply_unrequested
            row.save(change(row.onboarding, seen))
        self._wake()
        return not is_duplicate

    def _with_cleanup_due(self, onboarding: Onboarding, _duplicate: Observation) -> Onboarding:
        now = self._clock()
        return replace(onboarding, sweep_at=now, due_at=now)

    def observe(self, seen: Observation, *, delivery: str | None = None) -> bool:
        """Applies an unrequested observation of any attempt; False if no onboarding adopted the validation.

        `delivery`: the digest of the webhook that brought it, remembered in the same transaction.
        """
        is_due = self.observe_soon(seen, delivery).result()
        self.wake_if(is_due)
        return is_due is not None

    def observe_soon(self, seen: Observation, delivery: str | None) -> Future[bool | None]:
        """Like `observe`, without waiting; None if no onboarding adopted the validation, else what to `wake_if`."""
        return self._store.change_by_validation(seen.gu1_id, partial(self._observe, seen=seen, delivery=delivery))

    def wake_if(self, is_due: bool | None) -> None:
        if is_due:
            self._wake()

    def _observe(self, row: LockedOnboarding, seen: Observation, delivery: str | None) -> bool:
        """True if gu1 is to be read."""
        if delivery:
            row.remember_webhook(delivery, self._clock())
        other = row.other_attempt(seen.gu1_id)
        if other:
            changed, after = self._observations.apply_to_other(row.onboarding, other, seen)
            row.save_other_attempt(after)
            if changed is not row.onboarding:
                row.save(changed)
            return True
        validation = row.onboarding.validation
        is_unseen = validation is not None and validation.may_have_unseen_verdict(seen)
        if is_unseen:
            self._make_due(row)
        else:
            row.save(self._observations.apply_unrequested(row.onboarding, seen))
        return is_unseen

    def other_attempts(self, onboarding_id: str) -> list[Validation]:
        """Those that gu1 has, except the one that the onboarding stands at."""
        return self._store.other_attempts(onboarding_id)

    def apply_observation(self, onboarding: Onboarding, seen: Observation) -> Onboarding:
        return self._observations.apply(onboarding, seen)

    def request_refresh(self, onboarding_id: str) -> None:
        """Makes the onboarding due now."""
        with self._store.locked(onboarding_id) as row:
            self._make_due(row)
        self._wake()

    def request_refresh_of(self, gu1_id: str) -> bool:
        """Has gu1 read for news of a validation, even after its verdict; False if no onboarding adopted it."""
        with self._store.locked_by_validation(gu1_id) as row:
            if row is None:
                return False
            onboarding, now = row.onboarding, self._clock()
            if onboarding.erased_at:
                return True
            if row.other_attempt(gu1_id):
                row.save(replace(onboarding, recheck_at=now, due_at=now))
            elif onboarding.due_at is None:
                row.save(replace(onboarding, due_at=now))
            else:
                self._make_due(row)
        self._wake()
        return True

    def standing(self, onboarding: Onboarding) -> Standing:
        policy = self.policy_for(onboarding)
        return standing_of(
            onboarding,
            max_attempts=policy.max_attempts,
            attempts_window=policy.attempts_window,
            now=self._clock(),
        )

    def _make_due(self, row: LockedOnboarding, at: datetime | None = None) -> None:
        # Not after a failure: its backoff must not be shortened.
        if row.onboarding.due_at is not None and row.onboarding.failures == 0:
            row.save(replace(row.onboarding, due_at=at or self._clock()))


def _with_restart_asked(onboarding: Onboarding, now: datetime) -> Onboarding:
    asked = onboarding.validation and replace(onboarding.validation, restart_asked_at=now, refreshes=0)
    return replace(onboarding, validation=asked, failures=0, due_at=now, updated_at=now)


def _submission(nonce: str, details: Details) -> str:
    """The idempotency key of a form: equal if it is sent twice unchanged, different if it was corrected."""
    facts = (nonce, details.country, details.document_number, details.first_name, details.last_name, details.email)
    return hashlib.sha256(repr(facts).encode()).hexdigest()
