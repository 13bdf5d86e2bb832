"""What partners ask for: their customers' onboardings started, looked at and erased."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from functools import partial

from portal.domain.document_numbers import comparable
from portal.domain.errors import AnotherApplicant, UnknownOnboarding
from portal.domain.onboarding import Details, Onboarding
from portal.domain.stage import Stage, leads_on, stage_of
from portal.domain.status import Status
from portal.services.digests import Digests
from portal.services.planning import Rules
from portal.services.ports import Clock, Meter, Repeatable, Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitation:
    """One partner's wish for one customer."""

    partner: str
    external_id: str
    locale: str
    known_as: str | None = None
    return_url: str | None = None
    state: str | None = field(default=None, repr=False)
    capture: str | None = None
    details: Details | None = None
    """Of the customer, who only has to agree then."""
    request: str = field(default="", repr=False)
    """As it was sent, without what the registry added."""

    @property
    def facts(self) -> str:
        """All that was wished for, so that a key used for another wish is noticed."""
        return self.request or json.dumps(asdict(self), sort_keys=True)


@dataclass(frozen=True, slots=True)
class Invited:
    onboarding: Onboarding
    is_new: bool
    """False for the customer's open onboarding, which was there before."""
    status: Status
    stage: Stage
    """Both as they were when this was first answered."""


@dataclass(frozen=True, slots=True)
class Erasure:
    onboarding_id: str
    erased_at: datetime
    entity_id: str | None
    """What gu1 keeps, which this portal cannot erase."""
    validation_id: str | None


class Customers:
    def __init__(
        self,
        store: Store,
        *,
        clock: Clock,
        digests: Digests,
        numbers: Digests,
        rules_for: Callable[[Onboarding], Rules],
        meter: Meter,
        wake: Callable[[], None] = lambda: None,
    ) -> None:
        self._store = store
        self._clock = clock
        self._digests = digests
        self._numbers = numbers
        self._rules_for = rules_for
        self._meter = meter
        self._wake = wake

    def invite(self, wish: Invitation, *, key: str | None = None) -> Invited:
        """A new onboarding, or the one that the customer has open; the same again for the same `key`.

        Raises `KeyReused` where `key` came with another wish before, and `AnotherApplicant`.
        """
        now = self._clock()
        fresh = Onboarding(
            id=secrets.token_urlsafe(16),
            partner=wish.partner,
            external_id=wish.external_id,
            known_as=wish.known_as,
            locale=wish.locale,
            return_url=wish.return_url,
            state=wish.state,
            capture=wish.capture,
            details=wish.details,
            country=wish.details.country if wish.details else None,
            given_by_partner=wish.details is not None,
            due_at=now,
            created_at=now,
            updated_at=now,
        )
        repeatable = self._repeatable(key, wish.facts) if key else None
        kept = self._store.add_invited(fresh, wish=repeatable, renew=partial(self._renewed, wish), answer=self._answer)
        if kept.onboarding.id == fresh.id:
            self._meter.count("invited", partner=wish.partner)
            self._wake()
        status, stage = kept.answer.split()
        return Invited(kept.onboarding, kept.is_new, Status(status), Stage(stage))

    def find(self, partner: str, onboarding_id: str) -> Onboarding:
        """Raises `UnknownOnboarding`, for another partner's too."""
        found = self._store.get(onboarding_id)
        if found.partner != partner or found.erased_at:
            raise UnknownOnboarding(onboarding_id)
        return found

    def erase(self, partner: str, onboarding_id: str) -> Erasure:
        """Everything of the person, at once; what is open at gu1 is cancelled there by the engine."""
        now = self._clock()
        with self._store.locked(onboarding_id) as row:
            found = row.onboarding
            if found.partner != partner:
                raise UnknownOnboarding(onboarding_id)
            if found.erased_at is None:
                settled = found.validation is not None and found.validation.is_settled
                is_over = settled or found.verified_before_at is not None
                stopped_at = found.stopped_at or (None if is_over else now)
                found = replace(found, erased_at=now, stopped_at=stopped_at, due_at=found.due_at and now)
                row.erase(found)
                self._meter.count("erased", partner=partner)
        self._wake()
        gu1_id = found.validation.gu1_id if found.validation else None
        return Erasure(found.id, found.erased_at or now, found.entity_id, gu1_id)

    def _repeatable(self, key: str, facts: str) -> Repeatable:
        """By a keyed hash, because a number or a name can be guessed from a plain one."""
        return Repeatable(
            key=key, fingerprint=self._digests.digest(facts), is_same=partial(self._digests.matches, facts)
        )

    def _renewed(self, wish: Invitation, earlier: Onboarding) -> Onboarding | None:
        max_attempts = self._max_attempts(earlier)
        if not leads_on(earlier, max_attempts=max_attempts, now=self._clock()):
            return None
        changed = replace(
            earlier,
            return_url=wish.return_url or earlier.return_url,
            state=earlier.state if wish.state is None else wish.state,
            capture=wish.capture or earlier.capture,
        )
        if wish.details is None or wish.details == earlier.details:
            return changed
        if stage_of(earlier, max_attempts=max_attempts) is Stage.DETAILS:
            return self._with_details(changed, wish.details)
        if self._is_another(earlier, wish.details):
            raise AnotherApplicant
        return changed

    def _with_details(self, onboarding: Onboarding, details: Details) -> Onboarding:
        """The partner's word from now on, to which the person has not agreed yet."""
        return replace(
            onboarding,
            details=details,
            country=details.country,
            given_by_partner=True,
            consent=None,
            document_digest=None,
            validation=None,
            trouble=None,
            failures=0,
            updated_at=self._clock(),
        )

    def _is_another(self, earlier: Onboarding, details: Details) -> bool:
        number = comparable(details.country, details.document_number)
        known = earlier.document_digest
        return number is not None and known is not None and not self._numbers.matches(number, known)

    def _answer(self, onboarding: Onboarding) -> str:
        return f"{onboarding.status} {stage_of(onboarding, max_attempts=self._max_attempts(onboarding))}"

    def _max_attempts(self, onboarding: Onboarding) -> int:
        return self._rules_for(onboarding).max_attempts
