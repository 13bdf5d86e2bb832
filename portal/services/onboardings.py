"""The use cases: start, correct, view, continue, retry, observe, stop."""

from __future__ import annotations

import hashlib
import logging
import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from portal.domain.document_numbers import comparable
from portal.domain.errors import RetryRefused
from portal.domain.onboarding import (
    Consent,
    Details,
    DoubleCheck,
    IdentityMatch,
    Observation,
    Onboarding,
    Sending,
    Trouble,
    Validation,
)
from portal.domain.provider_hosts import ProviderHosts
from portal.domain.stage import may_continue, may_retry
from portal.services.digests import Digests
from portal.services.pace import Pace
from portal.services.ports import Clock, Meter, News, Store

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What the operator decides."""

    max_attempts: int
    double_check_renaper: bool
    provider_hosts: ProviderHosts


class Onboardings:
    def __init__(
        self,
        store: Store,
        *,
        clock: Clock,
        digests: Digests,
        rules: Rules,
        meter: Meter,
        pace: Pace,
        wake: Callable[[], None] = lambda: None,
    ) -> None:
        """`wake` tells the engine of this process that something fell due."""
        self._store = store
        self._clock = clock
        self._digests = digests
        self._meter = meter
        self._pace = pace
        self._wake = wake
        self.rules = rules

    def start(self, details: Details, *, locale: str, consent_version: str, nonce: str) -> Onboarding:
        """A stored onboarding; the one stored before where the same form is sent with the same details again."""
        now = self._clock()
        fresh = Onboarding(id=secrets.token_urlsafe(16), locale=locale, created_at=now, updated_at=now)
        wanted = replace(
            self._with_details(fresh, details, consent_version, now), submission=_submission(nonce, details)
        )
        stored = self._store.add(wanted)
        if stored.id == wanted.id:
            self._meter.count("started", country=details.country)
            self._wake()
        return stored

    def correct(self, onboarding_id: str, details: Details, *, consent_version: str) -> Onboarding:
        """New details for an onboarding whose first ones gu1 refused; without effect for any other."""
        now = self._clock()
        with self._store.locked(onboarding_id) as row:
            if row.onboarding.trouble is not Trouble.DETAILS_REFUSED:
                return row.onboarding
            changed = self._with_details(row.onboarding, details, consent_version, now)
            row.save(changed)
        self._wake()
        return changed

    def get(self, onboarding_id: str) -> Onboarding:
        return self._store.get(onboarding_id)

    def open_hosted_page(self, onboarding_id: str) -> str | None:
        """The hosted page of the one adopted validation, as stored; None where there is none to open now."""
        now = self._clock()
        with self._store.locked(onboarding_id) as row:
            validation = row.onboarding.validation
            if validation is None or not may_continue(row.onboarding):
                return None
            url = validation.session_url
            if url is None or not self.rules.provider_hosts.allows(url):
                return None
            if validation.shown_at is None:
                self._meter.count("handed_over")
                shown = replace(validation, shown_at=now, refreshes=0)
                due = now + self._pace.refresh_after(shown)
                row.save(replace(row.onboarding, validation=shown, due_at=due, updated_at=now))
            return url

    def came_back(self, session_id: str) -> Onboarding | None:
        """The onboarding of a provider session whose applicant has just come back; looked at again soon."""
        onboarding = self._store.find_by_session(session_id)
        if onboarding:
            self.look_again(onboarding.id)
        return onboarding

    def retry(self, onboarding_id: str, *, after_attempt: int) -> Onboarding:
        """Opens the next validation on the same entity; sending the same button twice opens one."""
        now = self._clock()
        with self._store.locked(onboarding_id) as row:
            onboarding = row.onboarding
            if onboarding.attempts > after_attempt:
                return onboarding
            if not may_retry(onboarding, max_attempts=self.rules.max_attempts):
                raise RetryRefused
            changed = replace(
                onboarding,
                validation=self._planned(onboarding.attempts + 1, onboarding.country, now),
                trouble=None,
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
            if onboarding.stopped_at or (onboarding.validation and onboarding.validation.is_settled):
                return onboarding
            changed = replace(onboarding, stopped_at=now, details=None, due_at=now, updated_at=now)
            row.save(changed)
        self._meter.count("stopped")
        self._wake()
        return changed

    def hear(self, news: News, body: bytes) -> str:
        """Applies a verified webhook, once; says what came of it. Raises where it could not be kept."""
        fingerprint = hashlib.sha256(body).hexdigest()
        if self._store.knows_webhook(fingerprint):
            return "repeated"
        outcome = self._apply(news)
        self._store.remember_webhook(fingerprint, self._clock())
        return outcome

    def _apply(self, news: News) -> str:
        if news.observation:
            return "applied" if self.observe(news.observation) else "not_ours"
        if news.gu1_id:
            return "looked_up" if self.look_again_at(news.gu1_id) else "not_ours"
        return "ignored"

    def observe(self, seen: Observation) -> bool:
        """Applies what gu1 said; False where the validation is not a current one of ours."""
        with self._store.locked_by_validation(seen.gu1_id) as row:
            if row is None:
                return False
            row.save(self.observed(row.onboarding, seen))
        return True

    def observed(self, onboarding: Onboarding, seen: Observation) -> Onboarding:
        """`onboarding` after gu1 spoke. Every piece of news comes through here."""
        now = self._clock()
        before = onboarding.validation
        if before is None or (before.gu1_id and before.gu1_id != seen.gu1_id):
            return onboarding
        seen, refused_url = self._without_foreign_url(onboarding, seen)
        adopted = replace(before, gu1_id=seen.gu1_id, sending=Sending.ADOPTED)
        after = adopted.observed(seen, self._identity_match(onboarding, seen))
        if after is adopted and seen.status is not before.status:
            self._meter.count("refused_move", old=before.status, new=seen.status)
        if after.status is not before.status or before.sending is not Sending.ADOPTED:
            self._meter.count("moved", status=after.status, reason=after.reason or "")
        changed = not after.looks_like(before)
        after = replace(after, refreshes=0 if changed else before.refreshes + 1)
        return replace(
            onboarding,
            validation=after,
            trouble=Trouble.SESSION_URL_REFUSED if refused_url else None,
            failures=0,
            due_at=None if after.is_settled else now + self._pace.refresh_after(after),
            updated_at=now if changed or refused_url else onboarding.updated_at,
        )

    def look_again(self, onboarding_id: str) -> None:
        """Something hinted at news: the engine reads gu1 now instead of later."""
        with self._store.locked(onboarding_id) as row:
            self._make_due(row.onboarding, row.save)

    def look_again_at(self, gu1_id: str) -> bool:
        with self._store.locked_by_validation(gu1_id) as row:
            if row is None:
                return False
            self._make_due(row.onboarding, row.save)
        return True

    def _make_due(self, onboarding: Onboarding, save: Callable[[Onboarding], None]) -> None:
        if onboarding.due_at is not None:
            save(replace(onboarding, due_at=self._clock()))
            self._wake()

    def _with_details(
        self, onboarding: Onboarding, details: Details, consent_version: str, now: datetime
    ) -> Onboarding:
        number = comparable(details.country, details.document_number)
        return replace(
            onboarding,
            country=details.country,
            details=details,
            document_digest=self._digests.digest(number) if number else None,
            consent=Consent(consent_version, now),
            validation=self._planned(1, details.country, now),
            trouble=None,
            failures=0,
            due_at=now,
            updated_at=now,
        )

    def _planned(self, number: int, country: str | None, now: datetime) -> Validation:
        asked = self.rules.double_check_renaper and country == "AR"
        return Validation(
            number=number,
            nonce=secrets.token_urlsafe(16),
            double_check=DoubleCheck.UNANSWERED if asked else DoubleCheck.NOT_ASKED,
            created_at=now,
        )

    def _identity_match(self, onboarding: Onboarding, seen: Observation) -> IdentityMatch:
        if seen.document_number is None or onboarding.document_digest is None:
            return IdentityMatch.UNKNOWN
        number = comparable(onboarding.country or "", seen.document_number)
        if number is None:
            return IdentityMatch.UNKNOWN
        same = self._digests.matches(number, onboarding.document_digest)
        return IdentityMatch.MATCH if same else IdentityMatch.MISMATCH

    def _without_foreign_url(self, onboarding: Onboarding, seen: Observation) -> tuple[Observation, bool]:
        if seen.session_url is None or self.rules.provider_hosts.allows(seen.session_url):
            return seen, False
        log.error("onboarding %s: gu1 gave a hosted page outside GU1_PROVIDER_HOSTS", onboarding.id)
        self._meter.count("session_url_refused")
        return replace(seen, session_url=None), True


def _submission(nonce: str, details: Details) -> str:
    """One form sent twice unchanged is one wish; corrected in between it is another."""
    facts = (nonce, details.country, details.document_number, details.first_name, details.last_name, details.email)
    return hashlib.sha256(repr(facts).encode()).hexdigest()
