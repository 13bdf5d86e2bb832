"""What partners ask for: their customers' onboardings started, looked at and erased."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from functools import partial

from portal.domain.comparable_numbers import comparable
from portal.domain.errors import AnotherApplicant, UnknownOnboarding
from portal.domain.onboarding import Details, Onboarding
from portal.domain.stage import Stage, stage_of
from portal.domain.standing import link_is_useful
from portal.domain.status import Status
from portal.services.keyed_hash import KeyedHash
from portal.services.ports import Clock, IdempotentRequest, Meter, Store
from portal.services.validation_plan import Policy


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateRequest:
    """One partner's request for one customer."""

    partner: str
    external_id: str
    locale: str
    known_as: str | None = None
    return_url: str | None = None
    state: str | None = field(default=None, repr=False)
    capture: str | None = None
    details: Details | None = None
    """Of the customer, who only has to agree then."""
    sent_body: str = field(default="", repr=False)
    """As it was sent, without what the registry added."""

    @property
    def facts(self) -> str:
        """All that was wished for, so that a key used for another request is noticed."""
        return self.sent_body or json.dumps(asdict(self), sort_keys=True)


@dataclass(frozen=True, slots=True)
class CreateResult:
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


class PartnerOnboardings:
    def __init__(
        self,
        store: Store,
        *,
        clock: Clock,
        keyed_hash: KeyedHash,
        numbers: KeyedHash,
        policy_for: Callable[[Onboarding], Policy],
        meter: Meter,
        wake: Callable[[], None] = lambda: None,
    ) -> None:
        self._store = store
        self._clock = clock
        self._keyed_hash = keyed_hash
        self._numbers = numbers
        self._policy_for = policy_for
        self._meter = meter
        self._wake = wake

    def create(self, request: CreateRequest, *, key: str | None = None) -> CreateResult:
        """A new onboarding, or the one that the customer has open; the same again for the same `key`.

        Raises `KeyReused` where `key` came with another request before, and `AnotherApplicant`.
        """
        now = self._clock()
        fresh = Onboarding(
            id=secrets.token_urlsafe(16),
            partner=request.partner,
            external_id=request.external_id,
            known_as=request.known_as,
            locale=request.locale,
            return_url=request.return_url,
            state=request.state,
            capture=request.capture,
            details=request.details,
            country=request.details.country if request.details else None,
            given_by_partner=request.details is not None,
            due_at=now,
            created_at=now,
            updated_at=now,
        )
        idempotent = self._idempotent(key, request.facts) if key else None
        kept = self._store.add_for_customer(
            fresh, idempotent=idempotent, reuse=partial(self._reused, request), answer=self._answer
        )
        if kept.onboarding.id == fresh.id:
            self._meter.count("invited", partner=request.partner)
            self._wake()
        status, stage = kept.answer.split()
        return CreateResult(kept.onboarding, kept.is_new, Status(status), Stage(stage))

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

    def _idempotent(self, key: str, facts: str) -> IdempotentRequest:
        """By a keyed hash, because a number or a name can be guessed from a plain one."""
        return IdempotentRequest(
            key=key, fingerprint=self._keyed_hash.digest(facts), is_same=partial(self._keyed_hash.matches, facts)
        )

    def _reused(self, request: CreateRequest, earlier: Onboarding) -> Onboarding | None:
        max_attempts = self._max_attempts(earlier)
        if not link_is_useful(earlier, max_attempts=max_attempts, now=self._clock()):
            return None
        changed = replace(
            earlier,
            return_url=request.return_url or earlier.return_url,
            state=earlier.state if request.state is None else request.state,
            capture=request.capture or earlier.capture,
        )
        if request.details is None or request.details == earlier.details:
            return changed
        if stage_of(earlier, max_attempts=max_attempts) is Stage.DETAILS:
            return self._with_details(changed, request.details)
        if self._is_another(earlier, request.details):
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
            stall_reason=None,
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
        return self._policy_for(onboarding).max_attempts
