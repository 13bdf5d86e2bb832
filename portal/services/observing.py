"""What becomes of an onboarding when gu1 says something: every piece of news comes through here."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from datetime import datetime

from portal.domain.document_numbers import comparable
from portal.domain.onboarding import Onboarding, Trouble
from portal.domain.provider_hosts import ProviderHosts
from portal.domain.validation import CLOCKS_APART, CONFIRMS_WITHIN, IdentityMatch, Observation, Sending, Validation
from portal.services.digests import Digests
from portal.services.pace import Pace
from portal.services.ports import Clock, Meter

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Observer:
    clock: Clock
    digests: Digests
    provider_hosts: ProviderHosts
    meter: Meter
    pace: Pace

    def observed(self, onboarding: Onboarding, seen: Observation) -> Onboarding:
        """`onboarding` after gu1 spoke; the same where it spoke of something else."""
        before = onboarding.validation
        if before is None or not _concerns(before, seen):
            return onboarding
        trouble = self._trouble(onboarding, seen)
        after = self._validation_after(onboarding, before, self._believed(seen))
        changed = not after.looks_like(before) or trouble is not onboarding.trouble
        after = replace(after, refreshes=0 if changed else before.refreshes + 1)
        now = self.clock()
        self._alarm(onboarding, after, now)
        return replace(
            onboarding,
            validation=after,
            trouble=trouble,
            failures=0,
            due_at=onboarding.due_after(None if after.is_settled else self._next_look(after, now)),
            updated_at=now if changed else onboarding.updated_at,
        )

    def told(self, onboarding: Onboarding, seen: Observation) -> Onboarding:
        """`onboarding` after gu1 spoke unasked: that is no look, and puts off none."""
        before, after = onboarding.validation, self.observed(onboarding, seen)
        if before is None or after.validation is None:
            return after
        return replace(
            after,
            validation=replace(after.validation, refreshes=min(before.refreshes, after.validation.refreshes)),
            due_at=after.due_at and min(after.due_at, onboarding.due_at or after.due_at),
        )

    def _validation_after(self, onboarding: Onboarding, before: Validation, seen: Observation) -> Validation:
        adopted = replace(before, gu1_id=seen.gu1_id, sending=Sending.ADOPTED)
        has_session = bool(seen.session_id or before.session_id or seen.session_url or before.session_url)
        # Without a session no document was shown: gu1's sandbox makes up what it says of one.
        match = self._identity_match(onboarding, seen) if has_session else IdentityMatch.UNKNOWN
        after = adopted.observed(seen, match)
        if after is adopted and seen.status is not before.status:
            self.meter.count("refused_move", old=before.status, new=seen.status)
        if after.is_doubtful and not before.is_doubtful:
            log.error("onboarding %s: approved with a document other than the one typed; held", onboarding.id)
            self.meter.count("identity_mismatch")
        if after.status is not before.status or before.sending is not Sending.ADOPTED:
            self.meter.count("moved", status=after.status, reason=after.reason or "")
        return after

    def _alarm(self, onboarding: Onboarding, after: Validation, now: datetime) -> None:
        """Of what only an operator can mend; at each look, for as long as it lasts."""
        if after.lacks_page:
            log.error("onboarding %s: gu1 gave its validation no hosted page", onboarding.id)
            self.meter.count("no_hosted_page")
        if after.is_confirming and now - onboarding.updated_at >= CONFIRMS_WITHIN:
            log.error("onboarding %s: approved, and RENAPER has not confirmed it for a day", onboarding.id)
            self.meter.count("unconfirmed")

    def _next_look(self, after: Validation, now: datetime) -> datetime:
        """By the usual pace, but no later than the session's end."""
        usual = now + self.pace.refresh_after(after)
        return min(usual, after.ends_at) if now < after.ends_at else usual

    def _identity_match(self, onboarding: Onboarding, seen: Observation) -> IdentityMatch:
        if seen.document_number is None or onboarding.document_digest is None:
            return IdentityMatch.UNKNOWN
        number = comparable(onboarding.country or "", seen.document_number)
        if number is None:
            return IdentityMatch.UNKNOWN
        same = self.digests.matches(number, onboarding.document_digest)
        return IdentityMatch.MATCH if same else IdentityMatch.MISMATCH

    def _believed(self, seen: Observation) -> Observation:
        """Without a time that is still to come, beside which all true news would look old."""
        is_ahead = seen.updated_at is not None and seen.updated_at > self.clock() + CLOCKS_APART
        return replace(seen, session_url=self._allowed(seen), updated_at=None if is_ahead else seen.updated_at)

    def _allowed(self, seen: Observation) -> str | None:
        url = seen.session_url
        return url if url and self.provider_hosts.allows(url) else None

    def _trouble(self, onboarding: Onboarding, seen: Observation) -> Trouble | None:
        refused_before = onboarding.trouble is Trouble.SESSION_URL_REFUSED
        if seen.session_url is None:
            return Trouble.SESSION_URL_REFUSED if refused_before else None
        if self._allowed(seen):
            return None
        if not refused_before:
            log.error("onboarding %s: gu1 gave a hosted page outside GU1_PROVIDER_HOSTS", onboarding.id)
            self.meter.count("session_url_refused")
        return Trouble.SESSION_URL_REFUSED


def _concerns(validation: Validation, seen: Observation) -> bool:
    """Not where a retry has replaced the validation that gu1 speaks of."""
    if validation.gu1_id:
        return validation.gu1_id == seen.gu1_id
    return validation.sending is Sending.SENT or validation.nonce == seen.nonce
